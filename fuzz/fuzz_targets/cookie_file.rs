//! Fuzzes the `cookie_file` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::remembered::cookie_file(data));
