//! `log compact`: removes what topics need not keep, and gives the space back.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::{
    source::{Source, refused},
    unknown,
};
use crate::{
    app::App,
    cli::terminal::{Failure, bar, counted, plain, say},
    journal::{self, Durability, Inspection, Journal, Removed, Retention, SqliteInspection, SqliteJournal},
};

const NODES_COMPACT: &str = "a database needs no `log compact`: its nodes remove what goes every minute, and PostgreSQL uses the space again";

#[derive(Args, Debug)]
pub(super) struct Compact {
    /// Topic; all by default
    topic: Option<String>,

    /// Print one JSON object: topics, file
    #[arg(long)]
    json: bool,
}

/// The outcome of a compaction.
struct Compacted {
    topics: Vec<(String, Removed)>,
    /// Bytes of the files.
    before: u64,
    after: u64,
}

impl Compact {
    pub(super) fn run(&self, source: &Source, app: &App) -> Result<(), Failure> {
        let data = source.directory(NODES_COMPACT)?;
        let compacted = self.compact(data, app)?;
        match self.json {
            true => say(compacted.json()),
            false => compacted.say(),
        }
    }

    fn compact(&self, data: &Path, app: &App) -> Result<Compacted, Failure> {
        // Nothing is made where there is no journal.
        let journal = SqliteInspection::open(data)?;
        let known = journal.topics()?;
        let chosen: Vec<String> = match &self.topic {
            None => known.into_iter().map(|(name, _)| name).collect(),
            Some(topic) if known.iter().any(|(name, _)| name == topic) => vec![topic.clone()],
            Some(topic) => return Err(unknown(topic, &journal)?),
        };
        drop(journal);
        let before = journal::size(data)?;
        let topics = remove(chosen, data, app)?;
        journal::vacuum(data).map_err(|error| refused(&error, data))?;
        let after = journal::size(data)?;
        Ok(Compacted {
            topics,
            before,
            after,
        })
    }
}

fn remove(topics: Vec<String>, data: &Path, app: &App) -> Result<Vec<(String, Removed)>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let journal =
            SqliteJournal::open(data, Durability::PowerLoss).map_err(|error| refused(&error, data))?;
        let bar = bar(topics.len() as u64, "Compacting");
        let mut all = Vec::new();
        for topic in topics {
            let removed = journal.compact(&topic, keep(app, &topic)).await?;
            bar.inc(1);
            all.push((topic, removed));
        }
        bar.finish_and_clear();
        journal.close().await;
        Ok(all)
    })
}

/// The retention of a topic, as the app declares it.
fn keep(app: &App, topic: &str) -> Retention {
    let declared = app.topics().iter().find(|declared| declared.name() == topic);
    declared.map_or_else(Retention::default, |declared| declared.kept())
}

impl Compacted {
    fn json(&self) -> serde_json::Value {
        let topics: Vec<_> = self
            .topics
            .iter()
            .map(|(topic, removed)| json!({ "topic": topic, "events": removed.events, "bytes": removed.bytes }))
            .collect();
        json!({ "topics": topics, "file": { "before": self.before, "after": self.after } })
    }

    fn say(&self) -> Result<(), Failure> {
        for (topic, removed) in &self.topics {
            say(format_args!(
                "{}: {} removed, {}",
                plain(topic),
                counted(removed.events, "event"),
                counted(removed.bytes, "byte")
            ))?;
        }
        say(format_args!(
            "The journal's files have {}, and had {}",
            counted(self.after, "byte"),
            self.before
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{event::Event, feed::Topic, journal::Append};

    #[test]
    fn a_topic_keeps_what_the_app_declares_and_others_what_is_usual() {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let journal = SqliteJournal::open(directory.path(), Durability::ProcessCrash).unwrap();
            for topic in ["short", "usual"] {
                let append = Append {
                    topic: topic.to_owned(),
                    events: (0..5).map(|_| Event::new("said")).collect(),
                    ..Append::default()
                };
                journal.append(append).await.unwrap();
            }
            journal.close().await;
        });
        let keep = Retention {
            least: Duration::ZERO,
            events: Some(2),
            ..Retention::default()
        };
        let app = App::new().topic(Topic::new("short").keep(keep));
        let all = Compact {
            topic: None,
            json: false,
        };
        let compacted = all.compact(directory.path(), &app).unwrap();
        let removed: Vec<_> = compacted
            .topics
            .iter()
            .map(|(topic, removed)| (&**topic, removed.events))
            .collect();
        assert_eq!(removed, [("short", 3), ("usual", 0)]);
    }
}
