//! What the operating system and clients do to a server in bad days: it is killed, stopped, short of
//! memory, not read from. The rows with an id are those of host/docs/reliability.md.

use std::{os::unix::process::ExitStatusExt, path::Path, process::Command, time::Duration};

use futures::future::join_all;
use integration_tests::{Behaviour, Server, StubDataHub, Vitals, artifacts, raw, until};
use rustix::process::Signal;
use sandbox::idp::{Options, PUBLIC_CLIENT};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    oauth_revocations::{sign_in, status, with_state},
    oauth_world::{admit, text},
    world::{World, settings},
};

/// More than any of these takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn resident_mib(world: &World) -> u64 {
    Vitals::of(world.server.pid()).unwrap().resident_mib()
}

/// O-02: whenever it is killed, the next one starts, keeps who is signed in, and revives nobody.
#[tokio::test]
async fn killed_under_load_again_and_again_it_comes_back_with_what_was_revoked() {
    const ROUNDS: usize = 20;
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("state");
    let mut world = World::with(Options::default(), |builder| {
        with_state(builder, &directory)
    })
    .await;
    admit(&world);
    let port = world.server.address().port().to_string();
    let (_, kept) = sign_in(&world).await;
    let mut revoked: Vec<Value> = Vec::new();
    for round in 0..ROUNDS {
        let (app, tokens) = sign_in(&world).await;
        let (mcp, token) = (world.server.mcp(), text(&kept, "access_token").to_owned());
        let load = tokio::spawn(async move {
            let call = || mcp.call(Some(&token), "search", json!({"query": "*"}));
            while call().await.is_ok() {}
        });
        // Whatever else is being written at that moment.
        let other = tokio::spawn({
            let (app, refresh) = (app.clone(), text(&tokens, "refresh_token").to_owned());
            async move { app.refresh(&refresh).await }
        });
        let form = [
            ("token", text(&tokens, "access_token")),
            ("client_id", &*app.id),
        ];
        assert_eq!(app.post("/oauth/revoke", &form).await.0, 200);
        other.abort();
        revoked.push(tokens);
        let World {
            idp,
            datahub,
            server,
        } = world;
        // Dropped, it is killed at once (SIGKILL).
        drop(server);
        load.await.unwrap();
        let builder = with_state(settings(&idp, &datahub), &directory)
            .env("OIDC_CLIENT_ID", PUBLIC_CLIENT)
            .env("DATAHUB_MCP_PORT", &port);
        let server = builder.start().unwrap();
        world = World {
            idp,
            datahub,
            server,
        };
        assert_eq!(status(&world, &kept).await, 200, "round {round}");
        for tokens in &revoked {
            assert_eq!(status(&world, tokens).await, 401, "round {round}");
        }
    }
    assert!(!world.server.output().contains("ERROR"));
}

/// O-01: what is under way when the server is asked to stop is answered.
#[tokio::test]
async fn a_hundred_calls_under_way_are_answered_after_sigterm() {
    const CALLS: u64 = 100;
    let world = World::start().await;
    let mcp = world.server.mcp();
    // The last of so many is not by way of the server, and comes when the stop is under way.
    world.datahub.behave(Behaviour::Together(CALLS));
    let calls = (1..CALLS).map(|number| {
        let token = world.idp.access_token(&format!("person{}", number % 25));
        let mcp = mcp.clone();
        async move {
            mcp.call(Some(&token), "search", json!({"query": "*"}))
                .await
        }
    });
    let under_way = tokio::spawn(join_all(calls));
    until("all but one are under way", async || {
        world.datahub.in_flight() == CALLS - 1
    })
    .await;
    world.server.signal(Signal::TERM).unwrap();
    until("no more connections are taken", async || {
        TcpStream::connect(world.server.address()).await.is_err()
    })
    .await;
    let last = mcp
        .http()
        .post(format!("{}/api/graphql", world.datahub.url()));
    last.json(&json!({"query": "query me { me }"}))
        .send()
        .await
        .unwrap();
    for reply in under_way.await.unwrap() {
        let reply = reply.unwrap();
        assert!(
            reply.status == 200 && !reply.is_tool_error(),
            "{}",
            reply.text
        );
    }
    let (ended, _) = world.server.wait().unwrap();
    assert!(ended.success(), "{ended:?}");
}

/// B-02: a client that asks for much and takes nothing holds neither memory nor its connection.
#[tokio::test]
async fn a_client_that_asks_and_never_reads_is_cut_off() {
    const CLIENTS: usize = 4;
    let world = World::with(Options::default(), |builder| {
        builder.env("DATAHUB_MCP_WRITE_TIMEOUT_SECS", "1")
    })
    .await;
    let token = world.idp.access_token("editor");
    let (address, before) = (world.server.address(), resident_mib(&world));
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let greedy = (0..CLIENTS).map(|_| async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        // An error is the end that is waited for.
        while stream.write_all(request.as_bytes()).await.is_ok() {}
    });
    let ended = timeout(PATIENCE, join_all(greedy)).await;
    assert!(ended.is_ok(), "the server waits for ever");
    let after = resident_mib(&world);
    assert!(after < before + 100, "{before} MiB before, {after} after");
    let mcp = world.server.mcp();
    let reply = mcp.rpc(Some(&token), "tools/list", json!({})).await;
    assert_eq!(reply.unwrap().status, 200);
}

/// F-10: what clients may hold at once is bounded below a limit of memory, so it sheds and lives.
#[tokio::test]
async fn a_server_with_little_memory_sheds_a_flood_of_large_bodies() {
    const SENDERS: usize = 200;
    let datahub = StubDataHub::start().await.unwrap();
    let mut server = Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
        .memory_limit(512 << 20)
        .start()
        .unwrap();
    let address = server.address();
    // As many values as pass, in a body as long as passes.
    let values = format!("\"{}\",", "x".repeat(20)).repeat(9_000);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"get_me","arguments":{{"x":[{values}1]}}}}}}"#
    );
    let senders = (0..SENDERS).map(|number| {
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer person-{}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            number % 40,
            body.len()
        );
        async move {
            let source = format!("127.0.1.{}", number % 40 + 1).parse().unwrap();
            raw::send_from(source, address, request.as_bytes()).await.unwrap()
        }
    });
    for answer in join_all(senders).await {
        let status = raw::status(&answer);
        assert!(
            matches!(status, Some(200 | 401 | 413 | 429 | 503)),
            "{answer}"
        );
    }
    assert!(server.ended().unwrap().is_none(), "{}", server.output());
    let health = server.mcp().http().get(server.url("/health")).send().await;
    assert_eq!(health.unwrap().status(), 200);
}

/// S-14: secrets are in memory, so no core file is written, whatever the shell allows.
#[tokio::test]
async fn a_server_that_is_aborted_leaves_no_core_file() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::script(
        directory.path(),
        "ulimit -c unlimited || true; exec datahub-mcp serve",
    )
    .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
    .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
    .start()
    .unwrap();
    server.signal(Signal::ABORT).unwrap();
    let (ended, _) = server.wait().unwrap();
    assert_eq!(ended.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!ended.core_dumped());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// A limit of the machine that is too small ends the start in one line that names it, never in an abort.
#[test]
fn a_limit_that_is_too_small_ends_the_start_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    for (limit, named) in [
        ("-d 16384", "`ulimit -d, LimitDATA=`) is 16 MiB"),
        ("-d 49152", "`ulimit -d, LimitDATA=`) is 48 MiB"),
        ("-v 81920", "`ulimit -v, LimitAS=`) is 80 MiB"),
        ("-v 163840", "`ulimit -v, LimitAS=`) is 160 MiB"),
        ("-s 256", "`ulimit -s, LimitSTACK=`) is 256 KiB"),
        ("-n 12", "`ulimit -n, LimitNOFILE=`) is 12"),
    ] {
        let script = format!("ulimit {limit}; exec datahub-mcp serve");
        let output = Server::script(directory.path(), &script)
            .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
            .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
            .command()
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{limit}: {said}");
        assert_eq!(said.lines().count(), 1, "{limit}: {said}");
        assert!(
            said.starts_with("error: ") && said.contains(named),
            "{said}"
        );
    }
}

fn readelf(file: &Path) -> Option<String> {
    let output = Command::new("readelf").args(["-hldW"]).arg(file).output();
    let output = output.ok()?;
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// O-06: what we build can be loaded anywhere in memory, lets nobody write over its tables, and
/// names no folder to search.
#[test]
fn binaries_are_position_independent_and_name_no_folders() {
    let mut files = vec![artifacts().server()];
    files.extend(["oidc", "datahub_token", "static_tokens"].map(|name| artifacts().plugin(name)));
    for file in files {
        let Some(found) = readelf(&file) else {
            test_support::skipped("readelf");
            return;
        };
        let line = |part: &str| found.lines().find(|line| line.contains(part));
        let name = file.display();
        assert!(line("Type:").unwrap().contains("DYN"), "{name}");
        assert!(line("GNU_RELRO").is_some(), "{name}");
        assert!(line("NOW").is_some(), "{name}: lazy binding");
        let stack = line("GNU_STACK").unwrap();
        assert!(!stack.contains("RWE"), "{name}: {stack}");
        for path in ["(RPATH)", "(RUNPATH)"] {
            assert!(line(path).is_none(), "{name}: {path}");
        }
    }
}
