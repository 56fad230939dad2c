//! Which database it is: its epoch, by the cluster, its timeline and its number, and whether it can be reached.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_postgres::{Client, types::Type};

use super::{columns::bound, log::Log};
use crate::{event::Epoch, journal::contract::Health, postgres::PostgresError};

/// The database that the journal was opened in.
pub(super) struct Lineage {
    epoch: Epoch,
    /// No history without these events is the same.
    log: Arc<Log>,
    state: Mutex<State>,
}

/// What a node does over connections of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Writing,
    Following,
}

#[derive(Default)]
struct State {
    /// As the database says it.
    history: String,
    /// Why nothing can be written now.
    unwritable: Option<String>,
    /// Why nothing can be followed now.
    unreadable: Option<String>,
    /// It has another history than the one that readers of this node know.
    is_replaced: bool,
}

impl State {
    fn away(&mut self, task: Task) -> &mut Option<String> {
        match task {
            Task::Writing => &mut self.unwritable,
            Task::Following => &mut self.unreadable,
        }
    }
}

const REPLACED: &str = "the database has another history now, after a failover or a restore: restart this node, and its clients begin anew";

impl Lineage {
    /// Finds out, and gives a new journal its epoch; likewise one that lost its history.
    pub(super) async fn begin(client: &Client, log: Arc<Log>) -> Result<Self, PostgresError> {
        let (epoch, history, is_replaced) = identify(client, None, 0).await?;
        if is_replaced {
            tracing::warn!(
                epoch = epoch.as_str(),
                "the database has another history: the journal has a new epoch, and subscribers begin anew"
            );
        }
        Ok(Self {
            epoch,
            log,
            state: Mutex::new(State {
                history,
                ..State::default()
            }),
        })
    }

    pub(super) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// As the database says it.
    pub(super) fn history(&self) -> String {
        self.state().history.clone()
    }

    /// Whether this is still the same history; where the database says another, by what that means.
    pub(super) async fn is_same(
        &self,
        client: &Client,
        history: &str,
    ) -> Result<bool, tokio_postgres::Error> {
        if self.is_replaced() {
            return Ok(false);
        }
        if self.state().history == history {
            return Ok(true);
        }
        match identify(client, Some(&self.epoch), self.log.told()).await {
            Ok((epoch, history, _)) => {
                let is_same = epoch == self.epoch;
                let is_known = match is_same {
                    true => std::mem::replace(&mut self.state().history, history.clone()) == history,
                    false => std::mem::replace(&mut self.state().is_replaced, true),
                };
                match (is_known, is_same) {
                    (true, _) => {}
                    (false, true) => {
                        tracing::warn!(
                            "the database failed over to a synchronous standby: the journal goes on"
                        )
                    }
                    (false, false) => tracing::error!("{REPLACED}"),
                }
                Ok(is_same)
            }
            Err(IdentifyError::Database(error)) => Err(error),
            Err(IdentifyError::Random(error)) => {
                tracing::error!("no randomness for an epoch: {error}");
                Ok(false)
            }
        }
    }

    pub(super) fn is_replaced(&self) -> bool {
        self.state().is_replaced
    }

    /// Why nothing can be read or written any more.
    pub(super) fn replaced() -> String {
        REPLACED.to_owned()
    }

    /// A task cannot use it now.
    pub(super) fn is_away(&self, task: Task, why: &str) {
        if self.state().away(task).replace(why.to_owned()).is_none() {
            tracing::error!(?task, "the database is away: {why}");
        }
    }

    /// It can.
    pub(super) fn is_back(&self, task: Task) {
        if self.state().away(task).take().is_some() {
            tracing::info!(?task, "the database is back");
        }
    }

    /// It is healthy while both tasks go on: what is acked here is told here.
    pub(super) fn health(&self) -> Health {
        let state = self.state();
        let away = || state.unwritable.as_ref().or(state.unreadable.as_ref());
        let lost = match state.is_replaced {
            true => Some(Self::replaced()),
            false => away().map(|why| format!("the database is away: {why}")),
        };
        Health {
            lost,
            ..Health::default()
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, thiserror::Error)]
enum IdentifyError {
    #[error(transparent)]
    Database(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Random(#[from] getrandom::Error),
}

impl From<IdentifyError> for PostgresError {
    fn from(error: IdentifyError) -> Self {
        match error {
            IdentifyError::Database(error) => error.into(),
            IdentifyError::Random(error) => error.into(),
        }
    }
}

/// The epoch, the history, and whether that has just begun; to a node that was told events of an epoch up to this one.
async fn identify(
    client: &Client,
    epoch: Option<&Epoch>,
    told: u64,
) -> Result<(Epoch, String, bool), IdentifyError> {
    let fresh = Epoch::random()?;
    let sql = "SELECT epoch, history, is_replaced FROM updraft.identify($1, $2, $3)";
    let row = client
        .query_typed(
            sql,
            &[
                (&fresh.as_str(), Type::TEXT),
                (&epoch.map(Epoch::as_str), Type::TEXT),
                (&bound(told), Type::INT8),
            ],
        )
        .await?;
    let row = row.into_iter().next();
    Ok(row.map_or((fresh, String::new(), false), |row| {
        (Epoch::from_text(row.get::<_, String>(0)), row.get(1), row.get(2))
    }))
}
