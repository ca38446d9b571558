//! Fuzzes the `ntlm` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::auth::ntlm(data));
