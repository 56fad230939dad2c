//! A client by hand that publishes, leaves, comes back and does not read, by lot; over a line that holds little.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    heard::{Acked, Heard},
    history::TOPICS,
};
use crate::support::{Lots, Packet, RawClient};

pub(super) struct Client {
    name: String,
    url: String,
    lots: Lots,
    connection: Option<RawClient>,
    /// Publishes that were not acked yet: their topics and tokens.
    waiting: HashMap<u32, (&'static str, String)>,
    epoch: String,
    positions: BTreeMap<String, u64>,
    tokens: usize,
    pub(super) heard: Vec<Heard>,
    pub(super) acked: Vec<Acked>,
}

impl Client {
    pub(super) fn new(name: String, url: &str, lots: Lots) -> Self {
        Self {
            name,
            url: url.to_owned(),
            lots,
            connection: None,
            waiting: HashMap::new(),
            epoch: String::new(),
            positions: BTreeMap::new(),
            tokens: 0,
            heard: Vec::new(),
            acked: Vec::new(),
        }
    }

    pub(super) async fn walk(mut self, steps: usize) -> Self {
        for _ in 0..steps {
            self.step().await;
        }
        self
    }

    async fn step(&mut self) {
        match self.lots.below(100) {
            0..50 => self.publish().await,
            50..70 => self.read_for(30).await,
            70..85 => self.pass(200).await,
            85..90 => {
                let topic = TOPICS[self.lots.below(TOPICS.len())];
                self.resubscribe(topic).await;
            }
            _ => {
                self.connection = None;
                self.waiting.clear();
                self.pass(100).await;
            }
        }
    }

    async fn pass(&mut self, most: usize) {
        sleep(Duration::from_millis(self.lots.below(most) as u64)).await;
    }

    /// The connection, with the subscriptions of its handshake where it is new.
    async fn connection(&mut self) -> &mut RawClient {
        if self.connection.is_none() {
            let topics: BTreeMap<_, _> = TOPICS.iter().map(|topic| (topic, self.position(topic))).collect();
            let connection = RawClient::connect_narrow(&self.url, &json!({ "topics": topics })).await;
            self.connection = Some(connection);
        }
        self.connection.as_mut().expect("it was made")
    }

    fn position(&self, topic: &str) -> Option<String> {
        let seq = self.positions.get(topic)?;
        Some(format!("{}:{seq}", self.epoch))
    }

    async fn publish(&mut self) {
        for _ in 0..1 + self.lots.below(4) {
            let topic = TOPICS[self.lots.below(TOPICS.len())];
            let token = format!("{}-{}", self.name, self.tokens);
            self.tokens += 1;
            let key = (self.lots.below(5) > 0).then(|| self.lots.below(40).to_string());
            let ends = key.is_some() && self.lots.below(4) == 0;
            let padding = match self.lots.below(10) {
                0 => self.lots.below(12_000),
                _ => self.lots.below(200),
            };
            let data = json!({
                "topic": topic, "token": token, "key": key, "ends": ends, "padding": "x".repeat(padding),
            });
            let call = json!({"event": "crowd.publish", "data": data});
            let number = self.connection().await.begin(&call).await;
            self.waiting.insert(number, (topic, token));
        }
    }

    async fn read_for(&mut self, most: usize) {
        let until = Instant::now() + Duration::from_millis(self.lots.below(most) as u64);
        self.connection().await;
        while let Some(connection) = &mut self.connection
            && let Ok(packet) = timeout_at(until, connection.packet()).await
        {
            self.take(packet);
        }
    }

    /// Takes a packet in; what is no event and acks no publish is another call's answer.
    fn take(&mut self, packet: Packet) -> Option<(u32, Value)> {
        match packet {
            Packet::Event(_, event, _) => self.hear(event),
            Packet::Ack(number, answer) => {
                let Some((topic, token)) = self.waiting.remove(&number) else {
                    return Some((number, answer));
                };
                let place = answer["data"]
                    .as_str()
                    .unwrap_or_else(|| panic!("{answer} is a place"));
                let seq = place.split_once(':').unwrap().1.parse().unwrap();
                let topic = topic.to_owned();
                self.acked.push(Acked { topic, token, seq });
            }
        }
        None
    }

    fn hear(&mut self, mut event: Value) {
        event["token"] = event["data"]["token"].take();
        if let Some(epoch) = event["epoch"].as_str() {
            epoch.clone_into(&mut self.epoch);
        }
        let heard: Heard = serde_json::from_value(event).expect("what topics say");
        self.positions.insert(heard.topic.clone(), heard.seq);
        self.heard.push(heard);
    }

    async fn resubscribe(&mut self, topic: &str) {
        self.ask("topic.unsubscribe", json!({ "topic": topic })).await;
        self.heard.push(Heard {
            event: "unsubscribed".to_owned(),
            topic: topic.to_owned(),
            seq: 0,
            reset: false,
            key: None,
            token: None,
        });
        self.read_for(20).await;
        let since = self.position(topic);
        self.ask("topic.subscribe", json!({"topic": topic, "since": since}))
            .await;
    }

    async fn ask(&mut self, event: &str, data: Value) {
        let call = json!({"event": event, "data": data});
        let number = self.connection().await.begin(&call).await;
        loop {
            let packet = self.connection().await.packet().await;
            if let Some((acked, answer)) = self.take(packet)
                && acked == number
            {
                assert!(answer.get("error").is_none(), "{call}: {answer}");
                return;
            }
        }
    }

    /// Reads up to the ends of all topics.
    pub(super) async fn up_to(&mut self, ends: &BTreeMap<&str, u64>) {
        while ends
            .iter()
            .any(|(topic, end)| self.positions.get(*topic).is_none_or(|at| at < end))
        {
            let packet = self.connection().await.packet().await;
            self.take(packet);
        }
        self.connection = None;
    }
}
