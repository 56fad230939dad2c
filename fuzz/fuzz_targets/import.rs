//! Lines for `updraft log import`: damaged in any way they are an error, and what is imported is whole.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let directory = tempfile::tempdir().expect("a directory");
    updraft::fuzzing::import(input, directory.path());
});
