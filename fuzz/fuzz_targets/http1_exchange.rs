//! Fuzzes the `http1_exchange` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::http1::exchange(data));
