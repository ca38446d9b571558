//! Fuzzes the `http1_body` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::http1::body(data));
