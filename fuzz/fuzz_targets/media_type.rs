//! Fuzzes the `media_type` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::syntax::media_type(data));
