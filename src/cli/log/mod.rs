//! `log`: inspects, exports, imports, verifies and compacts the journal.

mod compact;
mod export;
mod import;
mod source;
mod tail;
mod topics;
mod verify;

use clap::{Args, Subcommand};

use self::source::Source;
use super::terminal::Failure;
use crate::{app::App, journal::Inspection};

#[derive(Args, Debug)]
pub(super) struct Log {
    #[command(flatten)]
    source: Source,

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
    /// Import an export into a directory without a journal, or into a database without one
    Import(import::Import),
    /// Check the journal for damage
    Verify(verify::Verify),
    /// Remove events beyond their retention and shrink the files; the server must be stopped. (A running server compacts
    /// every minute, without shrinking its files. Of a database the nodes do it)
    Compact(compact::Compact),
}

impl Log {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let Self { source, command } = self;
        match command {
            Command::Topics(topics) => topics.list(&source),
            Command::Tail(tail) => tail.print(&source, app),
            Command::Export(export) => export.write(&source),
            Command::Import(import) => import.read(&source),
            Command::Verify(verify) => verify.check(&source),
            Command::Compact(compact) => compact.run(&source, app),
        }
    }
}

/// The failure for an unknown topic.
fn unknown(topic: &str, journal: &dyn Inspection) -> Result<Failure, Failure> {
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
