//! Whether a topic and its keys are as an appender saw them: asked in the transaction of the append, so that nothing
//! comes in between.

use rusqlite::{Connection, OptionalExtension, params};

use super::reader::bound;
use crate::journal::{
    contract::JournalError,
    record::{Append, SeenKey},
};

/// The latest event of a key, and whether that is its end.
const LATEST: &str = "
SELECT l.seq, e.data IS NULL FROM latest AS l JOIN events AS e ON e.topic = l.topic AND e.seq = l.seq
WHERE l.topic = ? AND l.key = ?";

/// Why an append to a topic that ends here is refused; `None` where all holds that it expects. A topic that was never
/// appended to has no number.
pub(super) fn refusal(
    connection: &Connection,
    append: &Append,
    topic: Option<i64>,
    head: u64,
) -> rusqlite::Result<Option<JournalError>> {
    if let Some(expected) = append.expect
        && expected != head
    {
        return Ok(Some(JournalError::Expectation { expected, head }));
    }
    let Some(topic) = topic else {
        return Ok(None);
    };
    for seen in &append.expect_keys {
        if !holds(connection, topic, seen)? {
            let SeenKey { key, up_to } = seen.clone();
            return Ok(Some(JournalError::Key { key, up_to }));
        }
    }
    Ok(None)
}

fn holds(connection: &Connection, topic: i64, SeenKey { key, up_to }: &SeenKey) -> rusqlite::Result<bool> {
    let latest: Option<(u64, bool)> = connection
        .prepare_cached(LATEST)?
        .query_row(params![topic, &**key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match latest {
        // A key that ended is as one that never was, which it will be once its end is removed.
        Some((_, true)) if *up_to == 0 => true,
        Some((seq, _)) => seq <= bound(*up_to),
        None => *up_to == 0 || *up_to >= floor(connection, topic)?,
    })
}

/// Below this, the end of the key may have been removed.
fn floor(connection: &Connection, topic: i64) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT floor FROM topics WHERE id = ?")?
        .query_row([topic], |row| row.get(0))
}
