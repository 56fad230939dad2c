//! What `packaging/` and `examples/compose/` say of the program is true. (`make image-test` and `make deb-test` run them.)

use std::{collections::BTreeSet, fs, path::Path};

use crate::support::updraft;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The words of a text that begin with `UPDRAFT_`, but for that of `UPDRAFT_…`.
fn variables(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_')
        .filter(|word| word.len() > "UPDRAFT_".len() && word.starts_with("UPDRAFT_"))
        .collect()
}

#[test]
fn each_variable_that_the_packages_set_is_one_of_the_program() {
    let (done, help, _) = updraft(&["serve", "--help"], "");
    assert!(done);
    let known = variables(&help);
    for name in [
        "packaging/Containerfile",
        "packaging/updraft.service",
        "packaging/updraft.env",
        "examples/compose/compose.yaml",
    ] {
        let text = file(name);
        let set = variables(&text);
        assert!(!set.is_empty(), "{name}");
        for variable in set {
            // A secret may come from a file.
            let setting = variable.strip_suffix("_FILE").unwrap_or(variable);
            assert!(known.contains(setting), "{name}: {variable}");
        }
    }
}

#[test]
fn the_balancer_of_the_nodes_of_compose_is_the_example_that_is_tested() {
    let example = file("examples/balancer/nginx.conf");
    let without_servers = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .skip(1)
            .filter(|line| !line.trim().starts_with("server 1"));
        lines.map(str::to_owned).collect()
    };
    let ours = file("examples/compose/nginx.conf");
    assert_eq!(without_servers(&ours), without_servers(&example));
    let compose = file("examples/compose/compose.yaml");
    let servers: Vec<_> = ours
        .lines()
        .filter_map(|line| line.trim().strip_prefix("server 1")?.split(' ').next())
        .map(|address| format!("UPDRAFT_NODE_URL: http://1{address}\n"))
        .collect();
    assert_eq!(servers.len(), compose.matches("UPDRAFT_NODE_URL").count());
    for node in servers {
        assert!(compose.contains(&node), "{node}");
    }
}

/// The seconds behind a setting: `TimeoutStopSec=60s`, `UPDRAFT_DRAIN_OVER: 10s`.
fn seconds(text: &str, setting: &str) -> u64 {
    let (_, value) = text.split_once(setting).unwrap();
    let digits = value
        .split(|letter: char| !letter.is_ascii_digit())
        .next()
        .unwrap();
    digits.parse().unwrap()
}

#[test]
fn each_manager_waits_longer_than_a_stop_takes() {
    const AWAY: u64 = 20; // where the database is away
    let drain = updraft::Config::default();
    let longest = (drain.drain_timeout + drain.drain_over).as_secs() + AWAY;
    assert!(seconds(&file("packaging/updraft.service"), "TimeoutStopSec=") >= longest);
    let compose = file("examples/compose/compose.yaml");
    let drained =
        ["UPDRAFT_DRAIN_TIMEOUT: ", "UPDRAFT_DRAIN_OVER: "].map(|setting| seconds(&compose, setting));
    assert!(seconds(&compose, "stop_grace_period: ") >= drained[0] + drained[1] + AWAY);
}
