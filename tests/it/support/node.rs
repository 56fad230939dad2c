//! JS clients, run by Node. `make test` installs them (`npm ci` in `tests/clients`).

use std::process::Command;

/// Runs a script of `tests/clients`, and fails with what it wrote where it fails; else its standard output.
pub(crate) fn node(script: &str, arguments: &[&str]) -> String {
    node_with(&[], script, arguments)
}

/// The same, with variables.
pub(crate) fn node_with(variables: &[(&str, &str)], script: &str, arguments: &[&str]) -> String {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");
    let data = tempfile::tempdir().expect("a directory");
    let output = Command::new("node")
        // Of servers that a script starts.
        .env("UPDRAFT_DATA", data.path())
        .envs(variables.iter().copied())
        .arg(script)
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("Node.js is installed");
    assert!(
        output.status.success(),
        "{script} {arguments:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
