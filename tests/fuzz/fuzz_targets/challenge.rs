#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| datahub_mcp::auth::fuzz::challenge(data));
