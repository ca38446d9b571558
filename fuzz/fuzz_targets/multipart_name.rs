//! Fuzzes the `multipart_name` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::wire::multipart_name(data));
