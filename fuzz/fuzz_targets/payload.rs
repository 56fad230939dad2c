//! The body of a post in each of its forms: what is read is written again, and read as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| updraft::fuzzing::payload(input));
