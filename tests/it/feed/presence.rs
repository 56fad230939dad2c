//! Which sockets are there: a topic of members.

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};
use updraft::{
    App, CallError, Code, Config, Context, Event, JournalConfig, Json, Module, Result, Topic, everyone,
    journal::{Journal, Record},
    testing::TestClient,
};

use super::{Reader, everything, publish};
use crate::support::{Local, node_by_all_ways, until_async};

async fn enter(Json(data): Json<Value>, cx: Context) -> Result<Json<String>> {
    cx.presence("here").enter(&data).await?;
    Ok(Json(cx.socket_id().to_string()))
}

async fn leave(cx: Context) -> Result<()> {
    cx.presence("here").leave().await
}

/// What its clients enter and leave.
pub(crate) fn app() -> App {
    let module = Module::new("api.here").on("enter", enter).on("leave", leave);
    App::new()
        .presence(Topic::new("here").readable_by(everyone))
        .module(module)
}

async fn start(journal: &Arc<dyn Journal>) -> Local {
    Local::of(app().journal(journal.clone())).await
}

async fn here(client: &mut TestClient, data: Value) -> String {
    client.call("api.here.enter").data(data).await.data()
}

/// Of a member's event: its socket, and its data.
fn member(event: &Value) -> (String, Value) {
    let key = event["key"].as_str().unwrap();
    (key.rsplit_once('.').unwrap().1.to_owned(), event["data"].clone())
}

pub(super) async fn a_socket_is_there_from_its_entry_until_it_goes(journal: Arc<dyn Journal>) {
    let local = start(&journal).await;
    let mut reader = Reader::connect(&local).await;
    reader.subscribe("here").await;
    reader.up_to("topic.live").await;

    let (mut ada, mut bob) = (local.connect().await, local.connect().await);
    let ada_is = here(&mut ada, json!("ada")).await;
    let entered = reader.next().await;
    assert_eq!(entered["event"], "presence.entered");
    assert_eq!(member(&entered), (ada_is.clone(), json!("ada")));
    // The same once more is no news; something else is.
    here(&mut ada, json!("ada")).await;
    here(&mut ada, json!({"name": "ada"})).await;
    assert_eq!(
        member(&reader.next().await),
        (ada_is.clone(), json!({"name": "ada"}))
    );
    here(&mut bob, json!("bob")).await;
    reader.next().await;

    // By a call, and by disconnecting.
    bob.call("api.here.leave").await.data::<()>();
    let left = reader.next().await;
    assert_eq!(
        (&left["event"], &left["deleted"]),
        (&json!("presence.left"), &json!(true))
    );
    bob.call("api.here.leave").await.data::<()>();
    here(&mut bob, json!("bob again")).await;
    assert_eq!(member(&reader.next().await).1, "bob again");
    drop(ada);
    let left = reader.next().await;
    assert_eq!((member(&left).0, &left["deleted"]), (ada_is, &json!(true)));

    let mut late = Reader::connect(&local).await;
    late.subscribe("here").await;
    let backlog = late.up_to("topic.live").await;
    let members = backlog
        .iter()
        .filter(|event| event["event"] == "presence.entered");
    assert_eq!(
        members.map(member).map(|(_, data)| data).collect::<Vec<_>>(),
        ["bob again"]
    );
    reader.hears_nothing_else().await;
}

/// A server that was killed could not say so.
pub(super) async fn members_of_a_server_that_is_gone_are_gone_at_the_next_start(journal: Arc<dyn Journal>) {
    let ghosts = ["0123-0.a", "0123-0.b", "4567-2.c"];
    let entered = ghosts.map(|key| Event::new("presence.entered").key(key));
    publish(&journal, "here", entered).await;
    let local = start(&journal).await;
    let mut reader = Reader::connect(&local).await;
    reader.subscribe("here").await;
    let backlog = reader.up_to("topic.live").await;
    assert!(
        backlog.iter().all(|event| event["event"] != "presence.entered"),
        "{backlog:?}"
    );
    let mut ada = local.connect().await;
    here(&mut ada, json!("ada")).await;
    assert_eq!(member(&reader.next().await).1, "ada");
    // One that comes up later goes too, and who is there stays.
    publish(&journal, "here", [Event::new("presence.entered").key("0123-0.d")]).await;
    reader.next().await;
    let left = reader.next().await;
    assert_eq!(
        (&left["key"], &left["deleted"]),
        (&json!("0123-0.d"), &json!(true))
    );
    reader.hears_nothing_else().await;
}

pub(super) async fn of_many_who_come_and_go_those_are_there_who_did_not_go(journal: Arc<dyn Journal>) {
    let local = start(&journal).await;
    let mut clients = Vec::new();
    for number in 0..30 {
        let mut client = local.connect().await;
        let id = here(&mut client, json!(number)).await;
        clients.push((client, id));
    }
    let mut stay = Vec::new();
    let mut gone = 0;
    for (number, (mut client, id)) in clients.into_iter().enumerate() {
        match number % 3 {
            0 => drop(client),
            1 => {
                // It goes while it enters.
                let call = client.call("api.here.enter").data(json!("on the way"));
                tokio::select! {
                    biased;
                    _ = call => {}
                    () = std::future::ready(()) => {}
                }
                drop(client);
            }
            _ => {
                stay.push((client, id));
                continue;
            }
        }
        gone += 1;
    }
    let mut expected: Vec<_> = stay.iter().map(|(_, id)| id.clone()).collect();
    expected.sort();
    assert_eq!((gone, expected.len()), (20, 10));
    until_async("the others to be gone", async || {
        present(&everything(&*journal, "here").await) == expected
    })
    .await;
}

/// The sockets that are there, by all that was published.
fn present(records: &[Record]) -> Vec<String> {
    let mut present = std::collections::BTreeSet::new();
    for record in records {
        let socket = record
            .key
            .as_ref()
            .unwrap()
            .rsplit_once('.')
            .unwrap()
            .1
            .to_owned();
        match record.is_tombstone() {
            true => present.remove(&socket),
            false => present.insert(socket),
        };
    }
    present.into_iter().collect()
}

pub(super) async fn what_is_no_presence_cannot_be_entered(journal: Arc<dyn Journal>) {
    let module = Module::new("api.wrong")
        .on("topic", async |cx: Context| {
            cx.presence("board").enter("ada").await
        })
        .on("nothing", async |cx: Context| {
            cx.presence("nothing").leave().await
        })
        .on("publish", async |cx: Context| -> Result<()> {
            let forged = Event::new("presence.entered").key("0123-0.a");
            cx.topic("here").publish(forged).await.map(drop)
        });
    let app = app()
        .journal(journal.clone())
        .topic(Topic::new("board"))
        .module(module);
    let local = Local::of(app).await;
    let mut client = local.connect().await;
    for function in ["topic", "nothing", "publish"] {
        let refused: CallError = client
            .call(&format!("api.wrong.{function}"))
            .await
            .error()
            .clone();
        assert_eq!(refused.code(), Code::Internal, "{function}");
    }
    assert_eq!(everything(&*journal, "here").await, []);
}

fn in_directory(data: &Path) -> Config {
    let journal = JournalConfig {
        data: data.to_owned(),
        ..JournalConfig::default()
    };
    Config {
        journal,
        ..Config::default()
    }
}

#[test]
fn stock_clients_see_which_are_there() {
    super::wait_for(async {
        let data = tempfile::tempdir().unwrap();
        let local = Local::start(app(), in_directory(data.path())).await;
        node_by_all_ways("presence.mjs", &local.url, &[]).await;
        local.server.stop().await;
    });
}
