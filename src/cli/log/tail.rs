//! `log tail`: the events of a topic, as they are and as they come.

use std::{
    fmt,
    ops::ControlFlow,
    str::FromStr,
    thread,
    time::{Duration, UNIX_EPOCH},
};

use clap::Args;

use super::{source::Source, unknown};
use crate::{
    app::App,
    cli::terminal::{Failure, Lines, Said, plain, remark},
    event::{Body, Epoch, MalformedPosition, Position},
    journal::{Cursor, Inspection, Record, TopicBounds},
};

/// Interval of reads while following: of a file, and of a database, which is a connection each time.
const EVERY: Duration = Duration::from_millis(200);
const EVERY_CONNECTION: Duration = Duration::from_secs(1);

/// Events printed by default.
const NEWEST: u64 = 10;

/// A page.
const EVENTS: usize = 1000;
const BYTES: usize = 1 << 20;

/// The last time that can be written as a date, in milliseconds since 1970: that of the year 9999.
const LAST_DATE: u64 = 253_402_300_799_999;

#[derive(Args, Debug)]
pub(super) struct Tail {
    /// Topic
    topic: String,

    /// Print every event after this position (`<epoch>:<seq>`, or the number only; 0 for the beginning)
    #[arg(long, value_name = "POSITION")]
    since: Option<Since>,

    /// Print this many of the newest events, after --since if given [default: 10, or all after --since]
    #[arg(long, short = 'n', value_name = "EVENTS")]
    events: Option<u64>,

    /// Print new events until interrupted
    #[arg(long, short)]
    follow: bool,

    /// Print one JSON object per line, as clients get it
    #[arg(long)]
    json: bool,
}

/// Where to begin.
#[derive(Clone, Debug)]
enum Since {
    Position(Position),
    Seq(u64),
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(seq) => Ok(Self::Seq(seq)),
            Err(_) => text
                .parse()
                .map(Self::Position)
                .map_err(|MalformedPosition| "write it as <epoch>:<seq>, or as a number"),
        }
    }
}

impl Tail {
    pub(super) fn print(&self, source: &Source, app: &App) -> Result<(), Failure> {
        let journal = source.open()?;
        let topics = journal.topics()?;
        let known = topics.into_iter().find(|(name, _)| *name == self.topic);
        let bounds = match known {
            Some((_, bounds)) => bounds,
            None if self.is_declared(app) => TopicBounds::default(),
            None => return Err(unknown(&self.topic, &*journal)?),
        };
        let mut at = self.begin(&*journal)?;
        if self.since.is_some() && at < bounds.floor {
            remark(format_args!(
                "some events up to {} are gone: a later one took their place, or their time had come",
                bounds.floor
            ));
        }
        let epoch = journal.epoch().clone();
        let mut out = Lines::new();
        if self.page(&*journal, &mut at, &mut out)?.is_break() || !self.follow {
            return Ok(());
        }
        // A look that lasts would hold the journal's log, or what a database would remove.
        drop(journal);
        self.follow(source, &epoch, at, &mut out)
    }

    /// Prints what comes. A database may be away for a while: it restarts, or fails over.
    fn follow(&self, source: &Source, epoch: &Epoch, mut at: u64, out: &mut Lines) -> Result<(), Failure> {
        let every = match source.is_database() {
            true => EVERY_CONNECTION,
            false => EVERY,
        };
        let (mut is_away, mut is_behind) = (false, false);
        loop {
            if !is_behind {
                thread::sleep(every);
            }
            let page = match self.look(source, epoch, at) {
                Err(failure) if source.is_database() => {
                    if !is_away {
                        remark(format_args!("{}; trying again", failure.0));
                    }
                    (is_away, is_behind) = (true, false);
                    continue;
                }
                looked => looked?.ok_or("the journal was replaced by another")?,
            };
            is_away = false;
            is_behind = page.len() >= EVENTS || page.iter().map(Record::size).sum::<usize>() >= BYTES;
            at = page.last().map_or(at, |last| last.seq);
            if self.say(&page, out)?.is_break() || out.flush()?.is_break() {
                return Ok(());
            }
        }
    }

    /// A page of what came after a place; none where another journal took the place of this one.
    fn look(&self, source: &Source, epoch: &Epoch, at: u64) -> Result<Option<Vec<Record>>, Failure> {
        let journal = source.open()?;
        match journal.epoch() == epoch {
            true => Ok(Some(journal.read(&self.topic, &after(at))?)),
            false => Ok(None),
        }
    }

    fn is_declared(&self, app: &App) -> bool {
        app.topics().iter().any(|topic| topic.name() == self.topic)
    }

    /// The place behind which printing begins.
    fn begin(&self, journal: &dyn Inspection) -> Result<u64, Failure> {
        let events = match (self.events, &self.since) {
            (None, Some(_)) => return self.place(journal),
            (events, _) => events.unwrap_or(NEWEST),
        };
        let before_last = journal.before_last(&self.topic, events)?;
        Ok(self.place(journal)?.max(before_last))
    }

    /// What `--since` says, or the beginning.
    fn place(&self, journal: &dyn Inspection) -> Result<u64, Failure> {
        match &self.since {
            None => Ok(0),
            Some(Since::Seq(seq)) => Ok(*seq),
            Some(Since::Position(position)) if position.epoch == *journal.epoch() => Ok(position.seq),
            Some(Since::Position(position)) => Err(Failure(format!(
                "'{position}' is a position in another journal: the epoch of this one is {}",
                journal.epoch()
            ))),
        }
    }

    /// Prints what there is after a place.
    fn page(&self, journal: &dyn Inspection, at: &mut u64, out: &mut Lines) -> Said {
        loop {
            let page = journal.read(&self.topic, &after(*at))?;
            let Some(last) = page.last() else {
                return out.flush();
            };
            *at = last.seq;
            if self.say(&page, out)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    fn say(&self, page: &[Record], out: &mut Lines) -> Said {
        for record in page {
            let said = match self.json {
                true => out.say(record.line().map_err(|error| damaged(record, &error))?),
                false => out.say(Human(record)),
            };
            if said?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The page after a place.
fn after(place: u64) -> Cursor {
    Cursor {
        after: place,
        up_to: u64::MAX,
        events: EVENTS,
        bytes: BYTES,
    }
}

fn damaged(record: &Record, error: &serde_json::Error) -> Failure {
    Failure(format!(
        "the data of event {} is no JSON ({error}): `log verify` finds what else is damaged",
        record.seq
    ))
}

/// An event as a line of text: time, position, name, key.
struct Human<'a>(&'a Record);

impl fmt::Display for Human<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { seq, time, name, .. } = self.0;
        match *time <= LAST_DATE {
            true => {
                let time = UNIX_EPOCH + Duration::from_millis(*time);
                write!(f, "{}", humantime::format_rfc3339_millis(time))?;
            }
            false => write!(f, "{time}")?,
        }
        write!(f, "  {seq}  {}", plain(name))?;
        if let Some(key) = &self.0.key {
            write!(f, "  {}", plain(key))?;
        }
        match &self.0.body {
            Body::Data(json) => write!(f, "  {}", plain(json)),
            Body::Tombstone => write!(f, "  (deleted)"),
        }
    }
}
