//! `log topics`: the topics of the journal in figures.

use std::ops::ControlFlow;

use clap::Args;
use serde_json::{Value, json};

use super::source::Source;
use crate::{
    cli::terminal::{Failure, Lines, Said, plain, say},
    journal::{Inspection, Measured},
};

#[derive(Args, Debug)]
pub(super) struct Topics {
    /// Print one JSON object: epoch, head, topics
    #[arg(long)]
    json: bool,
}

const TITLES: [&str; 6] = ["TOPIC", "EVENTS", "KEYS", "BYTES", "HEAD", "FLOOR"];

impl Topics {
    pub(super) fn list(&self, source: &Source) -> Result<(), Failure> {
        let journal = source.open()?;
        let topics = journal.measure()?;
        match self.json {
            true => say(json!({
                "epoch": journal.epoch().as_str(),
                "head": journal.head(),
                "topics": topics.iter().map(json).collect::<Vec<_>>(),
            })),
            false => table(&*journal, &topics).map(drop),
        }
    }
}

fn json(topic: &Measured) -> Value {
    json!({
        "topic": topic.name,
        "events": topic.events,
        "keys": topic.keys,
        "bytes": topic.bytes,
        "head": topic.bounds.head,
        "floor": topic.bounds.floor,
    })
}

fn table(journal: &dyn Inspection, topics: &[Measured]) -> Said {
    let rows = topics.iter().map(|topic| {
        let figures = [
            topic.events,
            topic.keys,
            topic.bytes,
            topic.bounds.head,
            topic.bounds.floor,
        ];
        (plain(&topic.name), figures.map(|figure| figure.to_string()))
    });
    let [topic, titles @ ..] = TITLES.map(str::to_owned);
    let rows: Vec<_> = std::iter::once((topic, titles)).chain(rows).collect();
    let names = rows.iter().map(|(name, _)| name.chars().count()).max();
    let names = names.unwrap_or_default();
    let mut out = Lines::new();
    if out
        .say(format_args!("epoch {}, head {}", journal.epoch(), journal.head()))?
        .is_break()
    {
        return Ok(ControlFlow::Break(()));
    }
    for (name, figures) in &rows {
        let mut line = format!("{name:names$}");
        for (column, figure) in figures.iter().enumerate() {
            let width = rows.iter().map(|(_, figures)| figures[column].len()).max();
            line.push_str(&format!("  {figure:>width$}", width = width.unwrap_or_default()));
        }
        if out.say(line)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    out.flush()
}
