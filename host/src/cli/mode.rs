//! The choice between serving over HTTP and speaking over stdin and stdout when no command is given:
//! by `--transport`, by the name of the program, or by what stdin is.
//!
//! The Python server's package installs two programs, and its users' client settings name the
//! program and a few variables, without arguments.

use std::{ffi::OsStr, os::unix::fs::FileTypeExt, path::Path};

use super::Command;
use crate::config::Raw;

/// The Python server's program for one person.
const PYTHON_STDIO: &str = "mcp-server-datahub";
/// The Python server's program for HTTP.
const PYTHON_HTTP: &str = "mcp-server-datahub-http";

/// A value of `--transport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// `stdio`, as the command.
    Stdio,
    /// `http` or `streamable-http`, as the command `serve`.
    Http,
}

impl Transport {
    /// Parses the flag's value.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "stdio" => Ok(Self::Stdio),
            "http" | "streamable-http" => Ok(Self::Http),
            "sse" => Err(
                "this server has no `sse`: MCP replaced that transport with streamable HTTP; use \
                 `--transport http`, and the URL that ends in `/mcp`"
                    .to_owned(),
            ),
            _ => Err("it is `stdio`, `http` or `streamable-http`".to_owned()),
        }
    }

    fn command(self) -> Command {
        match self {
            Self::Stdio => Command::Stdio,
            Self::Http => Command::Serve,
        }
    }
}

/// The command to run. `program` is the path by which this program was started, `piped` says that
/// stdin is a pipe.
///
/// # Errors
/// A sentence if `--transport` contradicts the command.
pub(super) fn choose(
    command: Option<Command>,
    transport: Option<Transport>,
    program: &OsStr,
    raw: &Raw,
    piped: bool,
) -> Result<Command, &'static str> {
    let Some(command) = command else {
        return Ok(match transport {
            Some(transport) => transport.command(),
            None => by_circumstances(program, raw, piped),
        });
    };
    match (&command, transport) {
        (_, None)
        | (Command::Stdio, Some(Transport::Stdio))
        | (Command::Serve, Some(Transport::Http)) => Ok(command),
        _ => Err("`--transport` contradicts the command: leave it out"),
    }
}

fn by_circumstances(program: &OsStr, raw: &Raw, piped: bool) -> Command {
    let name = Path::new(program).file_name().and_then(OsStr::to_str);
    match name {
        Some(PYTHON_STDIO) => Command::Stdio,
        Some(PYTHON_HTTP) => Command::Serve,
        // A desktop client that knows the name of the program and two variables.
        _ if piped && !raw.is_about_serving() => Command::Stdio,
        _ => Command::Serve,
    }
}

/// True if another program holds the other end of stdin: a pipe, or a socket, as Node's
/// `child_process` makes. A terminal, a file and `/dev/null` are none.
pub fn stdin_is_a_pipe() -> bool {
    std::fs::metadata("/dev/stdin").is_ok_and(|stdin| {
        let kind = stdin.file_type();
        kind.is_fifo() || kind.is_socket()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn raw(pairs: &[(&str, &str)]) -> Raw {
        let environment: Environment = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        super::super::parse(["x".into(), "serve".into()], environment, false)
            .unwrap()
            .raw
    }

    fn chosen(program: &str, pairs: &[(&str, &str)], piped: bool) -> Command {
        choose(None, None, OsStr::new(program), &raw(pairs), piped).unwrap()
    }

    #[test]
    fn the_name_of_the_program_and_stdin_decide() {
        let token = ("DATAHUB_GMS_TOKEN", "t");
        let port = ("FASTMCP_PORT", "9000");
        for (program, pairs, piped, stdio) in [
            ("/usr/bin/mcp-server-datahub", &[port][..], false, true),
            ("mcp-server-datahub-http", &[token], true, false),
            ("datahub-mcp", &[token], true, true),
            ("datahub-mcp", &[token], false, false),
            ("datahub-mcp", &[token, port], true, false),
            (
                "datahub-mcp",
                &[("PUBLIC_URL", "https://a.example")],
                true,
                false,
            ),
            (
                "datahub-mcp",
                &[("OIDC_ISSUER_URL", "https://a.example")],
                true,
                false,
            ),
            (
                "datahub-mcp",
                &[("TOKEN_VALIDATOR_PLUGIN_DIR", "/x")],
                true,
                true,
            ),
            ("datahub-mcp", &[("LOG_LEVEL", "debug")], true, true),
        ] {
            let command = chosen(program, pairs, piped);
            assert_eq!(
                matches!(command, Command::Stdio),
                stdio,
                "{program} {pairs:?} {piped}: {command:?}"
            );
        }
    }

    #[test]
    fn the_flag_names_the_command_or_says_why_not() {
        assert_eq!(Transport::parse("stdio"), Ok(Transport::Stdio));
        for http in ["http", "streamable-http"] {
            assert_eq!(Transport::parse(http), Ok(Transport::Http));
        }
        assert!(
            Transport::parse("sse")
                .unwrap_err()
                .contains("--transport http")
        );
        assert!(Transport::parse("tcp").is_err());
        let raw = raw(&[]);
        let program = OsStr::new("mcp-server-datahub");
        let choose = |command, transport| choose(command, Some(transport), program, &raw, true);
        assert!(matches!(choose(None, Transport::Http), Ok(Command::Serve)));
        assert!(matches!(choose(None, Transport::Stdio), Ok(Command::Stdio)));
        assert!(choose(Some(Command::Stdio), Transport::Stdio).is_ok());
        assert!(choose(Some(Command::Serve), Transport::Stdio).is_err());
        assert!(choose(Some(Command::Manual), Transport::Http).is_err());
    }
}
