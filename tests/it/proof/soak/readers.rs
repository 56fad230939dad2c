//! Clients that read the topics, drop their connection now and then, and go on where they were.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    app::TOPICS,
    line::{Line, Packet},
    writers::Acked,
};
use crate::support::{Lots, within_patience};

/// Longest that a reader keeps one connection.
const STAY: usize = 15_000;

/// Of one topic.
#[derive(Default)]
struct Heard {
    position: Option<String>,
    last: u64,
    tokens: HashMap<u64, String>,
}

pub(super) struct Reader {
    url: Arc<str>,
    lots: Lots,
    topics: HashMap<&'static str, Heard>,
}

impl Reader {
    pub(super) fn new(number: usize, url: Arc<str>) -> Self {
        Self {
            url,
            lots: Lots::new(number as u64),
            topics: TOPICS.map(|topic| (topic, Heard::default())).into(),
        }
    }

    async fn connect(&self) -> Line {
        let positions: Map<_, _> = self
            .topics
            .iter()
            .map(|(topic, heard)| ((*topic).to_owned(), json!(heard.position)))
            .collect();
        Line::open(&self.url, &json!({ "topics": positions })).await
    }

    pub(super) async fn read(mut self, over: CancellationToken) -> Self {
        let failed = over.clone().drop_guard();
        while !over.is_cancelled() {
            let until = Instant::now() + Duration::from_millis(self.lots.below(STAY) as u64);
            let mut line = self.connect().await;
            while let Some(Ok(Some(packet))) = over.run_until_cancelled(timeout_at(until, line.next())).await
            {
                self.take(packet);
            }
        }
        drop(failed);
        self
    }

    /// Reads until all that was acknowledged is there.
    pub(super) async fn catch_up(mut self, acked: &[Acked]) -> Self {
        let heads = TOPICS.map(|topic| {
            let of_it = acked.iter().filter(|acked| acked.topic == topic);
            (topic, of_it.map(|acked| acked.seq).max().unwrap_or_default())
        });
        within_patience("a reader to have all", async {
            let mut line = self.connect().await;
            while heads.iter().any(|(topic, head)| self.topics[topic].last < *head) {
                match line.next().await {
                    Some(packet) => self.take(packet),
                    None => line = self.connect().await,
                }
            }
        })
        .await;
        self
    }

    fn take(&mut self, packet: Packet) {
        let Packet::Event(_, arguments) = packet else {
            return;
        };
        let event = &arguments[0];
        let Some(heard) = event["topic"]
            .as_str()
            .and_then(|topic| self.topics.get_mut(topic))
        else {
            return;
        };
        match event["event"].as_str() {
            Some("topic.start") => {
                let is_new = heard.position.is_none();
                assert!(is_new || event["reset"] == false, "events were missed: {event}");
            }
            Some("told") => heard.hear(event),
            Some("topic.live") => {}
            _ => panic!("{event}"),
        }
        if let Some(epoch) = event["epoch"].as_str() {
            heard.position = Some(format!("{epoch}:{}", heard.last));
        } else if let Some(position) = &heard.position {
            let (epoch, _) = position.split_once(':').expect("a position");
            heard.position = Some(format!("{epoch}:{}", heard.last));
        }
    }

    /// Each event that was acknowledged was heard, as itself.
    pub(super) fn has_all(self, acked: &[Acked]) {
        for Acked { topic, seq, token } in acked {
            let heard = self.topics[topic].tokens.get(seq);
            assert_eq!(heard, Some(token), "{topic} {seq}");
        }
        for heard in self.topics.values() {
            let mut tokens: Vec<_> = heard.tokens.values().collect();
            tokens.sort_unstable();
            let all = tokens.len();
            tokens.dedup();
            assert_eq!(tokens.len(), all, "a call with an id was published twice");
        }
    }
}

impl Heard {
    fn hear(&mut self, event: &Value) {
        let seq = event["seq"].as_u64().expect("a number");
        assert!(seq > self.last, "{seq} came after {}: {event}", self.last);
        self.last = seq;
        let token = event["data"]["token"].as_str().expect("a token");
        self.tokens.insert(seq, token.to_owned());
    }
}
