//! A packet of Socket.IO, as text and as MessagePack.

#![no_main]

use libfuzzer_sys::fuzz_target;
use updraft::fuzzing::{message_pack, packet};

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = str::from_utf8(input) {
        packet(text);
    }
    message_pack(input);
});
