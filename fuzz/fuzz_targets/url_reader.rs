//! Fuzzes the `url_reader` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::address::url_reader(data));
