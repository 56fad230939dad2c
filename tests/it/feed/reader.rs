//! A client that reads topics, and holds the server to their order.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

use crate::support::{Local, Packet, RawClient};

pub(super) struct Reader {
    client: RawClient,
    waiting: VecDeque<Value>,
    /// Of each topic the last sequence number.
    last: HashMap<String, u64>,
}

impl Reader {
    pub(super) async fn connect(local: &Local) -> Self {
        Self::over(local.client().await)
    }

    /// Subscribes by the handshake.
    pub(super) async fn connect_with(local: &Local, topics: &Value) -> Self {
        Self::over(RawClient::connect_with(&local.url, &json!({ "topics": topics })).await)
    }

    pub(super) fn over(client: RawClient) -> Self {
        Self {
            client,
            waiting: VecDeque::new(),
            last: HashMap::new(),
        }
    }

    /// Calls; events that come before the answer are kept.
    pub(super) async fn call(&mut self, event: &str, data: &Value) -> Value {
        let number = self.client.begin(&json!({"event": event, "data": data})).await;
        loop {
            match self.client.packet().await {
                Packet::Ack(acked, answer) if acked == number => return answer,
                Packet::Event(name, event, _) if name == "event" => self.waiting.push_back(event),
                other => panic!("an answer was expected, not {other:?}"),
            }
        }
    }

    /// The `data` of a call that must succeed.
    pub(super) async fn done(&mut self, event: &str, data: &Value) -> Value {
        let mut answer = self.call(event, data).await;
        assert!(answer.get("error").is_none(), "{event} {data}: {answer}");
        answer["data"].take()
    }

    /// The code with which a call is refused.
    pub(super) async fn refused(&mut self, event: &str, data: &Value) -> String {
        let answer = self.call(event, data).await;
        answer["error"]["code"].as_str().expect("an error").to_owned()
    }

    pub(super) async fn subscribe(&mut self, topic: &str) -> Value {
        self.done("topic.subscribe", &json!({ "topic": topic })).await
    }

    pub(super) async fn resume(&mut self, topic: &str, since: &str) -> Value {
        self.done("topic.subscribe", &json!({"topic": topic, "since": since}))
            .await
    }

    /// What came and was not taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The next that topics have to say.
    pub(super) async fn next(&mut self) -> Value {
        let event = match self.waiting.pop_front() {
            Some(event) => event,
            None => match self.client.packet().await {
                Packet::Event(name, event, None) if name == "event" => event,
                other => panic!("an event was expected, not {other:?}"),
            },
        };
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
