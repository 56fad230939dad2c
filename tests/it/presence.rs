//! Who is here, by the demo: a topic of visitors.

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

/// A client that reads who is here.
async fn read(server: &Program) -> TestClient {
    let mut client = TestClient::connect(&server.url, ()).await;
    client.subscribe("visitors").await.data::<Value>();
    client
}

/// The socket and the name of who enters next; of who leaves, no name.
async fn next(client: &mut TestClient) -> (String, Option<String>) {
    loop {
        let event = client.event("event").await.data::<Value>();
        if event["event"].as_str().unwrap().starts_with("topic.") {
            continue;
        }
        let (_, id) = event["key"].as_str().unwrap().rsplit_once('.').unwrap();
        let name = event["data"]["name"].as_str().map(str::to_owned);
        assert_eq!(event["deleted"] == true, name.is_none(), "{event}");
        return (id.to_owned(), name);
    }
}

#[tokio::test]
async fn all_who_are_here_see_who_enters_and_who_goes() {
    let server = Program::start(&[]);
    let mut ada = read(&server).await;
    let ada_is = enter(&mut ada, "Ada").await.data::<String>();
    assert_eq!(ada_is.len(), 20, "{ada_is}");
    assert_eq!(next(&mut ada).await, (ada_is.clone(), Some("Ada".to_owned())));

    let mut grace = read(&server).await;
    assert_eq!(next(&mut grace).await, (ada_is, Some("Ada".to_owned())));
    // Under another name one is still one.
    let grace_is = enter(&mut grace, "Grace").await.data::<String>();
    assert_eq!(enter(&mut grace, "Hopper").await.data::<String>(), grace_is);
    for name in ["Grace", "Hopper"] {
        assert_eq!(next(&mut ada).await, (grace_is.clone(), Some(name.to_owned())));
    }
    drop(grace);
    assert_eq!(next(&mut ada).await, (grace_is, None));
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
