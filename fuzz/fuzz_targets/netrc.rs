//! Fuzzes the `netrc` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::auth::netrc(data));
