//! The output of the sandbox: the explanation or the line of JSON on stdout, errors on stderr.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::{Map, json};

use crate::cli::Cli;
use crate::error::Error;
use crate::host::Host;
use crate::stack::Stack;

/// The request of the printed `curl` line, which is also what the sandbox waits for.
pub(crate) fn search_body() -> String {
    json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": { "name": "search", "arguments": { "query": "orders" } },
    })
    .to_string()
}

pub(crate) fn ready(cli: &Cli, host: &Host, stack: &Stack) -> Result<(), Error> {
    let text = if cli.json {
        json_line(host, stack)
    } else {
        explanation(host, stack)
    };
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .map_err(Error::Print)
}

pub(crate) fn complain(error: &Error) {
    // a closed stderr cannot be reported anywhere
    let _ = writeln!(io::stderr().lock(), "sandbox: {error}");
}

fn json_line(host: &Host, stack: &Stack) -> String {
    let people: Map<_, _> = stack
        .people
        .iter()
        .map(|account| {
            let value = json!({
                "token": account.token,
                "password": account.person.password,
                "datahub_token": account.datahub_token,
            });
            (account.person.username.clone(), value)
        })
        .collect();
    json!({
        "mcp_url": host.url("/mcp"),
        "gms_url": stack.datahub.url(),
        "issuer": stack.idp.issuer(),
        "settings": host.settings(stack),
        "people": people,
    })
    .to_string()
}

/// The command that walks through a sign-in at the embedded provider.
fn doctor(host: &Host, stack: &Stack) -> String {
    let settings = host.settings(stack);
    let settings: String = settings
        .iter()
        .map(|(name, value)| format!("{name}={value} "))
        .collect();
    format!(
        "env {settings}{} doctor --sign-in --callback-port 0",
        host.program().display()
    )
}

fn explanation(host: &Host, stack: &Stack) -> String {
    let mcp = host.url("/mcp");
    let admin = stack.admin_token();
    let doctor = doctor(host, stack);
    let mut text = format!(
        "\
The sandbox is up; Ctrl-C ends it. The catalog is a made-up shop's, and everything is forgotten.

  MCP server         {mcp}
  DataHub            {}
  identity provider  {}

Try it:

  curl -s {mcp} -H 'Authorization: Bearer {admin}' -H 'Content-Type: application/json' \
-H 'Accept: application/json, text/event-stream' -d '{}'

Add it to Claude Code, where the browser signs you in:

  claude mcp add --transport http datahub-sandbox {mcp}

or to VS Code:

  code --add-mcp '{}'

or, with a token instead of a sign-in, to any client:

  claude mcp add --transport http datahub-sandbox {mcp} --header 'Authorization: Bearer {admin}'

Examine it as an operator does, with a sign-in by hand whose URL you open (without --sign-in: no browser):

  {doctor}

People, with passwords for the sign-in page and tokens for the next 8 hours:
",
        stack.datahub.url(),
        stack.idp.issuer(),
        search_body(),
        json!({ "name": "datahub-sandbox", "type": "http", "url": mcp }),
    );
    for account in &stack.people {
        let person = &account.person;
        let may = match person.username.as_str() {
            "admin" => "may do everything",
            "editor" => "reads and writes",
            "viewer" => "reads",
            _ => "signs in, and is refused by DataHub",
        };
        // writing to a string does not fail
        let _ = write!(
            text,
            "\n  {:<10} {} ({may})\n    password  {}\n    token     {}\n",
            person.username, person.name, person.password, account.token,
        );
    }
    text
}
