//! `log verify`: whatever is wrong in a journal is found and named.

use std::{fs, path::PathBuf};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::{fill, json_of, log, printed};

fn file(data: &TempDir) -> PathBuf {
    data.path().join("journal.db")
}

/// What `verify --json` says of a damaged journal, and its last words.
fn verified(data: &TempDir) -> (Value, String) {
    let (done, stdout, stderr) = log(data.path(), &["verify", "--json"]);
    assert!(!done, "{stdout}");
    (serde_json::from_str(&stdout).unwrap(), stderr)
}

/// The checks that failed, and what they found first.
fn failed(verified: &Value) -> Vec<(&str, &str)> {
    let checks = verified["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["ok"] == false)
        .map(|check| {
            (
                check["check"].as_str().unwrap(),
                check["first"][0].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_whole_journal_passes_every_check() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let verified = json_of(data.path(), &["verify", "--json"]);
    assert_eq!(verified["ok"], true);
    let checks = verified["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 11);
    assert!(
        checks
            .iter()
            .all(|check| check["ok"] == true && check["found"] == 0),
        "{verified}"
    );
    let list = printed(data.path(), &["verify"]);
    assert_eq!(list.lines().count(), 11);
    assert!(list.lines().all(|line| line.contains(" ok ")), "{list}");
}

#[test]
fn each_row_that_is_wrong_is_found_by_its_check() {
    let cases = [
        (
            "UPDATE meta SET value = 7 WHERE name = 'head'",
            "heads",
            "topic 'gone': its head 8 is beyond the journal's, 7",
        ),
        (
            "UPDATE topics SET floor = 6 WHERE name = 'board'",
            "heads",
            "topic 'board': its floor 6 is beyond its head 5",
        ),
        (
            "UPDATE topics SET floor = -1 WHERE name = 'board'",
            "heads",
            "topic 'board': its head 5 or its floor -1 is negative",
        ),
        (
            "UPDATE topics SET head = 4 WHERE name = 'board'",
            "highest",
            "topic 'board': its last event is 5, beyond its head 4",
        ),
        (
            "UPDATE topics SET head = 7 WHERE name = 'board'",
            "highest",
            "topic 'board': its head is 7, but its last event is 5 and nothing beyond 0 was removed",
        ),
        (
            "UPDATE events SET topic = 77 WHERE seq = 5",
            "events",
            "event 5: its topic, of the id 77, is not there",
        ),
        (
            "UPDATE events SET seq = 3 WHERE seq = 8; UPDATE latest SET seq = 3 WHERE seq = 8",
            "events",
            "event 3: there are 2 of this number",
        ),
        (
            "UPDATE events SET seq = 0 WHERE seq = 1",
            "events",
            "event 0: it is no sequence number",
        ),
        (
            "UPDATE events SET time = -5 WHERE seq = 1",
            "events",
            "event 1: its time, -5, is before 1970",
        ),
        (
            "UPDATE events SET data = NULL WHERE seq = 5",
            "events",
            "event 5: it ends a key and has none",
        ),
        (
            "DELETE FROM latest WHERE key = 'k2'",
            "latest",
            "event 2: the latest event of its key 'k2' is not known",
        ),
        (
            "UPDATE latest SET seq = 1 WHERE key = 'k1'",
            "latest",
            "event 3: it is later than the latest known of its key 'k1', 1",
        ),
        (
            "UPDATE latest SET seq = 9 WHERE key = 'k1'",
            "latest",
            "key 'k1' of topic 'board': its latest event, 9, is not there",
        ),
        (
            "UPDATE latest SET seq = 4 WHERE key = 'k1'",
            "latest",
            "key 'k1' of topic 'board': its latest event, 4, is not there",
        ),
        (
            "UPDATE events SET data = '{' WHERE seq = 1",
            "data",
            "event 1: its data is no JSON: EOF while parsing an object at line 1 column 1",
        ),
        (
            "UPDATE events SET data = CAST(x'22ff22' AS TEXT) WHERE seq = 1",
            "data",
            "event 1: its data is no text: ",
        ),
        (
            "UPDATE meta SET value = 9007199254740992 WHERE name = 'head'",
            "heads",
            "the journal's head 9007199254740992 is no number up to 9007199254740991",
        ),
        (
            "UPDATE events SET name = 'topic.start' WHERE seq = 1",
            "names",
            "event 1: its name \"topic.start\" begins with 'topic', 'stream', 'server' or 'auth'",
        ),
        (
            "UPDATE events SET name = '' WHERE seq = 2",
            "names",
            "event 2: its name \"\" is empty",
        ),
        (
            "UPDATE once SET answer = 'done' WHERE key = 'call 2'",
            "answers",
            "idempotency key 'call 2': its answer is no JSON: ",
        ),
        (
            "UPDATE once SET last = 9 WHERE key = 'call 1'",
            "once",
            "idempotency key 'call 1': it stands for 7 to 9, of 8 in the journal",
        ),
        (
            "UPDATE once SET first = 9 WHERE key = 'call 1'",
            "once",
            "idempotency key 'call 1': it stands for 9 to 7, of 8 in the journal",
        ),
        (
            "UPDATE consumers SET seq = 9 WHERE topic = 'board'",
            "consumers",
            "consumer 'mailer' of topic 'board': it stands at 9, of 8 in the journal",
        ),
    ];
    for (damage, check, told) in cases {
        let data = tempfile::tempdir().unwrap();
        fill(data.path());
        Connection::open(file(&data))
            .unwrap()
            .execute_batch(damage)
            .unwrap();
        let (verified, said) = verified(&data);
        assert_eq!(verified["ok"], false);
        let failed = failed(&verified);
        assert!(
            failed
                .iter()
                .any(|(name, first)| *name == check && first.starts_with(told)),
            "{damage}: {failed:?}"
        );
        assert!(said.starts_with("error: the journal is damaged: "), "{said}");
    }
}

#[test]
fn what_is_wrong_is_listed_for_people() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let damage = "UPDATE events SET data = 'no' WHERE seq IN (1, 2)";
    Connection::open(file(&data))
        .unwrap()
        .execute_batch(damage)
        .unwrap();
    let (done, stdout, stderr) = log(data.path(), &["verify"]);
    assert!(!done);
    assert_eq!(stderr, "error: the journal is damaged: one check failed\n");
    let violated: Vec<&str> = stdout
        .lines()
        .skip_while(|line| !line.contains("VIOLATED"))
        .collect();
    assert!(violated[0].starts_with("data "), "{stdout}");
    assert!(
        violated[1].starts_with("  event 1: its data is no JSON: "),
        "{stdout}"
    );
    assert!(
        violated[2].starts_with("  event 2: its data is no JSON: "),
        "{stdout}"
    );
}

#[test]
fn of_very_much_damage_the_first_is_listed_and_the_rest_counted() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let damage = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
        INSERT INTO consumers (topic, name, seq) SELECT 'board', i, 100 FROM n";
    Connection::open(file(&data))
        .unwrap()
        .execute_batch(damage)
        .unwrap();
    let (verified, _) = verified(&data);
    let check = &verified["checks"].as_array().unwrap()[9];
    assert_eq!(
        (&check["check"], &check["found"]),
        (&"consumers".into(), &250.into())
    );
    assert_eq!(check["first"].as_array().unwrap().len(), 100);
    let (_, stdout, _) = log(data.path(), &["verify"]);
    assert!(stdout.contains("\n  and 150 more\n"), "{stdout}");
}

#[test]
fn a_clock_that_was_set_back_is_told_and_is_no_damage() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let earlier = "UPDATE events SET time = 5000 WHERE seq = 1; UPDATE events SET time = 2000 WHERE seq = 2";
    Connection::open(file(&data))
        .unwrap()
        .execute_batch(earlier)
        .unwrap();
    let verified = json_of(data.path(), &["verify", "--json"]);
    assert_eq!(verified["ok"], true);
    let times = verified["checks"].as_array().unwrap().last().unwrap();
    assert_eq!(
        times["first"][0],
        "event 2: it is 3000 ms older than the one before it in its topic"
    );
    assert!(printed(data.path(), &["verify"]).contains("times      remark"));
}

#[test]
fn a_page_that_was_overwritten_is_found() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let whole = fs::read(file(&data)).unwrap();
    for page in 1..whole.len() / 8192 {
        let mut holed = whole.clone();
        holed[page * 8192..][..8192].fill(0xff);
        fs::write(file(&data), &holed).unwrap();
        let (done, stdout, stderr) = log(data.path(), &["verify"]);
        assert!(!done, "page {page}: {stdout}");
        assert!(stderr.starts_with("error: "), "page {page}: {stderr}");
        let named = stdout.contains("VIOLATED") || stderr.contains("malformed");
        assert!(named, "page {page}: {stdout}{stderr}");
    }
}
