//! What comes with a request: the origin of a page, the headers of proxies.

#![no_main]

use libfuzzer_sys::fuzz_target;
use updraft::fuzzing::{forwarded, origin};

fuzz_target!(|input: &[u8]| {
    let border = input.iter().position(|byte| *byte == 0xff);
    let (first, second) = input.split_at(border.unwrap_or(input.len()));
    let second = second.get(1..).unwrap_or_default();
    origin(first, second);
    forwarded(first, second);
});
