//! What Node servers, emitters and other nodes say by the bus.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| updraft::fuzzing::bus(input));
