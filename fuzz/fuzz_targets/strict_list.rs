//! Fuzzes the `strict_list` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::remembered::strict_list(data));
