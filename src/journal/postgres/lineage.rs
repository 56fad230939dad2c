//! Which database it is: its epoch, by the cluster, its timeline and its number, and whether it can be reached.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_postgres::{Client, types::Type};

use crate::{event::Epoch, journal::contract::Health, postgres::PostgresError};

/// The database that the journal was opened in.
pub(super) struct Lineage {
    epoch: Epoch,
    state: Mutex<State>,
}

struct State {
    identity: String,
    /// Why it cannot be used now.
    away: Option<String>,
    /// It has another history than the one that readers of this node know.
    is_replaced: bool,
}

const REPLACED: &str = "the database has another history now, after a failover or a restore: restart this node, and its clients begin anew";

impl Lineage {
    /// Finds out, and gives a new journal its epoch; likewise one that lost its history.
    pub(super) async fn begin(client: &Client) -> Result<Self, PostgresError> {
        let (epoch, identity, is_replaced) = identify(client).await?;
        if is_replaced {
            tracing::warn!(
                epoch = epoch.as_str(),
                "the database has another history: the journal has a new epoch, and subscribers begin anew"
            );
        }
        Ok(Self {
            epoch,
            state: Mutex::new(State {
                identity,
                away: None,
                is_replaced: false,
            }),
        })
    }

    pub(super) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// As the database says it.
    pub(super) fn identity(&self) -> String {
        self.state().identity.clone()
    }

    /// Whether this is still the same history; where its identity has changed, by what the new one says.
    pub(super) async fn is_same(
        &self,
        client: &Client,
        identity: &str,
    ) -> Result<bool, tokio_postgres::Error> {
        if self.is_replaced() {
            return Ok(false);
        }
        if self.state().identity == identity {
            return Ok(true);
        }
        match identify(client).await {
            Ok((epoch, identity, _)) => {
                let is_same = epoch == self.epoch;
                let mut state = self.state();
                if is_same {
                    tracing::warn!("the database failed over to a synchronous standby: the journal goes on");
                    state.identity = identity;
                } else if !state.is_replaced {
                    tracing::error!("{REPLACED}");
                    state.is_replaced = true;
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

    /// It cannot be used now.
    pub(super) fn away(&self, why: String) {
        let mut state = self.state();
        if state.away.is_none() {
            tracing::error!("the database is away: {why}");
        }
        state.away = Some(why);
    }

    /// It can.
    pub(super) fn is_back(&self) {
        if self.state().away.take().is_some() {
            tracing::info!("the database is back");
        }
    }

    pub(super) fn health(&self) -> Health {
        let state = self.state();
        let lost = match state.is_replaced {
            true => Some(Self::replaced()),
            false => state
                .away
                .as_ref()
                .map(|why| format!("the database is away: {why}")),
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

async fn identify(client: &Client) -> Result<(Epoch, String, bool), IdentifyError> {
    let fresh = Epoch::random()?;
    let sql = "SELECT epoch, identity, is_replaced FROM updraft.identify($1)";
    let row = client.query_typed(sql, &[(&fresh.as_str(), Type::TEXT)]).await?;
    let row = row.into_iter().next();
    Ok(row.map_or((fresh, String::new(), false), |row| {
        (Epoch::from_text(row.get::<_, String>(0)), row.get(1), row.get(2))
    }))
}
