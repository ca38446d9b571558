//! Fuzzes the `cookie_date` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::remembered::cookie_date(data));
