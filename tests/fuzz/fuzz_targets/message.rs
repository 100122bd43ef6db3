#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| datahub_mcp::server::fuzz::message(data));
