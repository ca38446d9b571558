//! Fuzzes the `dhcp_lease` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::proxy::dhcp_lease(data));
