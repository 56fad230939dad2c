//! A file of which a part is not what was written: found at the start, or told to whoever meets with it, while all else
//! goes on.

use std::{fs, io::Write, os::unix::fs::FileExt, path::Path};

use serde_json::{Value, json};
use updraft::{
    App, Config, Event, JournalConfig, Module, Topic, everyone,
    journal::{Append, Durability, Journal, SqliteJournal},
};

use super::{
    cards::{begin, change, fill, is_unavailable, next, refusal},
    wait_for,
};
use crate::support::{Http, Local, Packet, Program, RawClient, within_patience};

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
    // What the beginning leads to is gone, or a page of it: the file can be opened, and not all of it can be read.
    let told = format!("error: the journal {} is damaged: ", file.display());
    let last = whole.len() / PAGE - 1;
    for page in [last / 5, last / 2, last] {
        let mut flipped = whole.clone();
        flipped[page * PAGE..][..PAGE].fill(0xff);
        fs::write(&file, flipped).unwrap();
        let said = refusal(place.path());
        assert!(said.starts_with(&told) && said.contains("log verify"), "{said}");
    }
    fs::write(&file, damaged(&whole, whole.len() / 2)).unwrap();
    let said = refusal(place.path());
    assert!(said.starts_with(&told), "{said}");
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
        is_refused(&mut reader).await;
        assert!(writer.is_well().await, "the program goes on");

        // The file is whole again: who asks again gets all of it.
        overwrite(&file, &whole);
        let (_, after) = begin(&program.url).await;
        assert_eq!(after, before);
        within_patience("the journal to be written again", async {
            while change(&mut writer).await.is_err() {}
        })
        .await;
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

/// Reads until the topic is refused: what came before.
async fn is_refused(reader: &mut RawClient) -> Vec<Value> {
    let mut before = Vec::new();
    loop {
        let event = next(reader).await;
        if event["event"] == "topic.refused" {
            assert_eq!(event["topic"], "board");
            assert!(is_unavailable(&event["error"]), "{event}");
            return before;
        }
        before.push(event);
    }
}

const NOTES: usize = 50;

/// A journal with a board that is larger than what SQLite keeps of it in memory, and some notes; closed.
fn fill_two(directory: &Path) {
    fill(directory, 10_000);
    wait_for(async {
        let journal = SqliteJournal::open(directory, Durability::ProcessCrash).unwrap();
        let notes = (0..NOTES).map(|number| Event::new("noted").data(&number).unwrap());
        let append = Append {
            topic: "notes".to_owned(),
            events: notes.collect(),
            ..Append::default()
        };
        journal.append(append).await.unwrap();
        journal.close().await;
    });
}

/// An app with both topics; its functions set a card, and add a note.
async fn serve(data: &Path) -> (Local, SqliteFile) {
    async fn note(cx: updraft::Context) -> updraft::Result<()> {
        cx.topic("notes")
            .publish(Event::new("noted").data(&"new")?)
            .await
            .map(drop)
    }
    async fn set(updraft::Json(id): updraft::Json<String>, cx: updraft::Context) -> updraft::Result<()> {
        cx.topic("board")
            .publish(Event::new("card.added").key(id).data(&"new")?)
            .await
            .map(drop)
    }
    let app = App::new()
        .module(Module::new("api.test").on("note", note).on("set", set))
        .topic(Topic::new("board").readable_by(everyone))
        .topic(Topic::new("notes").readable_by(everyone));
    let config = Config {
        journal: JournalConfig {
            data: data.to_owned(),
            ..JournalConfig::default()
        },
        ..Config::default()
    };
    (
        Local::start(app, config).await,
        SqliteFile(
            fs::File::options()
                .read(true)
                .write(true)
                .open(data.join("journal.db"))
                .unwrap(),
        ),
    )
}

/// The file of a journal, to be damaged.
struct SqliteFile(fs::File);

impl SqliteFile {
    /// Overwrites the pages that hold these bytes, and not those; how many.
    fn flip(&self, with: &str, without: &str) -> usize {
        let length = self.0.metadata().unwrap().len();
        let holds = |page: &[u8], text: &str| {
            !text.is_empty() && page.windows(text.len()).any(|bytes| bytes == text.as_bytes())
        };
        let mut flipped = 0;
        for start in (0..length).step_by(PAGE) {
            let mut page = vec![0; PAGE];
            self.0.read_exact_at(&mut page, start).unwrap();
            if holds(&page, with) && !holds(&page, without) {
                self.0.write_all_at(&vec![0xff; PAGE], start).unwrap();
                flipped += 1;
            }
        }
        flipped
    }
}

async fn call(client: &mut RawClient, event: &str, data: &str) -> Result<(), Value> {
    let answer = client.call(&json!({"event": event, "data": data})).await;
    match answer.get("error") {
        None => Ok(()),
        Some(error) => Err(error.clone()),
    }
}

fn ready(local: &Local) -> (u16, String) {
    let ready = Http::get(&local.url, "/health/ready", &[]);
    (ready.status, ready.body)
}

#[test]
fn who_reads_a_damaged_page_is_told_and_other_topics_go_on() {
    let place = tempfile::tempdir().unwrap();
    fill_two(place.path());
    wait_for(async {
        let (local, file) = serve(place.path()).await;
        assert_eq!(ready(&local), (200, "ready".to_owned()));
        assert_eq!(file.flip(r#""id":"card-5000""#, ""), 1);

        let mut reader = RawClient::connect_with(&local.url, &json!({"topics": {"board": null}})).await;
        let before = is_refused(&mut reader).await;
        assert_eq!(before[0]["event"], "topic.start");
        assert!(
            (4000..=5000).contains(&(before.len() - 1)),
            "{} events",
            before.len()
        );
        assert_eq!(ready(&local), (200, "ready, but damaged: topic board".to_owned()));
        let subscribe = json!({"event": "topic.subscribe", "data": {"topic": "board"}});
        let ack = reader.begin(&subscribe).await;
        loop {
            match reader.packet().await {
                Packet::Ack(number, answer) => {
                    assert_eq!(number, ack);
                    assert!(answer["error"].is_null(), "it begins where it is whole: {answer}");
                }
                Packet::Event(_, event, _) if event["event"] == "topic.refused" => break,
                Packet::Event(..) => {}
            }
        }

        let mut other = RawClient::connect_with(&local.url, &json!({"topics": {"notes": null}})).await;
        call(&mut reader, "api.test.note", "").await.unwrap();
        call(&mut reader, "api.test.set", "card-10")
            .await
            .expect("its end is whole");
        let mut notes = 0;
        while notes <= NOTES {
            notes += usize::from(next(&mut other).await["event"] == "noted");
        }
        // A reader who resumes behind it hears all.
        let place = before[0]["epoch"].as_str().unwrap();
        let since = json!({"topics": {"board": format!("{place}:9999")}});
        let mut behind = RawClient::connect_with(&local.url, &since).await;
        while next(&mut behind).await["event"] != "topic.live" {}
        local.server.stop().await;
    });
}

#[test]
fn who_writes_a_damaged_page_is_told_and_holds_nobody_else_up() {
    let place = tempfile::tempdir().unwrap();
    fill_two(place.path());
    wait_for(async {
        let (local, file) = serve(place.path()).await;
        // The pages that say where the latest event of a card stands.
        assert!(file.flip("card-5000", r#""id":"card-5000""#) > 0);
        let mut writer = RawClient::connect(&local.url).await;
        let error = call(&mut writer, "api.test.set", "card-5000").await.unwrap_err();
        assert!(is_unavailable(&error), "{error}");
        assert_eq!(ready(&local), (200, "ready, but damaged: topic board".to_owned()));

        // From now on it fails alone, however many share a commit.
        let mut calls = Vec::new();
        for number in 0..100 {
            let (event, data) = match number % 3 {
                0 => ("api.test.set", "card-5000"),
                1 => ("api.test.set", "card-10"),
                _ => ("api.test.note", ""),
            };
            calls.push((writer.begin(&json!({"event": event, "data": data})).await, data));
        }
        for _ in 0..calls.len() {
            let Packet::Ack(number, answer) = writer.packet().await else {
                panic!("an ack was expected");
            };
            let (_, data) = calls.iter().find(|(call, _)| *call == number).unwrap();
            assert_eq!(
                answer.get("error").is_some(),
                *data == "card-5000",
                "{data}: {answer}"
            );
        }
        local.server.stop().await;
    });
}
