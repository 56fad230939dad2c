//! The one connection by which a node says something: what waits is said in one pipeline.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{
    encode::Publication,
    error::BusError,
    publisher::Publisher,
    server::{RedisServer, within},
};
use crate::net::rooms::bus::send_queue;

/// Before a server that is away is tried again; twice as long after each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Sender {
    server: RedisServer,
    publisher: Arc<Publisher>,
    /// Whether the server refused what was said last, which is logged once.
    is_refused: bool,
}

impl Sender {
    pub(super) fn new(server: RedisServer, publisher: Arc<Publisher>) -> Self {
        Self {
            server,
            publisher,
            is_refused: false,
        }
    }

    async fn connect(&self) -> Result<(), BusError> {
        let connection = self.server.connect().await?;
        self.publisher.set_connection(connection).await
    }

    async fn publish(&self, publications: &[Publication]) -> Result<(), BusError> {
        let Some(mut connection) = self.publisher.connection() else {
            return Err(BusError::Away("there is no connection".to_owned()));
        };
        let mut pipeline = redis::Pipeline::with_capacity(publications.len());
        for Publication { channel, payload } in publications {
            pipeline.cmd("PUBLISH").arg(channel).arg(payload).ignore();
        }
        within(pipeline.query_async(&mut connection)).await
    }
}

impl send_queue::Sender<Publication> for Sender {
    const TOGETHER: usize = 512;

    async fn ready(&mut self) {
        if self.publisher.connection().is_none() {
            self.reconnect().await;
        }
    }

    async fn say(&mut self, messages: Vec<Publication>) {
        let counts = &self.publisher.counts;
        let all = messages.len() as u64;
        match self.publish(&messages).await {
            Ok(()) => {
                self.is_refused = false;
                counts.sent.inc_by(all);
            }
            Err(BusError::Refused(why)) => {
                counts.lost.away.inc_by(all);
                if !std::mem::replace(&mut self.is_refused, true) {
                    tracing::warn!("other nodes are not told of emits to rooms, as Redis refuses: {why}");
                }
            }
            Err(error) => {
                counts.lost.away.inc_by(all);
                tracing::debug!("the connection that tells other nodes of emits ended: {error}");
                self.reconnect().await;
            }
        }
    }

    /// Until the server is back, nothing more is queued.
    async fn reconnect(&mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.connect().await {
                Ok(()) => return self.publisher.queue.set_away(false),
                Err(error) => tracing::debug!("other nodes are not told of emits: {error}"),
            }
            self.publisher.queue.set_away(true);
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
