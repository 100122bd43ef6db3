//! Faults of a library that is not safe code: initialisers that hang, exit and crash, processes that
//! fork, stop, and say something before they die.

use integration_tests::{
    PluginDir, Server, ServerBuilder, StubDataHub, artifacts, faulty, status, until,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

const MODES: [&str; 2] = ["in-process", "process"];
/// What an initialiser does wrong, by name.
const FAULTS: [(&str, &str); 3] = [
    ("hangs", "for (;;) pause()"),
    ("exits", "_exit(0)"),
    ("crashes", "*(volatile int *)8 = 1"),
];

/// The faulty library, with `at_load` in its initialiser, in a plugin directory.
fn library(at_load: &str) -> PluginDir {
    let target = tempfile::tempdir().unwrap();
    PluginDir::with(&faulty(target.path(), at_load).unwrap()).unwrap()
}

fn server(plugins: &PluginDir, datahub: &StubDataHub, mode: &str) -> ServerBuilder {
    plugins
        .server(datahub, "faulty", &json!({}))
        .env("PLUGIN_ISOLATION", mode)
        .env("TOKEN_VALIDATOR_START_TIMEOUT_SECS", "2")
        .env("TOKEN_VALIDATOR_TIMEOUT_MS", "1500")
}

/// A server in the default mode with a library whose initialiser is `at_load`.
async fn serving(at_load: &str) -> (StubDataHub, PluginDir, Server) {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = library(at_load);
    let server = server(&plugins, &datahub, "process").start().unwrap();
    assert_eq!(status(&server.mcp(), "good-before").await, 200);
    (datahub, plugins, server)
}

fn is_there(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

#[tokio::test]
async fn a_start_with_a_library_that_does_not_open_ends_and_names_it() {
    let datahub = StubDataHub::start().await.unwrap();
    for (name, at_load) in FAULTS {
        let plugins = library(at_load);
        for mode in MODES {
            let refusal = server(&plugins, &datahub, mode).refuse().unwrap();
            assert!(
                refusal.status.code().is_some_and(|code| code > 0)
                    && refusal.text.contains("error: validator `faulty`")
                    && refusal.text.contains("libfaulty.so"),
                "{mode}, {name}: {refusal:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_reload_of_a_library_that_does_not_open_changes_nothing() {
    let datahub = StubDataHub::start().await.unwrap();
    for mode in MODES {
        let plugins = library("");
        let server = server(&plugins, &datahub, mode).start().unwrap();
        let mcp = server.mcp();
        assert_eq!(status(&mcp, "good-before").await, 200, "{mode}");
        for (name, at_load) in FAULTS {
            plugins.put(library(at_load).bytes()).unwrap();
            let before = server.output().len();
            server.signal(Signal::HUP).unwrap();
            let refused = || {
                let output = server.output()[before..].to_owned();
                output.contains("reload failed") && output.contains("libfaulty.so")
            };
            until("it is refused", async || {
                // Meanwhile, too.
                assert_eq!(status(&mcp, "good-before").await, 200, "{mode}, {name}");
                refused()
            })
            .await;
            let new = format!("good-after-{name}");
            assert_eq!(status(&mcp, &new).await, 200, "{mode}, {name}");
        }
        let (ended, output) = server.stop().unwrap();
        assert!(ended.success(), "{mode}: {ended:?}\n{output}");
    }
}

#[tokio::test]
async fn a_library_that_crashes_inside_the_server_is_named_in_its_last_line() {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = library("");
    let server = server(&plugins, &datahub, "in-process").start().unwrap();
    let mcp = server.mcp();
    let cut = mcp.rpc(Some("crashes-1"), "tools/list", json!({})).await;
    assert!(cut.is_err(), "{cut:?}");
    let (_, output) = server.wait().unwrap();
    assert!(
        output.contains("error: validator `faulty:faulty` crashed the server with SIGSEGV"),
        "{output}"
    );
}

#[tokio::test]
async fn the_last_words_of_a_process_are_in_the_log() {
    let (_datahub, _plugins, server) = serving("").await;
    let mcp = server.mcp();
    assert_eq!(status(&mcp, "prints-1").await, 503);
    until("it is back", async || {
        status(&mcp, "good-after").await == 200
    })
    .await;
    let (_, output) = server.stop().unwrap();
    let died = output
        .lines()
        .find(|line| line.contains("the process of a validator died"))
        .unwrap_or_default();
    for words in ["faulty", "exit status: 3", "the last words of a plugin"] {
        assert!(died.contains(words), "{words}: {output}");
    }
    assert!(
        output
            .lines()
            .any(|line| line.contains("the last words of a plugin") && line.contains("stderr")),
        "{output}"
    );
}

/// What the plugin started holds the socket and the pipe, and is no sign of life.
#[tokio::test]
async fn the_death_of_a_process_that_forked_is_noticed_and_its_children_end() {
    let (_datahub, _plugins, server) = serving("").await;
    let mcp = server.mcp();
    assert_eq!(status(&mcp, "forks-1").await, 503);
    until("it is back", async || {
        status(&mcp, "good-after").await == 200
    })
    .await;
    let (ended, output) = server.stop().unwrap();
    assert!(ended.success(), "{ended:?}\n{output}");
    let grandchild = output
        .split("grandchild ")
        .nth(1)
        .and_then(|rest| rest.split('.').next())
        .unwrap();
    // Negative: it was not allowed to fork.
    if let Ok(pid) = grandchild.parse::<u32>() {
        until("the grandchild is gone", async || !is_there(pid)).await;
    }
}

/// Nobody asks it anything while it is stopped.
#[tokio::test]
async fn a_process_that_hangs_is_replaced_without_any_request() {
    let (_datahub, _plugins, server) = serving("").await;
    let children = server.children();
    assert_eq!(children.len(), 1, "{children:?}");
    let pid = Pid::from_raw(children[0].cast_signed()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    until("another process", async || {
        let now = server.children();
        now.len() == 1 && now != children
    })
    .await;
    assert!(server.output().contains("hangs: killing it"));
    let mcp = server.mcp();
    until("it answers", async || {
        status(&mcp, "good-after").await == 200
    })
    .await;
}

/// Even if it does not want to.
#[tokio::test]
async fn a_process_ends_with_a_server_that_is_killed() {
    let at_load = "atexit((void (*)(void))pause)";
    let (_datahub, _plugins, server) = serving(at_load).await;
    let children = server.children();
    server.signal(Signal::KILL).unwrap();
    until("its process is gone", async || {
        children.iter().all(|pid| !is_there(*pid))
    })
    .await;
}

/// Time in the host's own queue is no fault of the validator.
#[tokio::test]
async fn a_crowd_that_waits_for_threads_does_not_open_the_breaker() {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = library("");
    for mode in MODES {
        let server = server(&plugins, &datahub, mode).start().unwrap();
        let mcp = server.mcp();
        let crowd = (0..60).map(|number| {
            let mcp = mcp.clone();
            async move { status(&mcp, &format!("good-slow-{number}")).await }
        });
        let crowd = futures::future::join_all(crowd).await;
        assert!(
            crowd.contains(&200) && crowd.iter().all(|status| matches!(status, 200 | 503)),
            "{mode}: {crowd:?}"
        );
        // The calls that had begun end.
        until("the next one is served", async || {
            status(&mcp, "good-next").await == 200
        })
        .await;
        let (_, output) = server.stop().unwrap();
        assert!(!output.contains("breaker open"), "{mode}: {output}");
    }
}

/// The raw library's validators, through the real server: parts of an answer that break the contract.
#[tokio::test]
async fn an_answer_whose_json_is_none_is_a_fault_of_the_plugin() {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&artifacts().plugin("hostile_raw")).unwrap();
    for mode in MODES {
        for (factory, expected) in [
            ("extensions", 200),
            ("array_extensions", 503),
            ("array_claims", 503),
            ("broken_claims", 503),
            ("not_utf8", 503),
            ("unknown_kind", 503),
            ("zero_kind", 503),
        ] {
            let server = plugins
                .server(&datahub, &format!("hostile_raw:{factory}"), &json!({}))
                .env("PLUGIN_ISOLATION", mode)
                .env("RUST_LOG", "info,datahub_mcp=debug")
                .start()
                .unwrap();
            assert_eq!(
                status(&server.mcp(), "somebody").await,
                expected,
                "{mode}, {factory}"
            );
            let shown = || server.output().contains(r#"{\"assurance\": \"high\"}"#);
            if factory == "extensions" {
                until("the extensions in the log", async || shown()).await;
            } else {
                assert!(!shown(), "{mode}, {factory}");
            }
        }
    }
}

#[test]
fn try_shows_the_extensions_of_an_answer() {
    let plugins = PluginDir::with(&artifacts().plugin("hostile_raw")).unwrap();
    let token = plugins.path().join("token");
    std::fs::write(&token, "somebody").unwrap();
    let tried = std::process::Command::new(artifacts().server())
        .args(["plugins", "try", "hostile_raw:extensions", "--json"])
        .arg("--token-file")
        .arg(&token)
        .env("TOKEN_VALIDATOR_PLUGIN_DIR", plugins.path())
        .output()
        .unwrap();
    let said: serde_json::Value = serde_json::from_slice(&tried.stdout).unwrap();
    assert_eq!(said["outcome"], "accepted", "{said}");
    assert_eq!(said["extensions"], r#"{"assurance": "high"}"#, "{said}");
}
