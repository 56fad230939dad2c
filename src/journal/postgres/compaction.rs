//! Compaction in small steps, each a transaction of its own that takes no lock of the appends.

use std::time::{Duration, Instant};

use tokio_postgres::types::Type;

use super::{
    columns::bound,
    error::unavailable,
    reader::{Readers, number},
    settling,
    text::escaped,
};
use crate::{
    journal::{
        clock::earlier,
        contract::JournalError,
        record::{Removed, Retention},
    },
    postgres::Parameter,
};

/// Events that a step looks at.
const STEP: i64 = 2000;

/// Longest that it takes to count what a topic keeps.
const COUNT: Duration = Duration::from_secs(60);

/// The database's clock and this node's, at one moment.
pub(super) struct Clocks {
    /// Milliseconds since 1970.
    there: u64,
    /// No earlier.
    here: Instant,
}

impl Clocks {
    pub(super) async fn compare(readers: &Readers) -> Result<Self, JournalError> {
        let rows = readers.query("SELECT updraft.now()", &[]).await?;
        let here = Instant::now();
        let there = rows.first().map(|row| number(row, 0));
        let there = there.ok_or_else(|| unavailable("the database does not know the time"))?;
        Ok(Self { there, here })
    }

    /// When the database's clock says this.
    fn when(&self, there: u64) -> Option<Instant> {
        match there.checked_sub(self.there) {
            Some(later) => self.here.checked_add(Duration::from_millis(later)),
            None => self.here.checked_sub(Duration::from_millis(self.there - there)),
        }
    }
}

/// An age in milliseconds; `None` where nothing becomes so old.
fn age(age: Duration) -> Option<i64> {
    const NEVER: u128 = 1 << 53;
    let age = age.as_millis();
    (age < NEVER).then_some(age as i64)
}

/// Removes what a topic need not keep.
pub(super) async fn compact(
    readers: &Readers,
    clocks: &Clocks,
    topic: &str,
    keep: &Retention,
) -> Result<Removed, JournalError> {
    let plan = "SELECT topic, head, now, loose_up_to FROM updraft.compaction($1, $2, $3)";
    let parameters: &[Parameter<'_>] = &[
        (&escaped(topic), Type::TEXT),
        (&keep.events.map(bound), Type::INT8),
        (&keep.bytes.map(bound), Type::INT8),
    ];
    let mut removed = Removed::default();
    let rows = readers.query_within(COUNT, plan, parameters).await?;
    let Some((plan, id)) = rows
        .first()
        .and_then(|row| Some((row, row.get::<_, Option<i32>>(0)?)))
    else {
        return Ok(removed);
    };
    settling::settle(readers, number(plan, 1)).await?;
    let now: i64 = plan.get(2);
    let ago = |limit: Duration| age(limit).map_or(0, |age| (now - age).max(0));
    let least = ago(keep.least);
    let step = "SELECT removed, bytes, next, due
        FROM updraft.compact($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let mut next = Some(0_i64);
    while let Some(after) = next {
        let parameters: &[Parameter<'_>] = &[
            (&id, Type::INT4),
            (&after, Type::INT8),
            (&plan.get::<_, i64>(1), Type::INT8),
            (&STEP, Type::INT8),
            (&least, Type::INT8),
            (&least.min(ago(keep.tombstones)), Type::INT8),
            (&keep.age.map(|age| least.min(ago(age))), Type::INT8),
            (&plan.get::<_, i64>(3), Type::INT8),
            (&age(keep.least), Type::INT8),
            (&age(keep.tombstones), Type::INT8),
            (&keep.age.and_then(age), Type::INT8),
        ];
        let rows = readers.query(step, parameters).await?;
        let Some(row) = rows.first() else {
            break;
        };
        removed.events += number(row, 0);
        removed.bytes += number(row, 1);
        next = row.get(2);
        let due: Option<i64> = row.get(3);
        removed.due = earlier(removed.due, due.and_then(|due| clocks.when(due.cast_unsigned())));
    }
    Ok(removed)
}
