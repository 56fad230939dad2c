//! What panics late: data while it is written, a function that is dropped half-way.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::json;
use updraft::{App, Config, Json, Module, Server};

use crate::support::RawClient;

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("this is not for your eyes")
    }
}

async fn unwritable() -> Json<Unwritable> {
    Json(Unwritable)
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("nobody stops me")
    }
}

async fn endless() {
    let _guard = PanicsWhenDropped;
    std::future::pending().await
}

async fn status() -> &'static str {
    "online"
}

async fn start() -> (Server, RawClient) {
    let config = Config {
        port: 0,
        call_timeout: Duration::from_millis(50),
        max_running: 1,
        ..Config::default()
    };
    let server = App::new()
        .config(config)
        .module(
            Module::new("api.test")
                .on("unwritable", unwritable)
                .on("endless", endless),
        )
        .module(Module::new("api.services").on("status", status))
        .start()
        .await
        .unwrap();
    let client = RawClient::connect(&format!("http://{}", server.address())).await;
    (server, client)
}

#[tokio::test]
async fn data_that_panics_while_it_is_written_is_answered() {
    let (server, mut client) = start().await;
    let answer = client.call(&json!(["api.test.unwritable"])).await;
    assert_eq!(answer["error"]["code"], "internal");
    assert_eq!(answer["event"], "api.test.unwritable");
    client.send(r#"42["event",["api.test.unwritable"]]"#).await;
    assert!(
        client
            .text()
            .await
            .starts_with(r#"42["message","internal error, incident "#)
    );
    assert!(client.is_well().await);
    server.stop().await;
}

#[tokio::test]
async fn a_function_that_panics_when_its_time_is_over_is_answered() {
    let (server, mut client) = start().await;
    let answer = client.call(&json!(["api.test.endless"])).await;
    assert_eq!(answer["error"]["code"], "internal");
    assert!(client.is_well().await);
    server.stop().await;
}
