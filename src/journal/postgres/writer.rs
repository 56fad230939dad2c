//! The one writer of a node: it commits what waits together. Where it is not known whether a batch was committed, it is tried
//! again under its id, which the database knows if it was.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_postgres::{Client, Error};

use super::{
    batch::{Batch, Command, Committed, TOGETHER},
    error::{Failure, unavailable},
    lineage::Lineage,
    log::Log,
};
use crate::{
    journal::contract::JournalError,
    postgres::{Database, Said, said},
};

/// How long a database may be away before callers are told so. One that fails over is back by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the database may take for a batch before it is asked again on another connection.
const ANSWER: Duration = Duration::from_secs(10);

/// From one try to the next.
const PAUSE: Duration = Duration::from_millis(100);

/// The writing end.
pub(super) struct Writer {
    database: Database,
    lineage: Arc<Lineage>,
    log: Arc<Log>,
    client: Option<Client>,
    said: Said,
    /// Since when no batch could be committed.
    away_since: Option<Instant>,
}

impl Writer {
    pub(super) fn new(database: Database, lineage: Arc<Lineage>, log: Arc<Log>) -> Self {
        Self {
            database,
            lineage,
            log,
            client: None,
            said: Said::default(),
            away_since: None,
        }
    }

    /// Commits what is queued, until all senders are dropped.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut waiting = VecDeque::new();
        let mut received = Vec::new();
        loop {
            if waiting.len() < TOGETHER {
                match waiting.is_empty() {
                    true if commands.recv_many(&mut received, TOGETHER).await == 0 => return,
                    true => {}
                    false => {
                        while received.len() < TOGETHER
                            && let Ok(command) = commands.try_recv()
                        {
                            received.push(command);
                        }
                    }
                }
                waiting.extend(received.drain(..));
            }
            match Batch::of(&mut waiting) {
                Ok(batch) => self.commit_and_tell(batch).await,
                Err(error) => {
                    tracing::error!("no randomness for a batch's id: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn commit_and_tell(&mut self, batch: Batch) {
        match self.commit(&batch).await {
            Ok(committed) => {
                self.log.tell(committed.before, batch.records(&committed));
                batch.reply(&committed);
            }
            Err(error) => batch.refuse(&error),
        }
    }

    async fn commit(&mut self, batch: &Batch) -> Result<Committed, JournalError> {
        loop {
            if self.lineage.is_replaced() {
                return Err(JournalError::Broken(Lineage::replaced()));
            }
            let why = match timeout(ANSWER, self.try_to_commit(batch)).await {
                Ok(Ok(committed)) => {
                    self.away_since = None;
                    self.lineage.is_back();
                    return Ok(committed);
                }
                Ok(Err(error)) => match Failure::of(&error) {
                    Failure::Final => {
                        tracing::error!("the journal did not commit: {}", said(&error));
                        return Err(unavailable(said(&error)));
                    }
                    Failure::Another => {
                        self.look_again().await;
                        said(&error)
                    }
                    Failure::Passing => {
                        self.lineage.away(said(&error));
                        said(&error)
                    }
                },
                Err(_) => "the database does not answer".to_owned(),
            };
            self.client = None;
            let since = *self.away_since.get_or_insert_with(Instant::now);
            if since.elapsed() > PATIENCE {
                return Err(unavailable(why));
            }
            sleep(PAUSE).await;
        }
    }

    async fn try_to_commit(&mut self, batch: &Batch) -> Result<Committed, Error> {
        loop {
            let client = match self.client.take().filter(|client| !client.is_closed()) {
                Some(client) => client,
                None => self.database.connect(&self.said).await?,
            };
            self.said.take_warning();
            let committed = batch.commit(&client, &self.lineage.identity()).await?;
            self.client = Some(client);
            // A standby that was to have it may not: the next commit waits for both.
            if !self.said.take_warning() {
                return Ok(committed);
            }
            sleep(PAUSE).await;
        }
    }

    /// Another database answers, or the same that failed over to a standby which had all.
    async fn look_again(&self) {
        let looked = async {
            let client = self.database.connect(&Said::default()).await?;
            self.lineage.is_same(&client, "").await
        };
        if let Err(error) = looked.await {
            self.lineage.away(said(&error));
        }
    }
}
