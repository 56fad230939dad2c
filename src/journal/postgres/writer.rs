//! The one writer of a node: it commits what waits together. Where it is not known whether a batch was committed, it is tried
//! again under its id, which the database knows if it was.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::mpsc,
    task::yield_now,
    time::{sleep, timeout},
};
use tokio_postgres::{Client, Error};

use super::{
    batch::{Attempt, Batch, TOGETHER},
    batch_id::NodeId,
    command::Command,
    committed::Committed,
    error::{Failure, unavailable},
    lineage::{Lineage, Task},
    log::Log,
};
use crate::{
    journal::contract::JournalError,
    postgres::{Database, Said, said},
};

/// How long a database may be away before callers are told so. One that fails over is back by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the database may take for a batch before it is asked again on another connection. It gives up waiting for locks
/// before that (`updraft.append`), so no connection is left behind that waits. A query is not cancelled: one that waits for a
/// synchronous standby would end at once, and be seen by all readers before it is safe.
const ANSWER: Duration = Duration::from_secs(10);

/// From one try to the next.
const PAUSE: Duration = Duration::from_millis(100);

/// Without anything to commit, from one look whether the database is there to the next.
const LOOK: Duration = Duration::from_secs(1);

/// The writing end.
pub(super) struct Writer {
    node: Arc<NodeId>,
    database: Database,
    lineage: Arc<Lineage>,
    log: Arc<Log>,
    client: Option<Client>,
    said: Said,
    /// Since when nothing could be committed.
    away_since: Option<Instant>,
}

/// Why a batch was not committed, or may not have been.
enum Uncommitted {
    /// The database does not take it, whole as it is: it is certain that nothing of it happened.
    Refused(String),
    /// Nothing more is to be done.
    Failed(JournalError),
}

impl Writer {
    pub(super) fn new(node: Arc<NodeId>, database: Database, lineage: Arc<Lineage>, log: Arc<Log>) -> Self {
        Self {
            node,
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
            if waiting.is_empty() {
                let idle = self.away_since.map_or(LOOK, |_| PAUSE);
                match timeout(idle, commands.recv_many(&mut received, TOGETHER)).await {
                    Ok(0) => return,
                    Ok(_) => {}
                    Err(_) => {
                        self.look().await;
                        continue;
                    }
                }
            }
            // Callers that were just told publish again: what they have by now goes along.
            yield_now().await;
            while waiting.len() + received.len() < TOGETHER
                && let Ok(command) = commands.try_recv()
            {
                received.push(command);
            }
            waiting.extend(received.drain(..));
            if self.has_given_up() {
                self.look().await;
                if self.has_given_up() {
                    refuse(&mut waiting, &self.node);
                    continue;
                }
            }
            match Batch::of(&mut waiting, &self.node) {
                Ok(batch) => self.commit_and_tell(batch).await,
                Err(error) => {
                    tracing::error!("no randomness for a batch's id: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Commits a batch; where the database refuses it, the half of it and the other half, so that what is at fault stands alone.
    async fn commit_and_tell(&mut self, batch: Batch) {
        let mut batches = vec![batch];
        while let Some(batch) = batches.pop() {
            match self.commit(&batch).await {
                Ok(committed) => {
                    self.log.tell(committed.before, batch.records(&committed));
                    batch.reply(&committed);
                }
                Err(Uncommitted::Failed(error)) => batch.refuse(&error),
                Err(Uncommitted::Refused(why)) => match batch.halves(&self.node) {
                    Ok([first, second]) => batches.extend([second, first]),
                    Err(one) => {
                        tracing::error!("the database refuses to keep what was published: {why}");
                        one.refuse(&JournalError::Refused(why));
                    }
                },
            }
        }
    }

    async fn commit(&mut self, batch: &Batch) -> Result<Committed, Uncommitted> {
        let mut is_first = true;
        loop {
            if self.lineage.is_replaced() {
                return Err(Uncommitted::Failed(JournalError::Broken(Lineage::replaced())));
            }
            let was_there = self.away_since.is_none();
            let asked = Instant::now();
            let attempt = match is_first {
                true => Attempt::First,
                false => Attempt::Again,
            };
            let (failure, why) = match self.attempt(batch, attempt).await {
                Ok(committed) => return Ok(committed),
                Err(failed) => failed,
            };
            // What was tried before may be committed yet: then nothing is certain.
            let is_at_fault = match failure {
                Failure::Refused => is_first,
                Failure::Final => is_first && was_there && batch.len() > 1,
                Failure::Passing | Failure::Another => false,
            };
            if is_at_fault {
                return Err(Uncommitted::Refused(why));
            }
            let away = self.away(asked, &why);
            let is_over = matches!(failure, Failure::Refused | Failure::Final);
            if is_over || away > PATIENCE {
                return Err(Uncommitted::Failed(unavailable(why)));
            }
            is_first = false;
            sleep(PAUSE).await;
        }
    }

    /// Whether callers are told that the database is away. They do not wait for more than one look at it then, however many they
    /// are. One that is another by now is not waited for: callers are told that.
    fn has_given_up(&self) -> bool {
        let is_late = self.away_since.is_some_and(|since| since.elapsed() > PATIENCE);
        is_late && !self.lineage.is_replaced()
    }

    /// Without anything to commit: whether the database is there. Where it was not, whether it takes anything.
    async fn look(&mut self) {
        if self.lineage.is_replaced() {
            return;
        }
        let asked = Instant::now();
        let failed = match self.away_since {
            None => self.look_again().await.err(),
            Some(_) => match Batch::probe(&self.node) {
                Ok(probe) => self
                    .attempt(&probe, Attempt::First)
                    .await
                    .err()
                    .map(|(_, why)| why),
                Err(error) => Some(error.to_string()),
            },
        };
        if let Some(why) = failed {
            self.away(asked, &why);
        }
    }

    /// Once. Its connection is kept for the next where it is of use.
    async fn attempt(&mut self, batch: &Batch, attempt: Attempt) -> Result<Committed, (Failure, String)> {
        let failed = match timeout(ANSWER, self.try_to_commit(batch, attempt)).await {
            Ok(Ok(committed)) => {
                self.away_since = None;
                self.lineage.is_back(Task::Writing);
                return Ok(committed);
            }
            Ok(Err(error)) => (Failure::of(&error), said(&error)),
            Err(_) => (Failure::Passing, SILENT.to_owned()),
        };
        if failed.0 == Failure::Another
            && let Err(why) = self.look_again().await
        {
            return Err((Failure::Passing, why));
        }
        Err(failed)
    }

    async fn try_to_commit(&mut self, batch: &Batch, mut attempt: Attempt) -> Result<Committed, Error> {
        loop {
            let client = self.connection().await?;
            self.said.take_warning();
            let committed = batch.commit(&client, &self.lineage.history(), attempt).await;
            let is_refused = |error: &Error| Failure::of(error) == Failure::Refused;
            if committed.as_ref().err().is_none_or(is_refused) {
                self.client = Some(client);
            }
            let committed = committed?;
            // A standby that was to have it may not: the next commit waits for both.
            if !self.said.take_warning() {
                return Ok(committed);
            }
            attempt = Attempt::Again;
            sleep(PAUSE).await;
        }
    }

    async fn connection(&mut self) -> Result<Client, Error> {
        match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => Ok(client),
            None => self.database.connect(&self.said).await,
        }
    }

    /// Whether the database answers, with the history that it should have: another may answer, or the same that failed over to
    /// a standby which had all. Otherwise why.
    async fn look_again(&mut self) -> Result<(), String> {
        let looked = async {
            let client = self.connection().await?;
            let rows = client.query_typed("SELECT updraft.history()", &[]).await?;
            if let Some(row) = rows.first() {
                self.lineage.is_same(&client, row.get(0)).await?;
            }
            self.client = Some(client);
            Ok(())
        };
        match timeout(ANSWER, looked).await {
            Ok(looked) => looked.map_err(|error: Error| said(&error)),
            Err(_) => Err(SILENT.to_owned()),
        }
    }

    /// Nothing could be committed since the database was asked then, or earlier; for how long.
    fn away(&mut self, asked: Instant, why: &str) -> Duration {
        self.lineage.is_away(Task::Writing, why);
        self.away_since.get_or_insert(asked).elapsed()
    }
}

/// None of these was tried.
fn refuse(waiting: &mut VecDeque<Command>, node: &NodeId) {
    while !waiting.is_empty() {
        match Batch::of(waiting, node) {
            Ok(batch) => batch.refuse(&unavailable("the database is away")),
            // Their callers find that nobody answers.
            Err(_) => waiting.clear(),
        }
    }
}

const SILENT: &str = "the database does not answer";
