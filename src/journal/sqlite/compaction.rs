//! What compaction may take: found on a reader's connection, step by step, and removed by the writer.

use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension, params};

use super::reader::{bound, topic_id};
use crate::journal::{
    clock::{after, before, earlier, now},
    record::Keep,
};

/// Rows that a step looks at.
const STEP: usize = 2000;

/// A pass of compaction: what may go, and where it looks next.
pub(super) struct Plan {
    pub(super) bounds: Bounds,
    pub(super) next: Option<u64>,
}

/// What may go.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    topic: i64,
    keep: Keep,
    now: u64,
    /// Events from before this may go at all.
    superseded_before: u64,
    tombstones_before: u64,
    /// Events without a key from before this go.
    loose_before: Option<u64>,
    /// Events without a key up to this one go.
    loose_up_to: u64,
}

/// An event that goes.
pub(super) struct Victim {
    pub(super) seq: u64,
    pub(super) bytes: u64,
    /// The key that a tombstone ended.
    pub(super) ended: Option<String>,
}

/// A step of compaction.
pub(super) struct Step {
    pub(super) victims: Vec<Victim>,
    /// Where the next one looks; `None` at the end.
    pub(super) next: Option<u64>,
    /// When the first of those that stay may go by its age.
    pub(super) due: Option<SystemTime>,
}

/// The newest event without a key that is beyond what is kept of them by number, and by bytes.
const BEYOND_NUMBER: &str = "
SELECT seq FROM events WHERE topic = ? AND key IS NULL ORDER BY seq DESC LIMIT 1 OFFSET ?";
const BEYOND_BYTES: &str = "
SELECT max(seq) FROM (
    SELECT seq, sum(length(CAST(name AS BLOB)) + coalesce(length(CAST(data AS BLOB)), 0)) OVER (ORDER BY seq DESC) AS bytes
    FROM events WHERE topic = ? AND key IS NULL
) WHERE bytes > ?";

pub(super) fn plan(connection: &Connection, topic: &str, keep: &Keep) -> rusqlite::Result<Plan> {
    let now = now();
    let ago = |age: Duration| before(now, age);
    let Some(id) = topic_id(connection, topic)? else {
        let bounds = Bounds {
            topic: 0,
            keep: *keep,
            now,
            superseded_before: 0,
            tombstones_before: 0,
            loose_before: None,
            loose_up_to: 0,
        };
        return Ok(Plan { bounds, next: None });
    };
    let by_number: Option<u64> = match keep.events {
        None => None,
        Some(most) => connection
            .query_row(BEYOND_NUMBER, params![id, bound(most)], |row| row.get(0))
            .optional()?,
    };
    let by_bytes: Option<u64> = match keep.bytes {
        None => None,
        Some(most) => connection.query_row(BEYOND_BYTES, params![id, bound(most)], |row| row.get(0))?,
    };
    let least = ago(keep.least);
    let bounds = Bounds {
        topic: id,
        keep: *keep,
        now,
        superseded_before: least,
        tombstones_before: least.min(ago(keep.tombstones)),
        loose_before: keep.age.map(|age| least.min(ago(age))),
        loose_up_to: by_number.max(by_bytes).unwrap_or_default(),
    };
    Ok(Plan {
        bounds,
        next: Some(0),
    })
}

const CANDIDATES: &str = "
SELECT e.seq, e.time, e.key, e.data IS NULL,
       length(CAST(e.name AS BLOB)) + coalesce(length(CAST(e.key AS BLOB)), 0) + coalesce(length(CAST(e.data AS BLOB)), 0),
       l.seq
FROM events AS e LEFT JOIN latest AS l ON l.topic = e.topic AND l.key = e.key
WHERE e.topic = ? AND e.seq > ? ORDER BY e.seq LIMIT ?";

/// Looks for events that go among the next ones.
pub(super) fn victims(connection: &Connection, bounds: &Bounds, from: u64) -> rusqlite::Result<Step> {
    let mut statement = connection.prepare_cached(CANDIDATES)?;
    let mut rows = statement.query(params![bounds.topic, from, STEP])?;
    let mut victims = Vec::new();
    let mut due = None;
    let mut stays = |time, longest: Option<Duration>| {
        due = earlier(due, longest.and_then(|age| after(time, age)));
    };
    let keep = &bounds.keep;
    let mut seen = 0;
    let mut last = from;
    while let Some(row) = rows.next()? {
        seen += 1;
        let seq: u64 = row.get(0)?;
        last = seq;
        let time: u64 = row.get(1)?;
        if time > bounds.now {
            // The clock was set back since. This one is kept, but what follows it may be older.
            stays(time, Some(keep.least));
            continue;
        }
        if time > bounds.superseded_before {
            // What follows is younger.
            stays(time, Some(keep.least));
            return Ok(Step {
                victims,
                next: None,
                due,
            });
        }
        let key: Option<String> = row.get(2)?;
        let is_tombstone: bool = row.get(3)?;
        let latest: Option<u64> = row.get(5)?;
        let goes = match (&key, is_tombstone) {
            (None, _) => {
                bounds.loose_before.is_some_and(|before| time <= before) || seq <= bounds.loose_up_to
            }
            (Some(_), _) if latest != Some(seq) => true,
            (Some(_), true) => time <= bounds.tombstones_before,
            (Some(_), false) => false,
        };
        if goes {
            let ended = key.filter(|_| latest == Some(seq));
            victims.push(Victim {
                seq,
                bytes: row.get(4)?,
                ended,
            });
            continue;
        }
        match (&key, is_tombstone) {
            (None, _) => stays(time, keep.age),
            (Some(_), true) => stays(time, Some(keep.tombstones)),
            (Some(_), false) => {}
        }
    }
    let next = (seen == STEP).then_some(last);
    Ok(Step { victims, next, due })
}
