//! An event that no function is registered for is answered and counted, not met with silence.

use serde_json::json;
use updraft::{App, Config, HttpConfig, Namespace};

use crate::{
    metrics::told,
    support::{Local, Packet, RawClient},
};

#[tokio::test(flavor = "multi_thread")]
async fn it_is_answered_in_its_ack_and_counted() {
    let config = Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        ..Config::default()
    };
    let local = Local::start(App::new().namespace(Namespace::new("/chat")), config).await;
    let mut client = local.client().await;
    client.send(r#"42["draw",1]"#).await;
    client.send(r#"421["draw",1]"#).await;
    let told_so = json!({"error": {"code": "unknown_event", "message": "no function hears 'draw' here", "retry": false}});
    assert_eq!(client.packet().await, Packet::Ack(1, told_so));
    assert!(told(&local).contains("updraft_unhandled_events_total 2"));
    assert!(told(&local).contains("updraft_calls_total{outcome=\"unknown_event\"} 2"));
    assert!(client.is_well().await);
}

#[tokio::test]
async fn without_an_ack_nothing_comes_back() {
    let local = Local::of(
        App::new().namespace(Namespace::new("/").on("fail", async || "no".parse::<u8>().map(|_| ()))),
    )
    .await;
    let mut client: RawClient = local.client().await;
    client.send(r#"42["draw",1]"#).await;
    client.send(r#"42["fail"]"#).await;
    client.hears_nothing_else().await;
}
