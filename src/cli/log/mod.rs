//! `log`: inspects, exports, imports, verifies and compacts the journal.

mod compact;
mod export;
mod import;
mod tail;
mod topics;
mod verify;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::terminal::Failure;
use crate::{
    app::App,
    journal::{Inspection, OpenError},
};

#[derive(Args, Debug)]
pub(super) struct Log {
    /// Directory of the journal
    #[arg(
        long,
        env = "UPDRAFT_DATA",
        value_name = "DIR",
        default_value = "./data",
        global = true
    )]
    data: PathBuf,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the topics with their events, keys, bytes and bounds
    Topics(topics::Topics),
    /// Print the newest events of a topic, or those after a position; --follow waits for new ones
    Tail(tail::Tail),
    /// Export a snapshot of the journal as lines of JSON, also while a server runs
    Export(export::Export),
    /// Import an export into a directory without a journal
    Import(import::Import),
    /// Check the journal for damage
    Verify(verify::Verify),
    /// Remove events beyond their retention and shrink the files; the server must be stopped. (A running server compacts
    /// every minute, without shrinking its files)
    Compact(compact::Compact),
}

impl Log {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let Self { data, command } = self;
        match command {
            Command::Topics(topics) => topics.list(&data),
            Command::Tail(tail) => tail.print(&data, app),
            Command::Export(export) => export.write(&data),
            Command::Import(import) => import.read(&data),
            Command::Verify(verify) => verify.check(&data),
            Command::Compact(compact) => compact.run(&data, app),
        }
    }
}

/// The failure for an unknown topic.
fn unknown(topic: &str, journal: &Inspection) -> Result<Failure, Failure> {
    let topics = journal.topics()?;
    let names: Vec<&str> = topics.iter().map(|(name, _)| &**name).collect();
    Ok(Failure(match names[..] {
        [] => format!("there is no topic '{topic}': the journal is empty"),
        _ => format!(
            "there is no topic '{topic}'; the journal has {}",
            names.join(", ")
        ),
    }))
}

/// The failure of a command that needs the journal for itself and did not get it.
fn refused(error: &OpenError, data: &Path) -> Failure {
    match error {
        OpenError::Locked(_) => Failure(format!(
            "a server has the journal in {} open, or another process: stop it first",
            data.display()
        )),
        _ => Failure(error.to_string()),
    }
}
