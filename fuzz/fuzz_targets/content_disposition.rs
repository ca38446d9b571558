//! Fuzzes the `content_disposition` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::syntax::content_disposition(data));
