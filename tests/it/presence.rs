//! Who is here: everyone gets the whole list whenever it changes.

use serde_json::{Value, json};
use updraft::{
    Code,
    testing::{Answer, TestClient},
};

use crate::support::Program;

async fn enter(client: &mut TestClient, name: &str) -> Answer {
    let data = json!({"name": name, "color": "#1f6fb2"});
    client.call("api.presence.enter").data(data).await
}

/// The names of the next list that comes, and its revision.
async fn list(client: &mut TestClient) -> (Vec<String>, u64) {
    let told = client.event("event").await.data::<Value>();
    assert_eq!(told["event"], "presence.list");
    let visitors = told["data"]["visitors"].as_array().unwrap();
    assert_eq!(told["data"]["count"], visitors.len());
    let names = visitors
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned());
    (names.collect(), told["data"]["revision"].as_u64().unwrap())
}

/// Waits for a list of these names; revisions rise on the way.
async fn until_here(client: &mut TestClient, names: &[&str], mut last: u64) -> u64 {
    loop {
        let (here, revision) = list(client).await;
        assert!(revision > last, "{revision} after {last}");
        last = revision;
        if here == names {
            return last;
        }
    }
}

#[tokio::test]
async fn all_who_are_here_see_who_enters_and_who_goes() {
    let server = Program::start(&[]);
    let mut ada = TestClient::connect(&server.url, ()).await;
    enter(&mut ada, "Ada").await.data::<String>();
    let seen = until_here(&mut ada, &["Ada"], 0).await;

    let mut grace = TestClient::connect(&server.url, ()).await;
    enter(&mut grace, "Grace").await.data::<String>();
    until_here(&mut grace, &["Ada", "Grace"], 0).await;
    let seen = until_here(&mut ada, &["Ada", "Grace"], seen).await;

    // Under another name one is still one.
    let id = enter(&mut grace, "Hopper").await.data::<String>();
    let seen = until_here(&mut ada, &["Ada", "Hopper"], seen).await;
    assert_eq!(id.len(), 20, "{id}");

    drop(grace);
    until_here(&mut ada, &["Ada"], seen).await;
}

#[tokio::test]
async fn nobody_enters_without_a_name_and_a_color() {
    let server = Program::start(&[]);
    let mut client = TestClient::connect(&server.url, ()).await;
    let long = "x".repeat(41);
    for (name, color) in [
        ("", "#1f6fb2"),
        (" ", "#1f6fb2"),
        ("a\nb", "#1f6fb2"),
        (&*long, "#1f6fb2"),
        ("Ada", "1f6fb2"),
        ("Ada", "#1f6fb"),
        ("Ada", "#1f6fbg"),
        ("Ada", "red;}"),
    ] {
        let data = json!({"name": name, "color": color});
        let answer = client.call("api.presence.enter").data(&data).await;
        assert_eq!(answer.error().code(), Code::InvalidData, "{data}");
    }
    let nothing = client.call("api.presence.enter").await;
    assert_eq!(nothing.error().code(), Code::InvalidData);
    client.received_nothing_else().await;
}
