//! Durable publishes of one and of many callers, from call to ack, beside transactions of as many events on the bare
//! store.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::{DURABLE, PUBLISH, card};
use crate::{
    client::Client,
    crowd,
    measure::{Done, Scenario},
    peers::{
        Peer, directory,
        store::{KEYS, Store, data},
    },
    process::ServerProcess,
};

pub(crate) struct Publish {
    pub(crate) callers: usize,
}

const PEERS: &[Peer] = &[DURABLE[0], DURABLE[1], DURABLE[2], Peer::Store];

pub(crate) enum Load {
    Sockets(Vec<Client>),
    Store(Box<Store>),
}

impl Scenario for Publish {
    type Load = Load;

    fn name(&self) -> String {
        match self.callers {
            1 => "publish, 1 caller".to_owned(),
            many => format!("publish, {many} callers"),
        }
    }

    fn operation(&self) -> &'static str {
        "event"
    }

    fn peers(&self) -> &'static [Peer] {
        PEERS
    }

    fn start(&self, peer: Peer) -> Option<ServerProcess> {
        (peer != Peer::Store).then(|| peer.start_with(0, KEYS))
    }

    async fn connect(&self, _: Peer, server: Option<&ServerProcess>) -> Load {
        let Some(server) = server else {
            return Load::Store(Box::new(Store::open(directory()).await));
        };
        let clients = (0..self.callers).map(|_| Client::connect(server.address, ""));
        Load::Sockets(join_all(clients).await)
    }

    async fn run(&self, load: &mut Load, time: Duration) -> Done {
        let start = Instant::now();
        let until = start + time;
        let latencies = match load {
            Load::Sockets(clients) => crowd::each(clients, |caller, mut client| async move {
                let latencies = publish(&mut client, caller, until).await;
                (client, latencies)
            })
            .await
            .concat(),
            Load::Store(store) => {
                let mut latencies = Vec::new();
                while Instant::now() < until {
                    let asked = Instant::now();
                    store.commit(self.callers);
                    latencies.extend(std::iter::repeat_n(asked.elapsed(), self.callers));
                }
                latencies
            }
        };
        Done {
            operations: latencies.len(),
            taken: start.elapsed(),
            latencies,
        }
    }
}

async fn publish(client: &mut Client, caller: usize, until: Instant) -> Vec<Duration> {
    let data = data();
    let mut latencies = Vec::new();
    let mut key = caller * 7919;
    while latencies.is_empty() || Instant::now() < until {
        key += 104_729;
        let asked = Instant::now();
        client.send(&card(PUBLISH, key % KEYS, 0, &data)).await;
        let answer = client.text().await;
        assert!(
            answer.starts_with("430[") && !answer.contains(r#""error""#),
            "{answer}"
        );
        latencies.push(asked.elapsed());
    }
    latencies
}
