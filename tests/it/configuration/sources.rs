//! A flag goes before a variable, a variable before the file, the file before the default; `updraft config show` says which it was.

use super::File;
use crate::support::{Http, Program, updraft_with};

/// The line that shows a setting.
fn shown(variables: &[(&str, &str)], arguments: &[&str], name: &str) -> String {
    let arguments = [&["config", "show"], arguments].concat();
    let (done, said, error) = updraft_with(variables, &arguments, "");
    assert!(done, "{error}");
    let line = said.lines().find(|line| {
        let words = line.trim_start_matches('#').split_whitespace();
        words.clone().next() == Some(name)
    });
    let line = line.unwrap_or_else(|| panic!("{name} is shown: {said}"));
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn flag_before_variable_before_file_before_default() {
    let file = File::new(
        "\n[limits]\nmax-rooms = 3\n\n[http]\nmetrics = true\nallowed-origins = ['https://a.example', 'null']\n",
    );
    let path = file.path();
    let config = ["--config", &*path];
    let variable = [("UPDRAFT_MAX_ROOMS", "2")];
    let flags = [&config[..], &["--max-rooms", "1"]].concat();
    let show = |variables: &[(&str, &str)], arguments: &[&str]| shown(variables, arguments, "max-rooms");
    assert_eq!(show(&variable, &flags), "max-rooms = 1 # --max-rooms");
    assert_eq!(show(&variable, &config), "max-rooms = 2 # UPDRAFT_MAX_ROOMS");
    assert_eq!(show(&[], &config), format!("max-rooms = 3 # {path}:3"));
    assert_eq!(show(&[], &[]), "max-rooms = 1000 # default");
    assert_eq!(
        shown(&[], &config, "metrics"),
        format!("metrics = true # {path}:6")
    );
    assert_eq!(
        shown(&[], &config, "allowed-origins"),
        format!("allowed-origins = [\"https://a.example\", \"null\"] # {path}:7")
    );
    let off = [("UPDRAFT_METRICS", "false")];
    assert_eq!(
        shown(&off, &config, "metrics"),
        "metrics = false # UPDRAFT_METRICS"
    );
}

#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    let (_, said, _) = updraft_with(&[("UPDRAFT_MAX_ROOMS", "7")], &["config", "show"], "");
    let file = File::new(&said);
    let shown = shown(&[], &["--config", &file.path()], "max-rooms");
    assert!(shown.starts_with("max-rooms = 7 #"), "{shown}");
}

#[test]
fn a_server_serves_by_its_file() {
    let file = File::new("[http]\nmetrics = true\n[server]\nhost = '127.0.0.2'\n");
    let server = Program::start(&["--config", &file.path()]);
    assert!(server.url.starts_with("http://127.0.0.2:"), "{}", server.url);
    assert_eq!(Http::get(&server.url, "/metrics", &[]).status, 200);
}
