//! `log import`: a journal out of an export.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::PathBuf,
};

use clap::Args;

use super::source::Source;
use crate::{
    cli::terminal::{Failure, bar, counted, say},
    journal::{self, Lineage},
};

#[derive(Args, Debug)]
pub(super) struct Import {
    /// Export file; `-` for standard input
    file: PathBuf,

    /// Keep the epoch, so that clients resume: only for a move, where the server was stopped before the export and the old
    /// journal is not used again. By default clients start over
    #[arg(long)]
    keep_epoch: bool,

    /// Print one JSON object: epoch, head, topics, events
    #[arg(long)]
    json: bool,
}

impl Import {
    pub(super) fn read(&self, source: &Source) -> Result<(), Failure> {
        match self.file.as_os_str() == "-" {
            true => self.from(io::stdin().lock(), source),
            false => {
                let file = File::open(&self.file)
                    .map_err(|error| Failure(format!("cannot read {}: {error}", self.file.display())))?;
                self.from(BufReader::new(file), source)
            }
        }
    }

    fn from(&self, lines: impl BufRead, source: &Source) -> Result<(), Failure> {
        let import = journal::Import::begin(lines)?;
        let header = import.header().clone();
        let lineage = match self.keep_epoch {
            true => Lineage::Moved,
            false => Lineage::Restored,
        };
        let mut destination = source.destination()?;
        let bar = bar(header.events, "Importing");
        let imported = import.fill(&mut *destination, lineage, &|| bar.inc(1));
        bar.finish_and_clear();
        let epoch = imported?;
        let topics = header.topics.len() as u64;
        match self.json {
            true => say(serde_json::json!({
                "epoch": epoch.as_str(),
                "head": header.head,
                "topics": topics,
                "events": header.events,
            })),
            false => say(format_args!(
                "{} of {}, up to {epoch}:{}, in {source}",
                counted(header.events, "event"),
                counted(topics, "topic"),
                header.head
            )),
        }
    }
}
