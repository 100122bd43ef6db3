//! S-14: every secret that an operator sets, all of them at once and at trace level, is nowhere in what the
//! server and its commands print, answer, or show to other processes.

use std::{fs, path::Path, process::Stdio};

use integration_tests::{
    Behaviour, Server, ServerBuilder, StubDataHub, artifacts,
    canary::{canary, traces},
    hex,
};
use sandbox::idp::{EmbeddedIdp, Options, Running};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Names of secrets and their values.
type Secrets = Vec<(&'static str, String)>;

/// A Redis that says the wrong things, with the password in them. Its address.
async fn angry_redis(password: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let said = format!("-WRONGPASS invalid password {password}\r\n");
            tokio::spawn(async move {
                let mut part = [0; 4096];
                while stream.read(&mut part).await.is_ok_and(|read| read > 0) {
                    if stream.write_all(said.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address.to_string()
}

/// A server with each secret setting that `validator` leaves room for.
async fn settings(
    validator: &str,
    idp: &Running,
    datahub: &StubDataHub,
    state: &Path,
) -> (ServerBuilder, Secrets) {
    let mut secrets: Secrets = Vec::new();
    let mut secret = |name: &'static str| {
        let value = canary(name);
        secrets.push((name, value.clone()));
        value
    };
    let redis_password = secret("redis");
    let redis = angry_redis(redis_password.clone()).await;
    let builder = integration_tests::settings(idp, datahub)
        .env("LOG_LEVEL", "trace")
        .env("RUST_LOG", "trace")
        .env("DATAHUB_MCP_ADMIN_ADDRESS", "127.0.0.1:0")
        .env("OIDC_CLIENT_ID", "mcp")
        .env("OIDC_CLIENT_SECRET", secret("client"))
        .env("OAUTH_STATE_DIR", state.display().to_string())
        .env(
            "OAUTH_STORE_URL",
            format!("redis://mcp:{redis_password}@{redis}/0"),
        )
        .env("DATAHUB_GMS_TOKEN", secret("shared"))
        .env(
            "DATAHUB_GMS_EXTRA_HEADERS",
            json!({"cf-access-client-secret": secret("header")}).to_string(),
        )
        // Nothing here is reached by it: all neighbours are on loopback.
        .env(
            "OUTBOUND_PROXY",
            format!("http://mcp:{}@127.0.0.1:9", secret("proxy")),
        )
        .env(
            "OAUTH_CLIENTS",
            json!([{"client_id": "ide", "name": "Ide", "client_secret": secret("app"),
                "redirect_uris": ["https://ide.example.com/callback"]}])
            .to_string(),
        )
        .env("TOKEN_VALIDATOR_FACTORY", validator);
    let builder = match validator {
        "datahub_exchange" => builder
            .env("DATAHUB_SERVICE_TOKEN", secret("service"))
            .env("TOKEN_VALIDATOR_OPT_USER_REGEX", "(.*)"),
        "token_exchange" => builder.env("TOKEN_VALIDATOR_OPT_TARGET_AUDIENCE", "datahub"),
        _ => builder,
    };
    let key: [u8; 32] = rand::random();
    secrets.push(("sealing key", hex(&key)));
    let builder = builder.env("OAUTH_TOKEN_KEYS", hex(&key));
    (builder, secrets)
}

/// What a command of the program prints with these settings.
async fn printed(settings: &ServerBuilder, arguments: &[&str]) -> String {
    let mut command = tokio::process::Command::new(artifacts().server());
    command.env_clear();
    // The builder's own argument is `serve`.
    for (name, value) in settings.command().get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let output = command
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|part| String::from_utf8_lossy(part));
    assert!(
        !out.is_empty() || !err.is_empty(),
        "{arguments:?} says nothing"
    );
    format!("{out}{err}")
}

/// What other users of the machine see of the server and of the processes that it started.
fn command_lines(server: &Server) -> String {
    let mut processes = server.children();
    processes.push(server.pid());
    let lines = processes.iter().map(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What the server answers to requests of all kinds.
async fn answers(server: &Server, idp: &Running, datahub: &StubDataHub) -> String {
    let (mcp, mut all) = (server.mcp(), String::new());
    let token = idp.access_token("editor");
    for behaviour in [
        Behaviour::Echo,
        Behaviour::Fixed(500, "broken".to_owned(), "text/plain"),
        Behaviour::Unauthorized,
    ] {
        datahub.behave(behaviour);
        for token in [Some(&*token), Some("made-up"), None] {
            let reply = mcp.call(token, "search", json!({"query": "*"})).await;
            all += &reply.unwrap().text;
        }
    }
    let http = mcp.http();
    for secret in [None, Some("wrong")] {
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", "x"),
            ("client_id", "ide"),
        ];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        for path in ["/oauth/token", "/oauth/revoke"] {
            let answer = http.post(server.url(path)).form(&form).send().await;
            all += &answer.unwrap().text().await.unwrap();
        }
    }
    for path in [
        "/ready",
        "/health",
        "/.well-known/oauth-authorization-server",
        "/oauth/callback?code=a&state=b",
    ] {
        let answer = http.get(server.url(path)).send().await;
        all += &answer.unwrap().text().await.unwrap();
    }
    all + &server.metrics().await.unwrap()
}

/// S-14: all secrets of the settings, with each validator that has some of its own.
#[tokio::test]
async fn no_secret_of_the_settings_is_printed_answered_or_shown_anywhere() {
    for validator in [
        "oidc",
        "introspection",
        "token_exchange",
        "datahub_exchange",
    ] {
        let state = tempfile::tempdir().unwrap();
        let idp = EmbeddedIdp::start(Options::default()).await.unwrap();
        let datahub = StubDataHub::start().await.unwrap();
        let (builder, secrets) = settings(validator, &idp, &datahub, state.path()).await;
        let token = state.path().join("token");
        fs::write(&token, idp.access_token("editor")).unwrap();
        let token = token.display().to_string();
        let mut texts = Vec::new();
        for arguments in [
            &["config", "show"][..],
            &["config", "check"],
            &["doctor"],
            &["clients", "list"],
            &["plugins", "inspect", validator],
            &["plugins", "check", validator, "--good", "x", "--bad", "y"],
            &["plugins", "try", validator, "--token-file", &token],
        ] {
            texts.push((arguments.join(" "), printed(&builder, arguments).await));
        }
        let server = builder.start().unwrap();
        texts.push(("answers".to_owned(), answers(&server, &idp, &datahub).await));
        texts.push(("command lines".to_owned(), command_lines(&server)));
        let (_, output) = server.stop().unwrap();
        assert!(output.contains("TRACE"), "{validator}");
        texts.push(("log".to_owned(), output));
        for (name, secret) in &secrets {
            for (place, text) in &texts {
                let found = traces(text, secret);
                assert!(
                    found.is_empty(),
                    "{validator}: {name} in {place}: {found:?}"
                );
            }
        }
    }
}
