//! Flags are read alike before and after the command.

use super::File;
use crate::support::{updraft, updraft_with};

#[test]
fn flags_may_be_typed_before_the_command() {
    let file = File::new("[limits]\nmax-rooms = 3\n");
    let path = file.path();
    let flags = ["--config", &path, "--data", "d", "--max-call", "77", "--metrics"];
    let after = [&["config", "show"], &flags[..]].concat();
    let before = [&flags[..], &["config", "show"]].concat();
    let shown = updraft(&after, "");
    assert!(
        shown.0 && shown.1.contains("max-call") && shown.1.contains(&format!("{path}:2")),
        "{shown:?}"
    );
    assert_eq!(updraft(&before, ""), shown);
    let unheeded = [("UPDRAFT_MAX_CALL", "none")];
    let (_, _, wrong) = updraft_with(&unheeded, &["--log", "info", "config", "check"], "");
    assert!(wrong.contains("'none' for '--max-call"), "{wrong}");
}

#[test]
fn a_value_that_is_named_as_a_command_is_no_command() {
    let (done, said, error) = updraft(&["--data", "events", "events"], "");
    assert!(done && said.starts_with("api.board.add\n"), "{error}");
    // Nor is one after a command.
    let (done, _, error) = updraft(&["call", "health", "--url", "http://127.0.0.1:1"], "");
    assert!(!done && error.contains("127.0.0.1:1"), "{error}");
}

#[test]
fn a_flag_that_the_command_has_not_is_told_as_after_it() {
    let before = updraft(&["--max-call", "77", "health"], "");
    assert!(!before.0 && before.2.contains("'--max-call'"), "{before:?}");
    assert_eq!(before, updraft(&["health", "--max-call", "77"], ""));
}
