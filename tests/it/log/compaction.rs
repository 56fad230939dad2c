//! `log compact`: what topics need not keep goes, and the file becomes smaller.

use std::path::Path;

use rusqlite::Connection;
use updraft::{Event, journal::Journal};

use super::{append, failure, fill, json_of, lines_of, open, printed, wait_for};

/// A journal of 2000 events under 10 keys in each of two topics, older than the demo's board keeps its history.
fn grow(data: &Path) {
    wait_for(async {
        let journal = open(data);
        for topic in ["board", "other"] {
            for number in 0..20 {
                let events = (0..100).map(|event| {
                    let text = "long ".repeat(100);
                    let key = format!("k{}", event % 10);
                    Event::new("said").key(key).data(&(number, event, text)).unwrap()
                });
                journal.append(append(topic, events)).await.unwrap();
            }
        }
        journal.close().await;
    });
    let connection = Connection::open(data.join("journal.db")).unwrap();
    connection
        .execute("UPDATE events SET time = time - 31 * 24 * 3600 * 1000", [])
        .unwrap();
}

#[test]
fn superseded_events_go_and_the_file_shrinks() {
    let data = tempfile::tempdir().unwrap();
    grow(data.path());
    let newest = lines_of(data.path(), &["tail", "board", "--json"]);
    let size = || std::fs::metadata(data.path().join("journal.db")).unwrap().len();
    let before = size();
    let one = json_of(data.path(), &["compact", "board", "--json"]);
    let topics = one["topics"].as_array().unwrap();
    assert_eq!((topics.len(), &topics[0]["topic"]), (1, &"board".into()));
    assert_eq!(topics[0]["events"], 1990);
    assert!(topics[0]["bytes"].as_u64().unwrap() > 1990 * 500);
    assert_eq!(one["file"]["before"], before);
    assert_eq!(one["file"]["after"], size());
    assert!(size() < before * 6 / 10, "{} of {before}", size());
    let said = printed(data.path(), &["compact"]);
    assert!(
        said.starts_with("board: 0 events removed, 0 bytes\nother: 1990 events removed, "),
        "{said}"
    );
    assert!(size() < before / 10, "{} of {before}", size());
    // What a new reader gets is still there.
    assert_eq!(lines_of(data.path(), &["export", "board"])[1..], newest);
    let topics = &json_of(data.path(), &["topics", "--json"])["topics"];
    assert_eq!(
        (&topics[0]["events"], &topics[0]["keys"], &topics[0]["floor"]),
        (&10.into(), &10.into(), &1990.into())
    );
    assert_eq!(json_of(data.path(), &["verify", "--json"])["ok"], true);
}

#[test]
fn what_is_new_stays_for_those_who_lag() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let export = printed(data.path(), &["export"]);
    let said = printed(data.path(), &["compact"]);
    assert!(
        said.starts_with("board: 0 events removed, 0 bytes\ngone: 0 events removed, 0 bytes\n"),
        "{said}"
    );
    assert_eq!(printed(data.path(), &["export"]), export);
    assert_eq!(
        failure(data.path(), &["compact", "bored"]),
        "error: there is no topic 'bored'; the journal has board, gone\n"
    );
    assert_eq!(
        failure(data.path(), &["export", "board", "bored"]),
        "error: there is no topic 'bored'; the journal has board, gone\n"
    );
}
