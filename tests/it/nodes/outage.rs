//! A node without its database goes on with what needs none, says so, and its subscribers miss nothing.

use serde_json::Value;
use tokio::task::block_in_place;
use updraft::{
    App, Code, Config, Context, Event, JournalConfig, Json, Module, Position, Result, Topic, everyone,
    journal::{Append, Journal, Once, PostgresJournal},
};

use super::{next_of, wait_for};
use crate::support::{Http, Local, TestDatabase, journal_answer, until_async};

async fn add(Json(title): Json<String>, cx: Context) -> Result<Json<Position>> {
    let added = Event::new("added").data(&title)?;
    cx.topic("board").publish(added).await.map(Json)
}

#[test]
fn a_node_that_loses_its_database_goes_on_without_and_catches_up() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let app = App::new()
            .topic(Topic::new("board").readable_by(everyone))
            .module(Module::new("api.board").on("add", add));
        let journal = JournalConfig {
            database: Some(database.url.as_str().into()),
            ..JournalConfig::default()
        };
        let config = Config {
            journal,
            ..Config::default()
        };
        let node = Local::start(app, config).await;
        let ready = || block_in_place(|| Http::get(&node.url, "/health/ready", &[])).status;
        assert_eq!(ready(), 200);
        let mut reader = node.connect().await;
        let mut writer = node.connect().await;
        reader.subscribe("board").await.data::<Value>();
        writer.call("api.board.add").data("first").await.data::<Value>();
        assert_eq!(next_of(&mut reader).await["data"], "first");

        block_in_place(|| database.go_away());
        until_async("the node to be unready", async || ready() == 503).await;
        let status = writer.call("api.services.status").await.data::<String>();
        assert_eq!(status, "online");
        let refused = writer.call("api.board.add").data("lost").await;
        assert_eq!(refused.error().code(), Code::Unavailable);
        assert!(refused.error().may_be_retried());
        let status = reader.call("api.services.status").await.data::<String>();
        assert_eq!(status, "online", "the subscriber is still connected");

        block_in_place(|| database.come_back());
        let other = PostgresJournal::open(&database.url, None).await.unwrap();
        for title in ["second", "third", "fourth"] {
            let append = Append {
                topic: "board".to_owned(),
                events: vec![Event::new("added").data(title).unwrap()],
                once: Some(Once {
                    key: title.to_owned(),
                    digest: 0,
                    answer: None,
                }),
                ..Append::default()
            };
            journal_answer(async || other.append(append.clone()).await)
                .await
                .unwrap();
        }
        until_async("the node to be ready", async || ready() == 200).await;
        writer.call("api.board.add").data("fifth").await.data::<Value>();
        for title in ["second", "third", "fourth", "fifth"] {
            assert_eq!(next_of(&mut reader).await["data"], title);
        }
        node.server.stop().await;
    });
}
