//! What clients show to say who they are: in the handshake, in a header, in the query; and tokens whose signature holds
//! around a head and claims of any kind.

#![no_main]

use libfuzzer_sys::fuzz_target;
use updraft::fuzzing::{credentials, signed};

fuzz_target!(|input: &[u8]| {
    let border = input.iter().position(|byte| *byte == 0xff);
    let (first, second) = input.split_at(border.unwrap_or(input.len()));
    let second = second.get(1..).unwrap_or_default();
    signed(first, second);
    let text = String::from_utf8_lossy(first);
    credentials(&text, second, &String::from_utf8_lossy(second));
});
