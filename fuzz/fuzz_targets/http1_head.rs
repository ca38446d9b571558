//! Fuzzes the `http1_head` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::http1::head(data));
