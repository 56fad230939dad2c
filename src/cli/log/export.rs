//! `log export`: the journal as lines of JSON.

use std::{
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use clap::Args;
use tempfile::NamedTempFile;

use super::{source::Source, unknown};
use crate::{
    cli::terminal::{Failure, bar, bar_beside_output, counted, remark},
    journal::{self, ExportError, Inspection},
};

#[derive(Args, Debug)]
pub(super) struct Export {
    /// Topics; by default all, with idempotency keys and consumers
    topics: Vec<String>,

    /// File to write, created once it is complete; by default standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Export {
    pub(super) fn write(&self, source: &Source) -> Result<(), Failure> {
        let journal = source.open()?;
        match &self.output {
            Some(file) => self.to_file(&*journal, file),
            None => self.to_stdout(&*journal),
        }
    }

    fn to_file(&self, journal: &dyn Inspection, file: &Path) -> Result<(), Failure> {
        let cannot = |error: io::Error| Failure(format!("cannot write {}: {error}", file.display()));
        let export = self.begin(journal)?;
        let bar = bar(export.header().events, "Exporting");
        let directory = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let unfinished = NamedTempFile::new_in(directory).map_err(cannot)?;
        let mut out = BufWriter::new(unfinished);
        export
            .write(&mut out, &|| bar.inc(1))
            .map_err(|error| match error {
                ExportError::Write(error) => cannot(error),
                error => error.into(),
            })?;
        let finished = out.into_inner().map_err(|error| cannot(error.into_error()))?;
        finished.as_file().sync_all().map_err(cannot)?;
        finished.persist(file).map_err(|error| cannot(error.error))?;
        bar.finish_and_clear();
        let header = export.header();
        remark(format_args!(
            "{} of {}, up to {}:{}, in {}",
            counted(header.events, "event"),
            counted(header.topics.len() as u64, "topic"),
            header.epoch,
            header.head,
            file.display()
        ));
        Ok(())
    }

    /// Where a topic is not there, the failure names those that are.
    fn begin<'a>(&self, journal: &'a dyn Inspection) -> Result<journal::Export<'a>, Failure> {
        journal::Export::begin(journal, &self.topics).map_err(|error| match error {
            ExportError::Topic(topic) => unknown(&topic, journal).unwrap_or_else(|failure| failure),
            error => error.into(),
        })
    }

    fn to_stdout(&self, journal: &dyn Inspection) -> Result<(), Failure> {
        let export = self.begin(journal)?;
        let bar = bar_beside_output(export.header().events, "Exporting");
        let mut out = BufWriter::new(io::stdout().lock());
        let written = export.write(&mut out, &|| bar.inc(1));
        bar.finish_and_clear();
        match written {
            // The reader closed the pipe.
            Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }
}
