//! Settings of the journal.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::time::{time, written};
use crate::journal::Durability;

/// Where published events are stored, and what of them.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct JournalConfig {
    /// Directory of the journal, created if missing
    #[arg(long, env = "UPDRAFT_DATA", value_name = "DIR", default_value_os_t = Self::default().data)]
    pub data: PathBuf,

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
            durability: Durability::default(),
            remember_calls: Duration::from_secs(24 * 60 * 60),
        }
    }
}
