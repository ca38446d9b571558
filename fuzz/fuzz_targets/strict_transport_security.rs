//! Fuzzes the `strict_transport_security` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::remembered::strict_transport_security(data));
