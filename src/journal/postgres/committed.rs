//! What became of a batch.

use tokio_postgres::Row;

use super::reader::number;
use crate::journal::{
    contract::JournalError,
    record::{Append, Appended, SeenKey},
};

/// The outcome of each of a batch's appends.
#[derive(Default)]
pub(super) struct Committed {
    /// The last event before it.
    pub(super) before: u64,
    outcomes: Vec<i32>,
    first: Vec<i64>,
    last: Vec<i64>,
    times: Vec<i64>,
}

impl Committed {
    /// As `updraft.append` says it.
    pub(super) fn of(row: &Row) -> Self {
        Self {
            before: number(row, 0),
            outcomes: row.get(1),
            first: row.get(2),
            last: row.get(3),
            times: row.get(4),
        }
    }

    /// As `updraft.append_events` says it, of appends of so many events: they stand one behind the other.
    pub(super) fn of_events(row: &Row, lengths: impl Iterator<Item = usize>) -> Self {
        let mut this = Self {
            before: number(row, 0),
            ..Self::default()
        };
        let (mut last, time) = (row.get::<_, i64>(0), row.get(1));
        for length in lengths {
            this.outcomes.push(0);
            this.first.push(last + 1);
            last += length as i64;
            this.last.push(last);
            this.times.push(time);
        }
        this
    }

    /// What became of the append of this number.
    pub(super) fn outcome(&self, number: usize, append: &Append) -> Option<Result<Appended, JournalError>> {
        let at = |numbers: &[i64]| numbers.get(number).map(|number| number.cast_unsigned());
        let (first, last, time) = (at(&self.first)?, at(&self.last)?, at(&self.times)?);
        let applied = |repeated| Appended {
            first,
            last,
            time,
            repeated,
        };
        Some(match self.outcomes.get(number)? {
            0 => Ok(applied(false)),
            1 => Ok(applied(true)),
            2 => Err(JournalError::OtherBody),
            3 => Err(JournalError::Expectation {
                expected: append.expect?,
                head: last,
            }),
            _ => {
                let nth = usize::try_from(first.checked_sub(1)?).ok()?;
                let SeenKey { key, up_to } = append.expect_keys.get(nth)?.clone();
                Err(JournalError::Key { key, up_to })
            }
        })
    }
}
