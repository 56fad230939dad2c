//! Nodes on one database, as their clients see them.

mod balancers;
mod canary;
mod consumers;
mod forwarding;
#[cfg(target_os = "linux")]
mod gone;
mod outage;
mod pooler;
mod presence;
mod programs;
mod proxies;
mod publish;
mod rooms;
#[cfg(target_os = "linux")]
mod slow_disk;
mod standby;
mod subjects;
mod tls;

use std::future::Future;

use serde_json::Value;
use updraft::testing::TestClient;

fn wait_for<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(story)
}

/// The next event of a topic, after what the topic says of itself.
async fn next_of(reader: &mut TestClient) -> Value {
    loop {
        let event = reader.event("event").await.data::<Value>();
        if !event["event"].as_str().unwrap().starts_with("topic.") {
            return event;
        }
    }
}
