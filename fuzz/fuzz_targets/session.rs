//! A session in memory, on a clock of its own: the input says what its client does with polls, POSTs and WebSockets, what the
//! server says, when connections break and how much time passes. Nothing is lost, doubled or reordered, and nothing is left.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| updraft::fuzzing::session(input));
