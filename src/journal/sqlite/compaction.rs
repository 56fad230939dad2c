//! What compaction may take: found on a reader's connection, step by step, and removed in the writer's transactions.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    ages::Settings,
    reader::{bound, bounds, topic_id},
};
use crate::journal::{
    clock::{Counted, before, earlier},
    record::{Removed, Retention},
};

/// Rows that a step looks at.
const STEP: usize = 2000;

/// What may go; ages are in counted time.
#[derive(Clone)]
pub(super) struct Bounds {
    topic: i64,
    /// What is appended behind this event meanwhile is left for the next time.
    head: u64,
    keep: Retention,
    settings: Arc<Settings>,
    clock: Arc<Counted>,
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
    pub(super) due: Option<Instant>,
}

/// The newest event without a key that is beyond what is kept of them by number, and by bytes.
const BEYOND_NUMBER: &str = "
SELECT seq FROM events WHERE topic = ? AND key IS NULL ORDER BY seq DESC LIMIT 1 OFFSET ?";
const BEYOND_BYTES: &str = "
SELECT max(seq) FROM (
    SELECT seq, sum(length(CAST(name AS BLOB)) + coalesce(length(CAST(data AS BLOB)), 0)) OVER (ORDER BY seq DESC) AS bytes
    FROM events WHERE topic = ? AND key IS NULL
) WHERE bytes > ?";

/// What may go of a topic now; `None` where it was never appended to.
pub(super) fn plan(
    connection: &Connection,
    topic: &str,
    keep: &Retention,
    clock: &Arc<Counted>,
) -> rusqlite::Result<Option<Bounds>> {
    let now = clock.now();
    let ago = |age: Duration| before(now, age);
    let Some(id) = topic_id(connection, topic)? else {
        return Ok(None);
    };
    let head = bounds(connection, topic)?.head;
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
    Ok(Some(Bounds {
        topic: id,
        head,
        keep: *keep,
        // After the head: so it has all that were set before.
        settings: Arc::new(Settings::read(connection)?),
        clock: clock.clone(),
        superseded_before: least,
        tombstones_before: least.min(ago(keep.tombstones)),
        loose_before: keep.age.map(|age| least.min(ago(age))),
        loose_up_to: by_number.max(by_bytes).unwrap_or_default(),
    }))
}

const CANDIDATES: &str = "
SELECT e.seq, e.time, e.key, e.data IS NULL,
       length(CAST(e.name AS BLOB)) + coalesce(length(CAST(e.key AS BLOB)), 0) + coalesce(length(CAST(e.data AS BLOB)), 0),
       l.seq
FROM events AS e LEFT JOIN latest AS l ON l.topic = e.topic AND l.key = e.key
WHERE e.topic = ? AND e.seq > ? AND e.seq <= ? ORDER BY e.seq LIMIT ?";

/// Looks for events that go among the next ones.
pub(super) fn victims(connection: &Connection, bounds: &Bounds, from: u64) -> rusqlite::Result<Step> {
    let mut statement = connection.prepare_cached(CANDIDATES)?;
    let mut rows = statement.query(params![bounds.topic, from, bounds.head, STEP])?;
    let mut victims = Vec::new();
    let mut due = None;
    let mut stays = |time, longest: Option<Duration>| {
        due = earlier(due, longest.and_then(|age| bounds.clock.due(time, age)));
    };
    let keep = &bounds.keep;
    let mut seen = 0;
    let mut last = from;
    while let Some(row) = rows.next()? {
        seen += 1;
        let seq: u64 = row.get(0)?;
        last = seq;
        let time = bounds.settings.counted(seq, row.get(1)?);
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

/// Removes what was found; in the writer's transaction.
pub(super) fn remove(connection: &Connection, topic: i64, victims: &[Victim]) -> rusqlite::Result<Removed> {
    let mut event = connection.prepare_cached("DELETE FROM events WHERE topic = ? AND seq = ?")?;
    // Where another event of the key came meanwhile, that one is its latest.
    let mut end = connection.prepare_cached("DELETE FROM latest WHERE topic = ? AND key = ? AND seq = ?")?;
    let mut removed = Removed::default();
    for victim in victims {
        if event.execute(params![topic, victim.seq])? == 0 {
            continue;
        }
        removed.events += 1;
        removed.bytes += victim.bytes;
        if let Some(key) = &victim.ended {
            end.execute(params![topic, key, victim.seq])?;
        }
    }
    let floor = victims.iter().map(|victim| victim.seq).max().unwrap_or_default();
    connection
        .prepare_cached("UPDATE topics SET floor = max(floor, ?) WHERE id = ?")?
        .execute(params![floor, topic])?;
    Ok(removed)
}
