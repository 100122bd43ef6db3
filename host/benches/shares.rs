//! What shares cost a call with a known token, on an idle and on a busy server, and from two threads at once.
//! The goal is at most 2 us of processor time: how long a thread waits for a core says nothing about it. Run by hand:
//! `cargo bench -p datahub-mcp --features testing`.

use std::{
    fs,
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use datahub_mcp::server::cost::Bench;

const ROUNDS: usize = 7;
const CALLS: u32 = 200_000;
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"orders"}}}"#;

/// The time that this thread has spent on a processor, in nanoseconds; `None` where the kernel keeps no account.
fn on_processor() -> Option<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Nanoseconds of one call of `work`: the median of several rounds.
fn nanoseconds(work: impl Fn()) -> f64 {
    let round = || {
        let (begin, before) = (Instant::now(), on_processor());
        (0..CALLS).for_each(|_| work());
        let spent = on_processor()
            .zip(before)
            .map(|(after, before)| after - before);
        spent.unwrap_or(begin.elapsed().as_secs_f64() * 1e9) / f64::from(CALLS)
    };
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

#[expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
fn main() {
    let body = CALL.as_bytes();
    let now = Duration::from_secs(1);
    for others in [0, 200] {
        let bench = Bench::new(others);
        let shares = || {
            let taken = bench.shares(black_box(body), black_box(now));
            assert!(taken.is_ok());
        };
        println!("{others} others under way:");
        println!("  shares: {:.0} ns a call", nanoseconds(shares));
        let two = thread::scope(|scope| {
            let both = [(); 2].map(|()| scope.spawn(|| nanoseconds(shares)));
            both.map(|one| one.join().unwrap_or(f64::NAN))
        });
        println!("  shares, two threads at once: {two:.0?} ns a call");
        let read = || assert!(bench.message(black_box(body)));
        println!(
            "  reading and counting the message: {:.0} ns",
            nanoseconds(read)
        );
    }
    let parse = || {
        let value: Result<serde_json::Value, _> = serde_json::from_slice(black_box(body));
        assert!(black_box(value).is_ok());
    };
    println!(
        "beside that, serde_json parses the message in {:.0} ns",
        nanoseconds(parse)
    );
}
