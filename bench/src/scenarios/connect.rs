//! A storm of clients that connect: each is let in by a hook, which has it join a room and says a word to it; then it leaves.

use std::time::{Duration, Instant};

use super::WELCOMING;
use crate::{
    client::Client,
    crowd,
    measure::{Done, Scenario},
    peers::{Peer, work::WELCOME},
    process::ServerProcess,
};

/// Clients that connect at once.
const AT_ONCE: usize = 64;

pub(crate) struct Connect;

impl Scenario for Connect {
    type Load = Vec<Hall>;

    fn name(&self) -> String {
        format!("connect, {AT_ONCE} at once")
    }

    fn operation(&self) -> &'static str {
        "connect"
    }

    fn peers(&self) -> &'static [Peer] {
        WELCOMING
    }

    fn start(&self, peer: Peer) -> Option<ServerProcess> {
        Some(peer.start_with_namespace())
    }

    async fn connect(&self, _: Peer, server: Option<&ServerProcess>) -> Vec<Hall> {
        let address = server.expect("a server").address;
        (0..AT_ONCE).map(|number| Hall { address, number }).collect()
    }

    async fn run(&self, halls: &mut Vec<Hall>, time: Duration) -> Done {
        let start = Instant::now();
        let until = start + time;
        let latencies = crowd::each(halls, |_, hall| async move {
            let latencies = hall.run(until).await;
            (hall, latencies)
        })
        .await
        .concat();
        Done {
            operations: latencies.len(),
            taken: start.elapsed(),
            latencies,
        }
    }
}

/// Where one client after another connects, each into the same room.
pub(crate) struct Hall {
    address: std::net::SocketAddr,
    number: usize,
}

impl Hall {
    /// Connects until then, and how long each took from the connection to the hook's word.
    async fn run(&self, until: Instant) -> Vec<Duration> {
        let auth = format!(r#"{{"room":"{}"}}"#, self.number);
        let welcome = format!(r#"42["{WELCOME}""#);
        let mut latencies = Vec::new();
        loop {
            let asked = Instant::now();
            let mut client = Client::connect(self.address, &auth).await;
            let text = client.text().await;
            assert!(text.starts_with(&welcome), "{text}");
            latencies.push(asked.elapsed());
            client.reset();
            if Instant::now() >= until {
                return latencies;
            }
        }
    }
}
