//! `log`: looks into the journal, saves it, brings it back and tidies it.

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
    /// List the topics: how many events and keys they have, how large they are, how far they reach
    Topics(topics::Topics),
    /// Print the newest events of a topic, or those after a position; --follow prints what comes
    Tail(tail::Tail),
    /// Write the journal out as lines of JSON, as it is at one moment; also while a server runs
    Export(export::Export),
    /// Make a journal of an export, in a directory that has none
    Import(import::Import),
    /// Check that the journal is whole
    Verify(verify::Verify),
    /// Remove what topics need not keep, and make the files smaller; while no server runs. (A server removes by itself,
    /// and its files keep their size)
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

/// What is said of a topic that the journal does not have.
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

/// What is said where a command needs the journal for itself and did not get it.
fn refused(error: &OpenError, data: &Path) -> Failure {
    match error {
        OpenError::Locked(_) => Failure(format!(
            "a server has the journal in {} open, or another process: stop it first",
            data.display()
        )),
        _ => Failure(error.to_string()),
    }
}
