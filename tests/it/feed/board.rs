//! The demo's board, in the program itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tempfile::TempDir;
use updraft::testing::TestClient;

use super::{Reader, reader::text, wait_for};
use crate::support::{PATIENT, Program};

fn serve(data: &TempDir) -> Program {
    let data = data.path().to_str().unwrap();
    Program::start(&[&["--data", data], PATIENT.as_slice()].concat())
}

async fn connect(program: &Program) -> Reader {
    Reader::over(TestClient::connect(&program.url, ()).await)
}

fn card(id: &str, title: &str, column: &str) -> Value {
    json!({"id": id, "title": title, "column": column})
}

/// A card as it stands on the board.
fn ranked(id: &str, title: &str, column: &str, rank: f64) -> Value {
    json!({"id": id, "title": title, "column": column, "rank": rank})
}

/// The board as a new reader folds it.
async fn board(program: &Program) -> BTreeMap<String, Value> {
    let mut reader = connect(program).await;
    reader.subscribe("board").await;
    let backlog = reader.up_to("topic.live").await;
    let cards = backlog[1..backlog.len() - 1].iter();
    cards
        .map(|event| (text(event, "key"), event["data"].clone()))
        .collect()
}

#[test]
fn a_card_is_added_moved_edited_and_removed() {
    wait_for(async {
        let data = tempfile::tempdir().unwrap();
        let program = serve(&data);
        let mut reader = connect(&program).await;
        reader.subscribe("board").await;
        reader.up_to("topic.live").await;
        let mut writer = connect(&program).await;
        let moved = json!({"id": "1", "column": "done"});
        let edited = json!({"id": "1", "title": "Soar"});
        for (name, asked, event, told) in [
            (
                "add",
                card("1", "Fly", "todo"),
                "card.added",
                ranked("1", "Fly", "todo", 1.0),
            ),
            ("move", moved, "card.moved", ranked("1", "Fly", "done", 1.0)),
            ("edit", edited, "card.edited", ranked("1", "Soar", "done", 1.0)),
            ("remove", json!({"id": "1"}), "card.removed", Value::Null),
        ] {
            let place = writer.done(&format!("api.board.{name}"), &asked).await;
            let heard = reader.next().await;
            assert_eq!([&heard["event"], &heard["key"]], [event, "1"]);
            assert_eq!(heard["data"], told, "{name}");
            assert!(text(&json!({ "place": place }), "place").ends_with(&format!(":{}", heard["seq"])));
        }
        assert_eq!(board(&program).await, BTreeMap::new());
    });
}

#[test]
fn what_does_not_fit_the_board_is_refused() {
    wait_for(async {
        let data = tempfile::tempdir().unwrap();
        let program = serve(&data);
        let mut writer = connect(&program).await;
        writer.done("api.board.add", &card("1", "Fly", "todo")).await;
        let long = "x".repeat(501);
        let soar = json!({"id": "1", "title": "Soar"});
        for (name, data, code) in [
            ("add", card("", "Fly", "todo"), "invalid_data"),
            ("add", card("2", "", "todo"), "invalid_data"),
            ("add", card("2", &long, "todo"), "invalid_data"),
            ("add", card(&long, "Fly", "todo"), "invalid_data"),
            ("add", json!({"id": "2"}), "invalid_data"),
            ("add", ranked("2", "Fly", "todo", 1e13), "invalid_data"),
            ("add", by(card("2", "Fly", "todo"), "", "#2f7d5b"), "invalid_data"),
            ("edit", by(soar.clone(), "Ada", "red"), "invalid_data"),
            (
                "move",
                json!({"id": "1", "column": "done", "rank": -1e13}),
                "invalid_data",
            ),
            ("add", card("1", "Fly", "todo"), "conflict"),
            ("move", json!({"id": "1", "column": ""}), "invalid_data"),
            ("edit", json!({"id": "1", "title": long}), "invalid_data"),
            ("move", json!({"id": "2", "column": "done"}), "conflict"),
            ("edit", json!({"id": "2", "title": "Soar"}), "conflict"),
            ("remove", json!({"id": "2"}), "conflict"),
            ("remove", json!("1"), "invalid_data"),
        ] {
            let refused = writer.refused(&format!("api.board.{name}"), &data).await;
            assert_eq!(refused, code, "{name} {data}");
        }
        let cards = BTreeMap::from([("1".to_owned(), ranked("1", "Fly", "todo", 1.0))]);
        assert_eq!(board(&program).await, cards, "nothing of it was published");
    });
}

/// A change with the name of who made it.
fn by(mut change: Value, name: &str, color: &str) -> Value {
    change["by"] = json!({"name": name, "color": color});
    change
}

#[test]
fn cards_stand_where_they_were_put_and_say_who_did() {
    wait_for(async {
        let data = tempfile::tempdir().unwrap();
        let program = serve(&data);
        let mut writer = connect(&program).await;
        for id in ["1", "2"] {
            writer.done("api.board.add", &card(id, "Fly", "todo")).await;
        }
        let between = json!({"id": "3", "title": "Fly", "column": "todo", "rank": 1.5});
        writer.done("api.board.add", &by(between, "Ada", "#2f7d5b")).await;
        writer
            .done("api.board.move", &json!({"id": "1", "column": "todo"}))
            .await;
        let mut cards: Vec<Value> = board(&program).await.into_values().collect();
        cards.sort_by(|a, b| {
            a["rank"]
                .as_f64()
                .unwrap()
                .total_cmp(&b["rank"].as_f64().unwrap())
        });
        let third = by(ranked("3", "Fly", "todo", 1.5), "Ada", "#2f7d5b");
        assert_eq!(
            cards,
            [
                third,
                ranked("2", "Fly", "todo", 2.0),
                ranked("1", "Fly", "todo", 3.0)
            ]
        );
    });
}

/// Calls from as many clients at once, which all succeed: each has a place of its own.
async fn all_at_once(program: &Program, event: &'static str, calls: impl IntoIterator<Item = Value>) {
    let mut clients = Vec::new();
    for data in calls {
        clients.push((connect(program).await, data));
    }
    let count = clients.len();
    let mut writers = tokio::task::JoinSet::new();
    for (mut client, data) in clients {
        writers.spawn(async move { client.done(event, &data).await.to_string() });
    }
    let mut places = writers.join_all().await;
    places.sort();
    places.dedup();
    assert_eq!(places.len(), count);
}

#[test]
fn fifty_who_add_at_once_all_have_their_card() {
    wait_for(async {
        let data = tempfile::tempdir().unwrap();
        let program = serve(&data);
        let cards = (0..50).map(|number| card(&number.to_string(), "Fly", "todo"));
        all_at_once(&program, "api.board.add", cards).await;
        assert_eq!(board(&program).await.len(), 50);
    });
}

#[test]
fn fifty_who_move_one_card_at_once_all_do() {
    wait_for(async {
        let data = tempfile::tempdir().unwrap();
        let program = serve(&data);
        connect(&program)
            .await
            .done("api.board.add", &card("1", "Fly", "todo"))
            .await;
        let place = json!({"id": "1", "column": "todo"});
        all_at_once(&program, "api.board.move", vec![place; 50]).await;
        // Each comes to the end of the column, behind the place where the one before has put it.
        assert_eq!(board(&program).await["1"], ranked("1", "Fly", "todo", 51.0));
    });
}

#[test]
fn the_board_is_there_after_a_restart() {
    wait_for(async {
        let data = tempfile::tempdir().unwrap();
        let mut program = serve(&data);
        let mut writer = connect(&program).await;
        for id in ["1", "2"] {
            writer.done("api.board.add", &card(id, "Fly", "todo")).await;
        }
        writer.done("api.board.remove", &json!({"id": "2"})).await;
        let before = board(&program).await;
        program.end();

        let program = serve(&data);
        assert_eq!(board(&program).await, before);
        // The state that functions decide on is there too, not only what readers are told.
        let mut writer = connect(&program).await;
        let twice = card("1", "Fly", "todo");
        assert_eq!(writer.refused("api.board.add", &twice).await, "conflict");
        assert_eq!(
            writer.refused("api.board.remove", &json!({"id": "2"})).await,
            "conflict"
        );
        let soar = json!({"id": "1", "title": "Soar"});
        writer.done("api.board.edit", &soar).await;
        assert_eq!(board(&program).await["1"], ranked("1", "Soar", "todo", 1.0));
    });
}
