//! A disk that is full, a directory that is read-only, a file that is damaged: what callers, readers and the log are
//! told by the program, and that it goes on by itself where it can.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use rustix::{
    process::{Pid, Resource, Rlimit, getrlimit, prlimit},
    thread::{CapabilitySet, remove_capability_from_bounding_set},
};
use serde_json::{Value, json};
use updraft::{
    Event,
    journal::{Append, Durability, Journal, SqliteJournal},
};

use super::wait_for;
use crate::support::{Packet, Program, RawClient};

/// Subscribes, and reads up to where it is live: the cards' events.
async fn begin(url: &str) -> (RawClient, Vec<Value>) {
    let mut reader = RawClient::connect_with(url, &json!({"topics": {"board": null}})).await;
    let mut events = Vec::new();
    loop {
        let event = next(&mut reader).await;
        match event["event"].as_str().unwrap() {
            "topic.start" => {}
            "topic.live" => return (reader, events),
            _ => events.push(event),
        }
    }
}

async fn next(reader: &mut RawClient) -> Value {
    match reader.packet().await {
        Packet::Event(_, event, None) => event,
        other => panic!("an event was expected, not {other:?}"),
    }
}

/// Adds a card; where it stands, or the error.
async fn add(writer: &mut RawClient, id: &str) -> Result<u64, Value> {
    let data = json!({"id": id, "title": "x".repeat(500), "column": "todo"});
    let answer = writer
        .call(&json!({"event": "api.board.add", "data": data}))
        .await;
    match answer["data"].as_str() {
        Some(place) => Ok(place.split_once(':').unwrap().1.parse().unwrap()),
        None => Err(answer["error"].clone()),
    }
}

fn is_unavailable(error: &Value) -> bool {
    error["code"] == "unavailable" && error["retry"] == true
}

/// No file of the program may grow beyond this from now on: as good as a full disk, and it needs no rights.
fn limit_files(program: &Program, bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    let limit = Rlimit {
        current: bytes,
        maximum,
    };
    let pid = Pid::from_raw(program.pid().cast_signed());
    prlimit(pid, Resource::Fsize, limit).unwrap();
}

/// Whether the event of this card stands there.
fn is_card(event: &Value, seq: u64, id: &str) -> bool {
    event["seq"] == seq && event["key"] == id
}

#[test]
fn a_full_disk_is_said_to_be_unavailable_and_passes() {
    let data = tempfile::tempdir().unwrap();
    // The program is to be told by an error, not by a signal.
    let mut program = Program::start_after("trap '' XFSZ", &["--data", data.path().to_str().unwrap()]);
    wait_for(async {
        let (mut reader, _) = begin(&program.url).await;
        let mut writer = RawClient::connect(&program.url).await;
        let mut acked = Vec::new();
        let mut number = 0;
        for round in 1..3 {
            limit_files(&program, Some(round * 400_000));
            let mut refused = 0;
            while refused < 5 {
                let id = format!("card-{number}");
                number += 1;
                match add(&mut writer, &id).await {
                    Ok(seq) => acked.push((seq, id)),
                    Err(error) => {
                        assert!(is_unavailable(&error), "{error}");
                        refused += 1;
                    }
                }
            }
            // Who comes now reads all that was acked.
            let (_, events) = begin(&program.url).await;
            for (seq, id) in &acked {
                assert!(events.iter().any(|event| is_card(event, *seq, id)), "{id}");
            }
            limit_files(&program, None);
            let id = format!("again-{round}");
            acked.push((add(&mut writer, &id).await.expect("there is room again"), id));
        }
        let (_, events) = begin(&program.url).await;
        for (seq, id) in &acked {
            let found: Vec<_> = events.iter().filter(|event| event["key"] == **id).collect();
            assert!(
                matches!(found[..], [event] if is_card(event, *seq, id)),
                "{id}: {found:?}"
            );
        }
        // No card was changed, so the backlog is all that ever happened, and that is what the reader saw live.
        for event in &events {
            assert_eq!(next(&mut reader).await, *event);
        }
        reader.hears_nothing_else().await;
    });
    program.end();
    let (_, log) = program.wait();
    assert!(log.contains("the journal did not commit"), "{log}");
    assert!(log.contains("the journal is unavailable"), "{log}");
}

/// What the program says when it does not start; it must not.
fn refusal(data: &Path) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
        .args(["serve", "--port", "0", "--data"])
        .arg(data)
        .env_remove("UPDRAFT_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    if !first.is_empty() {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!((first.as_str(), output.status.code()), ("", Some(1)));
    String::from_utf8(output.stderr).unwrap()
}

/// The same, by one for whom permissions count: also root's programs are refused what their files do not permit.
fn refusal_by_permissions(data: &Path) -> String {
    let refused = thread::scope(|threads| {
        let asking = threads.spawn(|| {
            for capability in [CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH] {
                // Only root has it, and may let go of it: for this thread, and whoever it starts.
                let _ = remove_capability_from_bounding_set(capability);
            }
            refusal(data)
        });
        asking.join()
    });
    refused.unwrap()
}

fn permit(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A journal of so many cards, closed.
fn fill(directory: &Path, cards: usize) {
    wait_for(async {
        let journal = SqliteJournal::open(directory, Durability::ProcessCrash).unwrap();
        let events = (0..cards).map(|number| {
            let id = format!("card-{number}");
            let card = json!({"id": id, "title": "x".repeat(500), "column": "todo"});
            Event::new("card.added").key(id).data(&card).unwrap()
        });
        let append = Append {
            topic: "board".to_owned(),
            events: events.collect(),
            ..Append::default()
        };
        journal.append(append).await.unwrap();
        journal.close().await;
    });
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    for data in [file.clone(), file.join("below")] {
        let said = refusal(&data);
        let told = format!("error: the directory {} is unusable: ", data.display());
        assert!(said.starts_with(&told), "{said}");
    }

    let new = place.path().join("new");
    fs::create_dir(&new).unwrap();
    permit(&new, 0o555);
    let said = refusal_by_permissions(&new);
    let told = format!(
        "error: the directory {} is unusable: Permission denied",
        new.display()
    );
    assert!(said.starts_with(&told), "{said}");
}

#[test]
fn a_journal_that_cannot_be_written_is_named() {
    let place = tempfile::tempdir().unwrap();
    fill(place.path(), 10);
    let file = place.path().join("journal.db");
    permit(place.path(), 0o555);
    let said = refusal_by_permissions(place.path());
    let told = format!("error: cannot open the journal {}: ", file.display());
    assert!(said.starts_with(&told), "{said}");

    permit(place.path(), 0o755);
    permit(&file, 0o444);
    let said = refusal_by_permissions(place.path());
    let told = format!(
        "error: the journal {} cannot be written: it is read-only\n",
        file.display()
    );
    assert_eq!(said, told);
}

#[test]
fn a_damaged_journal_is_not_served() {
    let place = tempfile::tempdir().unwrap();
    fill(place.path(), 3000);
    let file = place.path().join("journal.db");
    let whole = fs::read(&file).unwrap();
    for damaged in [
        damaged(&whole, 0),
        damaged(&whole, PAGE),
        whole[..whole.len() / 2].to_vec(),
    ] {
        fs::write(&file, damaged).unwrap();
        let said = refusal(place.path());
        let told = format!("error: cannot open the journal {}: ", file.display());
        assert!(said.starts_with(&told), "{said}");
    }
    // What the beginning leads to is gone: the file can be opened, and the board cannot be read.
    fs::write(&file, damaged(&whole, whole.len() / 2)).unwrap();
    let said = refusal(place.path());
    assert!(said.contains("malformed") && said.contains("error: "), "{said}");
}

const PAGE: usize = 8192;

/// A file of which all is gone from here on.
fn damaged(whole: &[u8], from: usize) -> Vec<u8> {
    let mut damaged = whole.to_vec();
    damaged[from..].fill(0xff);
    damaged
}

#[test]
fn a_file_that_is_damaged_meanwhile_is_said_to_be_unavailable() {
    const CARDS: usize = 10_000;
    let place = tempfile::tempdir().unwrap();
    fill(place.path(), CARDS);
    let file = place.path().join("journal.db");
    let mut program = Program::start(&["--data", place.path().to_str().unwrap()]);
    wait_for(async {
        let (_, before) = begin(&program.url).await;
        assert_eq!(before.len(), CARDS);
        let whole = fs::read(&file).unwrap();
        overwrite(&file, &damaged(&whole, PAGE));

        let mut writer = RawClient::connect(&program.url).await;
        let error = change(&mut writer).await.expect_err("nothing can be written");
        assert!(is_unavailable(&error), "{error}");
        let subscribe = json!({"event": "topic.subscribe", "data": {"topic": "board"}});
        let mut told = Value::Null;
        while told["error"].is_null() {
            told = writer.call(&subscribe).await;
        }
        assert!(is_unavailable(&told["error"]), "{told}");
        let mut reader = RawClient::connect_with(&program.url, &json!({"topics": {"board": null}})).await;
        assert!(writer.is_well().await, "the program goes on");

        // The file is whole again: readers have waited for that.
        overwrite(&file, &whole);
        let mut after = Vec::new();
        while after.len() < CARDS {
            let event = next(&mut reader).await;
            if event["event"] == "card.added" {
                after.push(event);
            }
        }
        assert_eq!(after, before);
        change(&mut writer).await.expect("it can be written again");
    });
    program.end();
    let (_, log) = program.wait();
    assert!(log.contains("malformed"), "{log}");
}

/// Without a moment in which the file is shorter.
fn overwrite(file: &Path, bytes: &[u8]) {
    let mut file = fs::File::options().write(true).open(file).unwrap();
    file.write_all(bytes).unwrap();
}

/// Changes a card that is there.
async fn change(writer: &mut RawClient) -> Result<(), Value> {
    let data = json!({"id": "card-7", "title": "another"});
    let answer = writer
        .call(&json!({"event": "api.board.edit", "data": data}))
        .await;
    match answer.get("error") {
        None => Ok(()),
        Some(error) => Err(error.clone()),
    }
}
