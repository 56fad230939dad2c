//! A client that reads topics, and holds the server to their order.

use std::collections::HashMap;

use serde_json::{Value, json};
use updraft::testing::{Answer, TestClient};

use crate::support::Local;

pub(super) struct Reader {
    client: TestClient,
    /// Of each topic the last sequence number.
    last: HashMap<String, u64>,
}

impl Reader {
    pub(super) async fn connect(local: &Local) -> Self {
        Self::over(local.connect().await)
    }

    /// Subscribes by the handshake.
    pub(super) async fn connect_with(local: &Local, topics: &Value) -> Self {
        Self::over(local.server.connect_with(json!({ "topics": topics })).await)
    }

    pub(super) fn over(client: TestClient) -> Self {
        Self {
            client,
            last: HashMap::new(),
        }
    }

    /// Calls; events that come before the answer are kept.
    pub(super) async fn call(&mut self, event: &str, data: &Value) -> Answer {
        self.client.call(event).data(data).await
    }

    /// The `data` of a call that must succeed.
    pub(super) async fn done(&mut self, event: &str, data: &Value) -> Value {
        self.call(event, data).await.data()
    }

    /// The code with which a call is refused.
    pub(super) async fn refused(&mut self, event: &str, data: &Value) -> String {
        self.call(event, data).await.error().code().to_string()
    }

    pub(super) async fn subscribe(&mut self, topic: &str) -> Value {
        self.done("topic.subscribe", &json!({ "topic": topic })).await
    }

    pub(super) async fn resume(&mut self, topic: &str, since: &str) -> Value {
        self.done("topic.subscribe", &json!({"topic": topic, "since": since}))
            .await
    }

    /// Checks that nothing came that was not taken, and nothing is on its way.
    pub(super) async fn hears_nothing_else(&mut self) {
        self.client.received_nothing_else().await;
    }

    /// The next that topics have to say.
    pub(super) async fn next(&mut self) -> Value {
        let received = self.client.next_event().await;
        assert_eq!(received.name, "event", "{received}");
        let event = received.data();
        self.check(&event);
        event
    }

    fn check(&mut self, event: &Value) {
        let seq = event["seq"].as_u64().expect("a sequence number");
        let last = self.last.entry(text(event, "topic")).or_default();
        match event["event"].as_str().expect("a name") {
            "topic.start" => {}
            "topic.live" => assert!(seq >= *last, "{event} after {last}"),
            _ => assert!(seq > *last, "{event} after {last}"),
        }
        *last = seq;
    }

    /// All up to the next event of this name, itself included.
    pub(super) async fn up_to(&mut self, name: &str) -> Vec<Value> {
        let mut heard = Vec::new();
        loop {
            heard.push(self.next().await);
            if heard.last().is_some_and(|event| event["event"] == name) {
                return heard;
            }
        }
    }

    /// The next so many.
    pub(super) async fn take(&mut self, count: usize) -> Vec<Value> {
        let mut heard = Vec::new();
        while heard.len() < count {
            heard.push(self.next().await);
        }
        heard
    }
}

pub(super) fn text(event: &Value, field: &str) -> String {
    event[field].as_str().expect("a text").to_owned()
}

/// The names and sequence numbers of events.
pub(super) fn places(events: &[Value]) -> Vec<(&str, u64)> {
    events
        .iter()
        .map(|event| (event["event"].as_str().unwrap(), event["seq"].as_u64().unwrap()))
        .collect()
}
