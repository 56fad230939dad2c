//! The program, as it is typed at a prompt.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

/// Runs the program to its end: whether it succeeded, its standard output, its standard error.
pub(crate) fn updraft(arguments: &[&str], input: &str) -> (bool, String, String) {
    updraft_with(&[], arguments, input)
}

/// The same, with variables.
pub(crate) fn updraft_with(
    variables: &[(&str, &str)],
    arguments: &[&str],
    input: &str,
) -> (bool, String, String) {
    let data = tempfile::tempdir().expect("a directory");
    let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
        .args(arguments)
        .env("UPDRAFT_DATA", data.path())
        .env_remove("UPDRAFT_URL")
        .env_remove("UPDRAFT_TOKEN")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_owned();
    // Beside it, as the program may answer before it has read all. It may also end without.
    let writing = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("it ends");
    writing.join().expect("the input was written");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.success(), text(stdout), text(stderr))
}
