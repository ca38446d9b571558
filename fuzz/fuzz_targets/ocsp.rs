//! Fuzzes the `ocsp` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::certificate::ocsp(data));
