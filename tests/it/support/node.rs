//! JS clients, run by Node. `make test` installs them (`npm ci` in `tests/clients`).

use std::process::Command;

/// Runs a script of `tests/clients`, and fails with what it wrote where it fails; else its standard output.
pub(crate) fn node(script: &str, arguments: &[&str]) -> String {
    node_with(&[], script, arguments)
}

/// The same with clients of each generation over each transport.
pub(crate) async fn node_by_all_ways(script: &'static str, url: &str, more: &'static [&'static str]) {
    let url = url.to_owned();
    let run = move || {
        for generation in ["2", "3", "4"] {
            for transport in ["websocket", "polling", "upgraded"] {
                node(script, &[&[url.as_str(), generation, transport], more].concat());
            }
        }
    };
    tokio::task::spawn_blocking(run).await.expect("it passes");
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
