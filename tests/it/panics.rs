//! What panics late: data while it is written, a function that is dropped half-way.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::json;
use updraft::{App, Code, Config, Json, LimitsConfig, Module, testing::TestApp};

use crate::support::{Local, RawClient};

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

fn module() -> Module {
    Module::new("api.test")
        .on("unwritable", unwritable)
        .on("endless", endless)
}

async fn start() -> (Local, RawClient) {
    let config = Config {
        limits: LimitsConfig {
            call_timeout: Duration::from_millis(50),
            max_running: 1,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let local = Local::start(App::new().module(module()), config).await;
    let client = local.client().await;
    (local, client)
}

#[tokio::test]
async fn data_that_panics_while_it_is_written_is_answered() {
    let (local, mut client) = start().await;
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
    local.server.stop().await;
}

#[tokio::test]
async fn a_function_that_panics_when_its_time_is_over_is_answered() {
    let (local, mut client) = start().await;
    let answer = client.call(&json!(["api.test.endless"])).await;
    assert_eq!(answer["error"]["code"], "internal");
    assert!(client.is_well().await);
    local.server.stop().await;
}

#[tokio::test]
async fn a_test_without_a_network_is_told_the_same() {
    let app = TestApp::start(App::new().module(module())).await;
    let answer = app.call("api.test.unwritable").await;
    assert_eq!(answer.error().code(), Code::Internal);
}
