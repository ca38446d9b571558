//! Fuzzes the `private_key` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::certificate::private_key(data));
