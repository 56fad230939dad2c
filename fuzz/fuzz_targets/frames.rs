//! Frames of a WebSocket, masked or not, whole or in parts: another implementation hears the same, and how they are split
//! in reads changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((split, bytes)) = input.split_first() else {
        return;
    };
    updraft::fuzzing::frames(bytes, (*split).into());
});
