//! Plugins that take their process with them. In process that is the server's, which ends with the
//! plugin's own status and starts anew; in a process of its own the server lives, and its requests
//! wait for nobody.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use integration_tests::{PluginDir, ServerBuilder, StubDataHub, artifacts, marker, status, until};
use serde_json::{Value, json};

/// A way to end the process, and how that looks from outside.
struct Death {
    factory: &'static str,
    options: Value,
    is: fn(ExitStatus) -> bool,
}

fn by_signal(signals: &[i32], status: ExitStatus) -> bool {
    status
        .signal()
        .is_some_and(|signal| signals.contains(&signal))
}

/// Every death of a call with the token `good-bad`.
fn deaths() -> Vec<Death> {
    const SIGABRT: i32 = 6;
    const SIGSEGV: i32 = 11;
    let mut deaths = Vec::new();
    for at in ["try_validate", "validate"] {
        let mut dies = |how: &str, code: i32, is| {
            deaths.push(Death {
                factory: "hostile:dies",
                options: json!({"how": how, "at": at, "code": code, "trigger": "good-bad"}),
                is,
            });
        };
        dies("abort", 0, |status| by_signal(&[SIGABRT], status));
        dies("segfault", 0, |status| by_signal(&[SIGSEGV], status));
        dies("stack_overflow", 0, |status| {
            by_signal(&[SIGABRT, SIGSEGV], status)
        });
        dies("exit", 3, |status| status.code() == Some(3));
    }
    // Two gigabytes where half of one may be had.
    deaths.push(Death {
        factory: "hostile:leaks",
        options: json!({"kib": 2 << 20, "trigger": "good-bad"}),
        is: |status| by_signal(&[SIGABRT], status),
    });
    deaths
}

const MEMORY_MB: u64 = 512;

fn server(plugins: &PluginDir, datahub: &StubDataHub, mode: &str, death: &Death) -> ServerBuilder {
    plugins
        .server(datahub, death.factory, &death.options)
        .env("PLUGIN_ISOLATION", mode)
        .env("PLUGIN_MEMORY_MB", MEMORY_MB.to_string())
        .env("TOKEN_VALIDATOR_BREAKER_FAULTS", "1000")
}

#[tokio::test]
async fn in_process_the_server_ends_as_the_plugin_did_and_starts_anew() {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&artifacts().plugin("hostile")).unwrap();
    for death in deaths() {
        let what = format!("{} {}", death.factory, death.options);
        // Wherever the operator bounds memory: here for the server as a whole.
        let server = server(&plugins, &datahub, "in-process", &death)
            .memory_limit(MEMORY_MB << 20)
            .start()
            .unwrap();
        let mcp = server.mcp();
        assert_eq!(status(&mcp, "good-before").await, 200, "{what}");
        let cut = mcp.rpc(Some("good-bad"), "tools/list", json!({})).await;
        assert!(cut.is_err(), "{what}: {cut:?}");
        let (ended, output) = server.wait().unwrap();
        assert!((death.is)(ended), "{what}: {ended:?}\n{output}");
        let told = format!("error: validator `{}`", death.factory);
        let overflow = death.options["how"] == "stack_overflow";
        assert!(
            // The stack of a thread that the plugin started may have no room for a handler.
            overflow || output.contains(&told) || output.contains("libhostile.so"),
            "{what}: nobody is named\n{output}"
        );
        assert!(
            !output.contains("good-bad"),
            "{what}: the token is in the log:\n{output}"
        );
    }
    // Nothing of it is left that a new one would stumble over.
    let death = &deaths()[0];
    let again = server(&plugins, &datahub, "in-process", death).start();
    assert_eq!(status(&again.unwrap().mcp(), "good-after").await, 200);
}

#[tokio::test]
async fn in_a_process_of_its_own_a_dying_plugin_costs_its_requests_and_comes_back() {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&artifacts().plugin("hostile")).unwrap();
    for death in deaths() {
        let what = format!("{} {}", death.factory, death.options);
        let server = server(&plugins, &datahub, "process", &death)
            .start()
            .unwrap();
        let mcp = server.mcp();
        assert_eq!(status(&mcp, "good-before").await, 200, "{what}");
        let bad = mcp
            .rpc(Some("good-bad"), "tools/list", json!({}))
            .await
            .unwrap();
        assert_eq!(bad.status, 503, "{what}: {}", bad.text);
        assert!(!bad.header("retry-after").is_empty(), "{what}");
        let health = mcp.http().get(server.url("/health")).send().await.unwrap();
        assert_eq!(health.status(), 200, "{what}");
        // A token that was not asked about before: the new process answers.
        until(&what, async || status(&mcp, "good-after").await == 200).await;
        let (ended, output) = server.stop().unwrap();
        assert!(ended.success(), "{what}: {ended:?}\n{output}");
        assert!(
            !output.contains("good-bad"),
            "{what}: the token is in the log:\n{output}"
        );
    }
}

#[tokio::test]
async fn in_a_process_of_its_own_dying_elsewhere_costs_no_request() {
    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&artifacts().plugin("hostile")).unwrap();
    for at in ["create", "health", "shutdown"] {
        let death = Death {
            factory: "hostile:dies",
            options: json!({"how": "abort", "at": at}),
            is: |_| false,
        };
        let server = server(&plugins, &datahub, "process", &death);
        if at == "create" {
            let refusal = server.refuse().unwrap();
            assert!(refusal.text.contains("SIGABRT"), "{}", refusal.text);
            continue;
        }
        let server = server.start().unwrap();
        let mcp = server.mcp();
        assert_eq!(status(&mcp, "good-before").await, 200, "{at}");
        if at == "health" {
            let ready = mcp.http().get(server.url("/ready")).send().await.unwrap();
            assert_eq!(ready.status(), 503, "{at}");
        }
        until(at, async || status(&mcp, "good-after").await == 200).await;
        let (ended, output) = server.stop().unwrap();
        assert!(ended.success(), "{at}: {ended:?}\n{output}");
    }
}

/// Eight people ask on while the process under them dies again and again: each gets their own
/// answer or a 503, and each death is one start, with a pause before it that doubles.
#[tokio::test]
async fn under_load_a_process_that_keeps_dying_is_restarted_with_longer_and_longer_pauses() {
    const DEATHS: usize = 4;

    let datahub = StubDataHub::start().await.unwrap();
    let plugins = PluginDir::with(&artifacts().plugin("hostile")).unwrap();
    let death = Death {
        factory: "hostile:dies",
        options: json!({"how": "abort", "trigger": "good-bad"}),
        is: |_| false,
    };
    let server = server(&plugins, &datahub, "process", &death)
        .env("ACCESS_LOG_PERCENT", "0")
        .start()
        .unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let people: Vec<_> = (0..8)
        .map(|person| {
            let (mcp, stop) = (server.mcp(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut served = 0;
                for number in 0.. {
                    let token = format!("good-{person}-{number}");
                    let reply = mcp.call(Some(&token), "search", json!({"query": "*"}));
                    let reply = reply.await.unwrap();
                    match reply.status {
                        200 => {
                            assert!(reply.text.contains(&marker(&token)), "{}", reply.text);
                            served += 1;
                        }
                        status => assert_eq!(status, 503, "{}", reply.text),
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
                served
            })
        })
        .collect();
    let died = || {
        server
            .output()
            .matches("the process of a validator died")
            .count()
    };
    let mcp = server.mcp();
    for number in 1..=DEATHS {
        until("a death", async || {
            assert_eq!(status(&mcp, &format!("good-bad{number}")).await, 503);
            died() == number
        })
        .await;
        let after = format!("good-after-{number}");
        until("the process is back", async || {
            status(&mcp, &after).await == 200
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    for person in people {
        assert!(person.await.unwrap() > 0);
    }
    let output = server.output();
    let pauses: Vec<_> = output
        .lines()
        .filter(|line| line.contains("the process of a validator died"))
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["pause_ms"].clone())
        .collect();
    assert_eq!(pauses, ["100", "200", "400", "800"], "{output}");
}
