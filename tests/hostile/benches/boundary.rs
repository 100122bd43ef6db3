//! The cost of the boundary: the same validator called directly, and through a loaded library.
//!
//! By hand: `cargo build --release -p hostile && cargo bench -p hostile`. Prints the
//! nanoseconds of one call with a token of 1 KiB, the median of several rounds.
#![expect(unsafe_code, reason = "loading a library runs its code")]
#![expect(clippy::print_stdout, reason = "its output is the table of figures")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark without its library cannot go on"
)]

use std::{future::Future as _, hint::black_box, pin::pin, task::Context, time::Instant};

use plugin_api::{
    abi_stable::{
        library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL},
        prefix_type::PrefixTypeTrait as _,
        std_types::{RStr, RString},
    },
    newest::{Host, LogLevel, LogRecord, PluginRef, Request, Secret, ValidatorBox},
    sdk::{self, Token, TokenValidator as _, testing::block_on},
};

#[expect(dead_code, reason = "shared with the library under test")]
#[path = "../src/behaviour.rs"]
mod behaviour;
#[path = "../src/good.rs"]
mod good;

const ROUNDS: usize = 15;

/// The median over the rounds of the nanoseconds that one `call` takes.
fn measure(name: &str, calls: u32, mut call: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..calls {
                call();
            }
            start.elapsed().as_nanos() as f64 / f64::from(calls)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let median = rounds[ROUNDS / 2];
    println!("{name:<44} {median:>9.0} ns");
    median
}

extern "C" fn log_enabled(_: RStr<'_>, _: LogLevel, _: RStr<'_>) -> bool {
    false
}

extern "C" fn log(_: &LogRecord<'_>) {}

extern "C" fn info_json() -> RString {
    RString::new()
}

fn load() -> PluginRef {
    let exe = std::env::current_exe().unwrap();
    let library = exe
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("libhostile.so");
    // SAFETY: the library is built from this repository.
    let library = Box::leak(Box::new(
        unsafe { libloading::Library::new(library) }.unwrap(),
    ));
    // SAFETY: whoever defines this symbol defines it as an ABI header.
    let header = unsafe {
        *library
            .get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes())
            .unwrap()
    };
    header.upgrade().unwrap().init_root_module().unwrap()
}

fn create(plugin: PluginRef, options: &str) -> ValidatorBox {
    let host = Host {
        log_enabled,
        log,
        info_json,
    };
    let host = host.leak_into_prefix();
    plugin.create()("bench".into(), "good".into(), Secret::new(options), host).unwrap()
}

fn request(token: &str) -> Request {
    Request {
        token: Secret::new(token),
        request_id: "0123456789abcdef".into(),
        deadline_ms: 10_000,
        ext_json: RString::new(),
    }
}

fn main() {
    // `cargo test --all-targets` runs benchmarks too, without this argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let plugin = load();
    let fast = create(plugin, r#"{"fast": true}"#);
    let slow = create(plugin, "{}");
    let direct = good::Good::create(serde_json::from_str(r#"{"fast": true}"#).unwrap()).unwrap();

    for (kind, start) in [("accept", "good-"), ("reject", "bad-")] {
        let token = format!("{start}{}", "x".repeat(1024));
        let own = sdk::Request {
            token: Token::new(token.as_str()),
            request_id: "0123456789abcdef".to_owned(),
            deadline: std::time::Duration::from_secs(10),
        };
        let one = measure(&format!("{kind}: direct"), 200_000, || {
            drop(black_box(direct.try_validate(black_box(&own))));
        });
        let foreign = request(&token);
        let other = measure(
            &format!("{kind}: try_validate through the library"),
            200_000,
            || {
                drop(black_box(fast.try_validate(black_box(&foreign))));
            },
        );
        println!("{:<44} {:>9.0} ns", "  apart", other - one);
        measure(
            &format!("{kind}: future through the library, ready"),
            20_000,
            || {
                drop(black_box(block_on(slow.validate(foreign.clone()))));
            },
        );
    }
    let foreign = request("good-x");
    measure("a future that is cancelled at once", 20_000, || {
        let mut call = pin!(slow.validate(foreign.clone()));
        let _ = call
            .as_mut()
            .poll(&mut Context::from_waker(std::task::Waker::noop()));
    });
}
