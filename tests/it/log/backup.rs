//! `log export` and `log import`: a journal saved, brought back, and moved.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Value, json};
use updraft::{
    Body, Event,
    journal::{Cursor, Journal, Record, Retention, StoredOutcome, TopicBounds},
};

use super::{
    add, append, board, fill, json_of, lines, lines_of, log, log_of, open, printed, serve, wait_for,
};
use crate::support::RawClient;

/// Everything of a topic, in one page.
const WHOLE: Cursor = Cursor {
    after: 0,
    up_to: u64::MAX,
    events: usize::MAX,
    bytes: usize::MAX,
};

/// All that a journal says to those who use it.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    topics: Vec<(String, TopicBounds)>,
    events: Vec<Record>,
    backlog: Vec<Record>,
    calls: Vec<Option<StoredOutcome>>,
    consumers: Vec<u64>,
}

/// What it says, and its epoch.
pub(super) async fn told_by(journal: &dyn Journal) -> (String, Told) {
    let epoch = journal.epoch().to_string();
    let topics = journal.topics().await.unwrap();
    let (mut events, mut backlog, mut calls, mut consumers) = (vec![], vec![], vec![], vec![]);
    for (topic, _) in &topics {
        events.extend(journal.read(topic, WHOLE).await.unwrap().records);
        backlog.extend(journal.backlog(topic, WHOLE).await.unwrap().records);
    }
    for number in 0..4 {
        calls.push(journal.stored_outcome(&format!("call {number}")).await.unwrap());
    }
    for topic in ["board", "gone", "not yet"] {
        consumers.push(journal.committed_offset(topic, "mailer").await.unwrap());
    }
    journal.close().await;
    let told = Told {
        topics,
        events,
        backlog,
        calls,
        consumers,
    };
    (epoch, told)
}

pub(super) fn told(data: &Path) -> (String, Told) {
    wait_for(async { told_by(&open(data)).await })
}

/// Imports an export into a new directory; its answer.
fn import(data: &Path, export: &str, flags: &[&str]) -> Value {
    let (done, stdout, stderr) = log_of(data, &[&["import", "-", "--json"], flags].concat(), export);
    assert!(done, "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

/// What an export holds, but for breaks of lines within data, which are spaces in it.
pub(super) fn in_one_line(mut told: Told) -> Told {
    for record in told.events.iter_mut().chain(&mut told.backlog) {
        if let Body::Data(json) = &record.body {
            record.body = Body::Data(json.replace(['\n', '\r'], " ").into());
        }
    }
    told
}

#[test]
fn a_journal_that_moves_says_what_it_said_before() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(from.path());
    let export = printed(from.path(), &["export"]);
    let data = to.path().join("new/data");
    let imported = import(&data, &export, &["--keep-epoch"]);
    let (epoch, before) = told(from.path());
    assert_eq!(before.calls.iter().flatten().count(), 3);
    assert_eq!(before.consumers, [4, 0, 0]);
    let traced = before.events.iter().filter(|event| event.traceparent.is_some());
    assert_eq!(traced.count(), 1);
    assert_eq!(
        imported,
        json!({"epoch": epoch, "head": 8, "topics": 2, "events": 6})
    );
    assert_eq!(told(&data), (epoch, in_one_line(before)));
    assert_eq!(printed(&data, &["export"]), export);
    assert_eq!(json_of(&data, &["verify", "--json"])["ok"], true);
}

#[test]
fn a_journal_that_is_restored_is_another_that_says_the_same() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(from.path());
    let file = from.path().join("backup.jsonl");
    let (done, stdout, said) = log(from.path(), &["export", "--output", file.to_str().unwrap()]);
    assert!(done && stdout.is_empty(), "{said}");
    let (epoch, before) = told(from.path());
    assert_eq!(
        said,
        format!("6 events of 2 topics, up to {epoch}:8, in {}\n", file.display())
    );
    let said = printed(to.path(), &["import", file.to_str().unwrap()]);
    let (new_epoch, after) = told(to.path());
    assert_eq!(
        said,
        format!(
            "6 events of 2 topics, up to {new_epoch}:8, in {}\n",
            to.path().display()
        )
    );
    assert_ne!(new_epoch, epoch);
    assert_eq!(after, in_one_line(before));
}

#[test]
fn subscribers_resume_where_a_journal_moved_and_begin_anew_where_it_was_restored() {
    let (from, moved, restored) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let server = serve(from.path());
    let (start, backlog) = wait_for(async {
        let mut client = RawClient::connect(&server.url).await;
        for id in ["k1", "k2", "k3"] {
            add(&mut client, id).await;
        }
        let remove = json!({"event": "api.board.remove", "data": {"id": "k1"}});
        client.call(&remove).await;
        board(&mut client, None).await
    });
    drop(server);
    assert_eq!(backlog.len(), 2);
    let epoch = start["epoch"].as_str().unwrap();
    let export = printed(from.path(), &["export"]);
    import(moved.path(), &export, &["--keep-epoch"]);
    import(restored.path(), &export, &[]);
    let seen = format!("{epoch}:2");
    for (data, goes_on) in [(moved.path(), true), (restored.path(), false)] {
        let server = serve(data);
        wait_for(async {
            let mut client = RawClient::connect(&server.url).await;
            let (_, anew) = board(&mut client, None).await;
            assert_eq!(anew, backlog);
            let (start, resumed) = board(&mut client, Some(&seen)).await;
            assert_eq!(start["reset"], !goes_on);
            assert_eq!(start["epoch"] == epoch, goes_on);
            let seqs: Vec<_> = resumed
                .iter()
                .map(|event| event["seq"].as_u64().unwrap())
                .collect();
            match goes_on {
                true => assert_eq!(seqs, [3, 4], "the tombstone too"),
                false => assert_eq!(resumed, backlog),
            }
            // Numbers go on where they were.
            add(&mut client, "k4").await;
        });
        drop(server);
        let newest = &lines_of(data, &["tail", "board", "-n", "1", "--json"])[0];
        assert_eq!((&newest["seq"], &newest["key"]), (&json!(5), &json!("k4")));
    }
}

#[test]
fn some_topics_go_without_the_others_and_without_the_keys_of_calls() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(from.path());
    let export = printed(from.path(), &["export", "board"]);
    let lines = lines(&export);
    let header = &lines[0];
    assert_eq!(
        header["topics"],
        json!([{"topic": "board", "head": 5, "floor": 0}])
    );
    assert_eq!(
        [&header["events"], &header["once"], &header["consumers"]],
        [5, 0, 1]
    );
    assert_eq!(lines.len(), 7);
    assert_eq!(
        lines[6],
        json!({"consumer": "mailer", "topic": "board", "seq": 4})
    );
    import(to.path(), &export, &[]);
    let topics = &json_of(to.path(), &["topics", "--json"]);
    // Numbers that were given to others are not given again.
    assert_eq!(
        (&topics["head"], topics["topics"].as_array().unwrap().len()),
        (&json!(8), 1)
    );
    assert_eq!(json_of(to.path(), &["verify", "--json"])["ok"], true);
}

#[test]
fn an_empty_journal_can_be_saved_and_filled() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    wait_for(open(from.path()).close());
    // As a server does that was started too early.
    wait_for(open(to.path()).close());
    let empty = printed(from.path(), &["export"]);
    assert_eq!(lines(&empty).len(), 1);
    import(to.path(), &empty, &[]);
    fill(from.path());
    import(to.path(), &printed(from.path(), &["export"]), &[]);
    assert_eq!(told(to.path()).1, in_one_line(told(from.path()).1));
}

#[test]
fn an_export_beside_appends_and_compaction_is_one_moment_of_whole_commits() {
    let data = tempfile::tempdir().unwrap();
    let directory = data.path().to_owned();
    let export = move || {
        let export = lines_of(&directory, &["export"]);
        if let Some(topic) = export[0]["topics"].get(0) {
            assert_eq!(export[0]["head"], topic["head"]);
        }
        export
    };
    wait_for(exports_are_moments(Arc::new(open(data.path())), export));
}

pub(super) async fn exports_are_moments(
    journal: Arc<dyn Journal>,
    export: impl Fn() -> Vec<Value> + Clone + Send + 'static,
) {
    let done = Arc::new(AtomicBool::new(false));
    let busy = {
        let (journal, done) = (journal.clone(), done.clone());
        tokio::spawn(async move {
            let keep = Retention {
                least: Duration::ZERO,
                ..Retention::default()
            };
            let mut number = 0_u64;
            while !done.load(Relaxed) {
                // Both cards are always of the same number.
                let cards = ["k1", "k2"].map(|key| Event::new("set").key(key).data(&number).unwrap());
                journal.append(append("board", cards)).await.unwrap();
                number += 1;
                if number.is_multiple_of(10) {
                    journal.compact("board", keep).await.unwrap();
                }
            }
            number
        })
    };
    let mut seen = HashSet::new();
    while seen.len() < 5 {
        let export = tokio::task::spawn_blocking(export.clone()).await.unwrap();
        let Some(topic) = export[0]["topics"].get(0) else {
            continue;
        };
        let newest = |key: &str| export.iter().rev().find(|line| line["key"] == key).unwrap();
        assert_eq!(newest("k1")["data"], newest("k2")["data"]);
        assert_eq!(newest("k2")["seq"], topic["head"], "nothing of later is in it");
        assert!(export[0]["head"].as_u64() >= topic["head"].as_u64());
        assert_eq!(export[0]["events"], export.len() - 1);
        seen.insert(topic["head"].as_u64().unwrap());
    }
    done.store(true, Relaxed);
    assert!(busy.await.unwrap() >= 5);
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("backup.jsonl");
    fs::write(&file, "the one before").unwrap();
    let export = ["export", "--output", file.to_str().unwrap()];
    let connection = rusqlite::Connection::open(data.path().join("journal.db")).unwrap();
    connection
        .execute("UPDATE events SET data = '{' WHERE seq = 5", [])
        .unwrap();
    let (done, _, said) = log(data.path(), &export);
    assert!(!done);
    assert!(
        said.starts_with("error: the journal is damaged at event 5: "),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "the one before");
    connection
        .execute("UPDATE events SET data = '{}' WHERE seq = 5", [])
        .unwrap();
    assert!(log(data.path(), &export).0);
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        printed(data.path(), &["export"])
    );
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    let nowhere = directory.path().join("nowhere/backup.jsonl");
    let (done, _, said) = log(data.path(), &["export", "-o", nowhere.to_str().unwrap()]);
    assert!(!done);
    assert!(
        said.starts_with(&format!("error: cannot write {}: ", nowhere.display())),
        "{said}"
    );
}
