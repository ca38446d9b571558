//! Fuzzes the `set_cookie` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::remembered::set_cookie(data));
