//! Settings of the journal.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::time::{time, written};
use crate::journal::Durability;

/// Where published events are stored, and what of them.
///
/// ```
/// let mut config = updraft::Config::default();
/// config.journal.data = "/var/lib/shop".into();
/// // Or one database for several nodes:
/// config.journal.database = Some("postgres://shop:secret@db/shop".into());
/// ```
#[derive(Args, Clone, Debug, PartialEq)]
pub struct JournalConfig {
    /// Directory of the journal, created if missing
    #[arg(long, env = "UPDRAFT_DATA", value_name = "DIR", default_value_os_t = Self::default().data)]
    pub data: PathBuf,

    /// PostgreSQL database that is the journal of several nodes, instead of the directory: postgres://user:password@host/name.
    /// Prefer the variable: other users of the machine can read the command line
    #[cfg(feature = "postgres")]
    #[arg(long, env = "UPDRAFT_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<DatabaseUrl>,

    /// The same database without a pooler between, to be woken by it (LISTEN)
    #[cfg(feature = "postgres")]
    #[arg(
        long,
        env = "UPDRAFT_DATABASE_LISTEN",
        value_name = "URL",
        hide_env_values = true
    )]
    pub database_listen: Option<DatabaseUrl>,

    /// What an acknowledged event survives
    #[arg(
        long,
        env = "UPDRAFT_DURABILITY",
        value_name = "CAUSE",
        value_enum,
        default_value_t
    )]
    pub durability: Durability,

    /// How long the idempotency key of a call (`id`) is stored: a retry within this time runs once
    #[arg(long, env = "UPDRAFT_REMEMBER_CALLS", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().remember_calls))]
    pub remember_calls: Duration,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./data"),
            #[cfg(feature = "postgres")]
            database: None,
            #[cfg(feature = "postgres")]
            database_listen: None,
            durability: Durability::default(),
            remember_calls: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// The URL of a database, which may hold a password: it is not shown. It is there with the feature `postgres`.
#[cfg(feature = "postgres")]
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

#[cfg(feature = "postgres")]
impl DatabaseUrl {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(feature = "postgres")]
impl From<&str> for DatabaseUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

#[cfg(feature = "postgres")]
impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}
