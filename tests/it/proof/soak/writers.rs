//! Clients that publish, each call until it is acknowledged.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    app::TOPICS,
    line::{Line, nothing},
};

/// Between two publishes of one writer: the soak is about what stays, not about speed.
const PACE: Duration = Duration::from_millis(150);

/// Keys of one writer.
const KEYS: usize = 25;

/// An event that the server acknowledged.
pub(super) struct Acked {
    pub(super) topic: &'static str,
    pub(super) seq: u64,
    pub(super) token: String,
}

pub(super) async fn write(writer: usize, url: Arc<str>, over: CancellationToken) -> Vec<Acked> {
    let _failed = over.clone().drop_guard();
    let mut line = Line::open(&url, &nothing()).await;
    let mut acked = Vec::new();
    for number in 0.. {
        if over.is_cancelled() {
            break;
        }
        let topic = TOPICS[number % TOPICS.len()];
        let token = format!("{writer}-{number}");
        let key = (topic == "cards").then(|| format!("{writer}-{}", number % (2 * KEYS)));
        let data = json!({"topic": topic, "key": key, "token": token});
        let call = json!({"event": "soak.publish", "id": format!("soak-{token}"), "data": data});
        let seq = loop {
            let Some(answer) = line.call(&call).await else {
                line = Line::open(&url, &nothing()).await;
                continue;
            };
            if let Some(position) = answer["data"].as_str() {
                let (_, seq) = position.split_once(':').expect("a position");
                break seq.parse().expect("a number");
            }
            assert_eq!(answer["error"]["retry"], true, "{answer}");
            tokio::time::sleep(PACE).await;
        };
        acked.push(Acked { topic, seq, token });
        tokio::time::sleep(PACE).await;
    }
    acked
}
