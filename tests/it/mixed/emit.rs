//! `updraft emit`, as it is typed at a prompt; `mixed::matrix` has clients of all servers hear it.

use crate::support::{updraft, updraft_with};

/// What it says of arguments that will not do: nothing of the bus's password.
fn refused(words: &[&str]) -> String {
    const BUS: &str = "redis://ada:hunter2@127.0.0.1:1";
    let (done, stdout, stderr) = updraft_with(&[("UPDRAFT_BUS", BUS)], &[&["emit"], words].concat(), "");
    assert!(!done && stdout.is_empty(), "{stdout}");
    assert!(!stderr.contains("hunter2"), "{stderr}");
    stderr
}

#[test]
fn what_cannot_be_emitted_is_refused_before_anything_is_said() {
    let no_json = refused(&["lobby", "said", "1", "hello"]);
    assert!(
        no_json.contains("'hello' is no JSON") && no_json.contains("'\"text\"'"),
        "{no_json}"
    );
    let no_event = refused(&["lobby"]);
    assert!(
        no_event.contains("the event is missing: ROOM EVENT [JSON]..."),
        "{no_event}"
    );
    let reserved = refused(&["--all", "disconnect"]);
    assert!(reserved.contains("Socket.IO keeps for itself"), "{reserved}");
    let both = refused(&["--all", "--to", "lobby", "said"]);
    assert!(both.contains("cannot be used with"), "{both}");
    let nested = "[".repeat(200) + &"]".repeat(200);
    assert!(!refused(&["lobby", "said", &nested]).is_empty());
    let (done, _, stderr) = updraft(&["emit", "lobby", "said"], "");
    assert!(!done && stderr.contains("--bus <URL>"), "{stderr}");
}

#[test]
fn a_bus_that_is_none_or_is_away_is_told_without_its_password() {
    let other = refused(&["--bus", "mysql://ada:hunter2@127.0.0.1", "lobby", "said"]);
    assert!(
        other.contains("--bus: a URL is redis://…, rediss://… or postgres://…"),
        "{other}"
    );
    for away in [
        "redis://ada:hunter2@127.0.0.1:1",
        "postgres://ada:hunter2@127.0.0.1:1/shop",
    ] {
        let away = refused(&["--bus", away, "lobby", "said"]);
        assert!(away.contains("refused"), "{away}");
    }
}
