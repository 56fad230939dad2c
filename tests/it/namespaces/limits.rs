//! What clients may have too much of: namespaces, calls, bytes. Each time one clear answer, and the socket goes on.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use updraft::{App, Config, HttpConfig, Json, LimitsConfig, Namespace, State};

use crate::{
    metrics::told,
    support::{Local, RawClient, within_patience},
};

async fn join(client: &mut RawClient, namespace: &str) -> String {
    client.send(&format!("40{namespace},")).await;
    client.text().await
}

/// The error in the ack of an event.
async fn failure(client: &mut RawClient, packet: &str) -> Value {
    client.send(packet).await;
    let told = client.text().await;
    let start = told.find('[').unwrap_or_else(|| panic!("{told}"));
    let mut ack: Value = serde_json::from_str(&told[start..]).unwrap();
    ack[0]["error"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_namespaces_by_data_are_a_hundred() {
    let config = Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        ..Config::default()
    };
    let app = App::new().namespace(Namespace::matching("/game/{id}").on("x", async || ()));
    let local = Local::start(app, config).await;
    let mut client = local.client().await;
    let mut refused = 0;
    for number in 0..10_000 {
        let told = join(&mut client, &format!("/game/{number}")).await;
        if told.starts_with("44") {
            assert!(
                told.contains(r#""code":"too_large""#) && told.contains(r#""most":100"#),
                "{told}"
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 10_000 - 99, "the root is one");
    assert!(told(&local).contains("updraft_refused_total{limit=\"namespaces\"} 9901"));
    assert!(told(&local).contains("updraft_sockets 100"));
    // One that is left makes room for another.
    client.send("41/game/0,").await;
    assert!(join(&mut client, "/game/new").await.starts_with("40/game/new,"));
    assert!(client.is_well().await);
}

/// Each waits until it is let go.
async fn wait(gate: State<Semaphore>) -> Json<bool> {
    gate.acquire().await.unwrap().forget();
    Json(true)
}

async fn gated(config: Config) -> Local {
    let app = App::new().state(Semaphore::new(0)).namespace(
        Namespace::new("/chat")
            .on("wait", wait)
            .on("gate", async |gate: State<Semaphore>| gate.add_permits(1))
            .on("nothing", async || ()),
    );
    Local::start(app, config).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_comes_back_begins_nothing_anew() {
    let config = Config {
        limits: LimitsConfig {
            max_running: 1,
            max_waiting: 2,
            read_pause: Duration::from_millis(1),
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let local = gated(config).await;
    let mut client = local.client().await;
    join(&mut client, "/chat").await;
    client.send(r#"42/chat,1["wait"]"#).await;
    client.send("41/chat,").await;
    join(&mut client, "/chat").await;
    // The call of the socket before runs still: this one waits, and further ones are too many.
    client.send(r#"42/chat,2["nothing"]"#).await;
    client.send(r#"42/chat,3["nothing"]"#).await;
    let full = failure(&mut client, r#"42/chat,4["nothing"]"#).await;
    assert_eq!(full["code"], "overloaded");
    let mut other = local.client().await;
    join(&mut other, "/chat").await;
    other.send(r#"42/chat,["gate"]"#).await;
    // Nobody hears the answer of a socket that is gone: its number may be another's.
    assert_eq!(client.text().await, "43/chat,2[]");
    assert_eq!(client.text().await, "43/chat,3[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_is_of_the_connection_whatever_its_namespaces() {
    let config = Config {
        limits: LimitsConfig {
            call_rate: 1,
            call_burst: 5,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let local = gated(config).await;
    let mut client = local.client().await;
    let limited = within_patience("a call too many", async {
        loop {
            join(&mut client, "/chat").await;
            client.send(r#"42/chat,1["nothing"]"#).await;
            let told = client.text().await;
            if told != "43/chat,1[]" {
                return told;
            }
            client.send("41/chat,").await;
        }
    })
    .await;
    assert!(limited.contains("rate_limited"), "{limited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_too_deep_or_broken_is_answered_in_its_ack() {
    let config = Config {
        limits: LimitsConfig {
            max_call: 1000,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let local = gated(config).await;
    let mut client = local.client().await;
    join(&mut client, "/chat").await;
    let large = json!(["nothing", "x".repeat(1000)]);
    assert_eq!(
        failure(&mut client, &format!("42/chat,1{large}")).await["code"],
        "too_large"
    );
    let deep = format!(r#"42/chat,2["nothing",{}{}]"#, "[".repeat(200), "]".repeat(200));
    assert_eq!(failure(&mut client, &deep).await["code"], "too_large");
    assert_eq!(
        failure(&mut client, r#"42/chat,3["nothing",{]"#).await["code"],
        "bad_call"
    );
    let many = format!(r#"42/chat,4["nothing"{}]"#, ",1".repeat(400));
    client.send(&many).await;
    assert_eq!(
        client.text().await,
        "43/chat,4[]",
        "further arguments are passed over"
    );
    // Without an ack nothing comes back.
    client.send(&format!("42/chat,{large}")).await;
    client.send(r#"42/chat,["nothing",{]"#).await;
    client.hears_nothing_else().await;
}
