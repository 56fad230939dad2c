//! `log topics` and `log tail`: what is in there, and what comes.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc,
};

use rusqlite::Connection;
use serde_json::{Value, json};
use updraft::{Event, journal::Journal};

use super::{add, append, board, failure, fill, json_of, lines_of, log, open, printed, serve, wait_for};
use crate::support::{PATIENCE, RawClient};

#[test]
fn topics_are_listed_in_figures() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let listed = json_of(data.path(), &["topics", "--json"]);
    let epoch = listed["epoch"].as_str().unwrap();
    let bytes = |topic: &str| {
        let connection = Connection::open(data.path().join("journal.db")).unwrap();
        let sum = "SELECT sum(length(CAST(e.name || coalesce(key, '') || coalesce(data, '') AS BLOB)))
                   FROM events AS e JOIN topics AS t ON t.id = e.topic WHERE t.name = ?";
        connection
            .query_row(sum, [topic], |row| row.get::<_, u64>(0))
            .unwrap()
    };
    let topics = json!([
        {"topic": "board", "events": 5, "keys": 1, "bytes": bytes("board"), "head": 5, "floor": 0},
        {"topic": "gone", "events": 1, "keys": 1, "bytes": bytes("gone"), "head": 8, "floor": 7},
    ]);
    assert_eq!(listed, json!({"epoch": epoch, "head": 8, "topics": topics}));
    let table = printed(data.path(), &["topics"]);
    let words: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(words[0], ["epoch", &format!("{epoch},"), "head", "8"]);
    assert_eq!(words[1], ["TOPIC", "EVENTS", "KEYS", "BYTES", "HEAD", "FLOOR"]);
    assert_eq!(
        words[2],
        ["board", "5", "1", &bytes("board").to_string(), "5", "0"]
    );
    assert_eq!(words[3], ["gone", "1", "1", &bytes("gone").to_string(), "8", "7"]);
    assert_eq!(words.len(), 4);
}

#[test]
fn the_newest_events_are_printed_or_those_after_a_position() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let seqs = |arguments: &[&str]| -> Vec<u64> {
        let arguments = [&["tail", "board", "--json"], arguments].concat();
        let events = lines_of(data.path(), &arguments);
        events
            .iter()
            .map(|event| event["seq"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(seqs(&[]), [1, 2, 3, 4, 5]);
    assert_eq!(seqs(&["-n", "2"]), [4, 5]);
    assert_eq!(seqs(&["-n", "0"]), [0; 0]);
    assert_eq!(seqs(&["--since", "3"]), [4, 5]);
    // The newest of those that come after.
    assert_eq!(seqs(&["-n", "20", "--since", "0"]), [1, 2, 3, 4, 5]);
    assert_eq!(seqs(&["-n", "2", "--since", "0"]), [4, 5]);
    assert_eq!(seqs(&["-n", "4", "--since", "3"]), [4, 5]);
    assert_eq!(seqs(&["-n", "0", "--since", "0"]), [0; 0]);
    let epoch = json_of(data.path(), &["topics", "--json"])["epoch"].clone();
    let position = format!("{}:3", epoch.as_str().unwrap());
    assert_eq!(seqs(&["--since", &position]), [4, 5]);
    assert_eq!(
        failure(data.path(), &["tail", "board", "--since", "another:3"]),
        format!(
            "error: 'another:3' is a position in another journal: the epoch of this one is {}\n",
            epoch.as_str().unwrap()
        )
    );
    assert!(
        failure(data.path(), &["tail", "board", "--since", "three"])
            .contains("write it as <epoch>:<seq>, or as a number")
    );
    // What went is not passed over in silence.
    let (done, stdout, stderr) = log(data.path(), &["tail", "gone", "--since", "5"]);
    assert!(done);
    assert_eq!(stdout.lines().count(), 1);
    assert!(stderr.starts_with("some events up to 7 are gone"), "{stderr}");
}

#[test]
fn an_event_is_one_line_for_people_too() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let connection = Connection::open(data.path().join("journal.db")).unwrap();
    let nasty = "UPDATE events SET time = 0; UPDATE events SET key = 'a' || char(27) || '[2J', data = '[1,' || char(10) || '2]' WHERE seq = 3";
    connection.execute_batch(nasty).unwrap();
    drop(connection);
    let lines = printed(data.path(), &["tail", "board", "-n", "3"]);
    let at = "1970-01-01T00:00:00.000Z";
    let expected = [
        format!("{at}  3  card.moved  a\\u{{1b}}[2J  [1,\\n2]\n"),
        format!("{at}  4  card.removed  k2  (deleted)\n"),
        format!("{at}  5  said  null\n"),
    ];
    assert_eq!(lines, expected.concat());
}

#[test]
fn a_topic_that_is_not_there_is_told_from_one_that_is_only_empty() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    assert_eq!(
        failure(data.path(), &["tail", "bord"]),
        "error: there is no topic 'bord'; the journal has board, gone\n"
    );
    let empty = tempfile::tempdir().unwrap();
    let server = serve(empty.path());
    assert_eq!(
        printed(empty.path(), &["tail", "board"]),
        "",
        "the app declares it"
    );
    assert_eq!(
        failure(empty.path(), &["tail", "bord"]),
        "error: there is no topic 'bord': the journal is empty\n"
    );
    drop(server);
}

#[test]
fn beside_a_running_server_a_line_is_what_its_clients_get() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(data.path());
    wait_for(async {
        let mut client = RawClient::connect(&server.url).await;
        add(&mut client, "k1").await;
        add(&mut client, "k2").await;
        let (_, events) = board(&mut client, None).await;
        assert_eq!(events.len(), 2);
        assert_eq!(lines_of(data.path(), &["tail", "board", "--json"]), events);
        assert_eq!(lines_of(data.path(), &["export"])[1..], events);
        assert_eq!(
            json_of(data.path(), &["topics", "--json"])["topics"][0]["events"],
            2
        );
        assert_eq!(json_of(data.path(), &["verify", "--json"])["ok"], true);
        add(&mut client, "k3").await;
        assert_eq!(lines_of(data.path(), &["tail", "board", "--json"]).len(), 3);
    });
}

#[test]
fn what_a_killed_server_left_can_be_looked_at() {
    let data = tempfile::tempdir().unwrap();
    let mut server = serve(data.path());
    wait_for(async {
        let mut client = RawClient::connect(&server.url).await;
        add(&mut client, "k1").await;
    });
    server.end();
    assert_eq!(lines_of(data.path(), &["tail", "board", "--json"]).len(), 1);
    assert_eq!(json_of(data.path(), &["verify", "--json"])["ok"], true);
}

/// `log tail` that runs; killed when dropped.
pub(super) struct Following {
    child: Child,
    lines: mpsc::Receiver<Value>,
}

impl Following {
    fn start(data: &std::path::Path) -> Self {
        Self::of(&["--data", data.to_str().unwrap()])
    }

    /// Of a journal that flags name.
    pub(super) fn of(source: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
            .args(["log", "tail", "board", "--follow", "--json"])
            .args(source)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let line = serde_json::from_str(&line.unwrap()).unwrap();
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    pub(super) fn key(&self) -> String {
        let event = self.lines.recv_timeout(PATIENCE).expect("a line comes");
        event["key"].as_str().unwrap().to_owned()
    }
}

impl Following {
    /// The next line of its standard error.
    pub(super) fn said(&mut self) -> String {
        let stderr = self.child.stderr.as_mut().unwrap();
        BufReader::new(stderr).lines().next().unwrap().unwrap()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn following_prints_what_comes_across_restarts_of_the_server() {
    let data = tempfile::tempdir().unwrap();
    let mut server = serve(data.path());
    let following = wait_for(async {
        let following = Following::start(data.path());
        let mut client = RawClient::connect(&server.url).await;
        add(&mut client, "k1").await;
        assert_eq!(following.key(), "k1");
        add(&mut client, "k2").await;
        add(&mut client, "k3").await;
        assert_eq!([following.key(), following.key()], ["k2", "k3"]);
        following
    });
    server.end();
    let server = serve(data.path());
    wait_for(async {
        let mut client = RawClient::connect(&server.url).await;
        add(&mut client, "k4").await;
        assert_eq!(following.key(), "k4");
    });
}

#[test]
fn following_ends_where_another_journal_took_the_place() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let mut following = Following::start(data.path());
    assert_eq!(following.key(), "k1");
    let connection = Connection::open(data.path().join("journal.db")).unwrap();
    let restored = "UPDATE meta SET value = 'another' WHERE name = 'epoch'";
    connection.execute(restored, []).unwrap();
    let mut said = String::new();
    let mut stderr = following.child.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(said, "error: the journal was replaced by another\n");
    assert!(!following.child.wait().unwrap().success());
}

#[test]
fn whoever_has_read_enough_may_close_the_pipe() {
    let data = tempfile::tempdir().unwrap();
    wait_for(async {
        let journal = open(data.path());
        // More than a pipe holds.
        for topic in 0..2000 {
            let long = Event::new("said").data(&"long ".repeat(50)).unwrap();
            let topic = format!("topic {topic} {}", "long ".repeat(20));
            journal.append(append(&topic, [long])).await.unwrap();
        }
        let long = Event::new("said").data(&"long ".repeat(200)).unwrap();
        journal.append(append("board", vec![long; 500])).await.unwrap();
        journal.close().await;
    });
    let commands: [&[&str]; 3] = [
        &["export"],
        &["topics"],
        &["tail", "board", "--since", "0", "--follow"],
    ];
    for arguments in commands {
        let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
            .args(["log", "--data"])
            .arg(data.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut head = BufReader::new(child.stdout.take().unwrap());
        head.read_line(&mut String::new()).unwrap();
        drop(head);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
        assert_eq!(said, "", "{arguments:?}");
    }
}
