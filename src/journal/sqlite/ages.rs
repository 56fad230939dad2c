//! How old events are: counted time, which a file keeps beside the times that events were stamped with.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params, types::FromSql};

use crate::journal::clock::{ClockSet, Counted, Stamp, Stamps};

/// Settings of the clock that are told apart; of those before them it is only known that they were before.
const TOLD_APART: usize = 100;

/// Counted time goes on from where it was when the file was last written, by what the system's clock says has passed
/// since: nothing, where that was set back. In a file that has none yet it begins now, and what is stamped later than
/// that counts as of now.
pub(super) fn open(connection: &mut Connection, clock: u64) -> rusqlite::Result<(Arc<Counted>, Stamps)> {
    let Some(time) = meta::<u64>(connection, "time")? else {
        begin(connection, clock)?;
        let counted = Counted::from(clock);
        return Ok((counted.clone(), Stamps::new(counted, 0)));
    };
    let ahead = meta(connection, "ahead")?.unwrap_or_default();
    let counted = Counted::from(time.max(clock).saturating_add_signed(ahead));
    Ok((counted.clone(), Stamps::new(counted, ahead)))
}

fn meta<T: FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    connection
        .query_row("SELECT value FROM meta WHERE name = ?", [name], |row| row.get(0))
        .optional()
}

fn begin(connection: &mut Connection, clock: u64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute("UPDATE once SET time = ?1 WHERE time > ?1", [clock])?;
    let head = meta(&transaction, "head")?.unwrap_or_default();
    let set = ClockSet {
        ahead: 0,
        since: clock,
    };
    keep_set(&transaction, head, set)?;
    transaction.execute("INSERT INTO meta (name, value) VALUES ('time', ?)", [clock])?;
    transaction.commit()
}

/// The next open of the file starts the count: for times that come from elsewhere.
pub(super) fn begin_anew(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM clocks; DELETE FROM meta WHERE name IN ('time', 'ahead')")
}

/// Sets down that the clock was set, behind this event.
pub(super) fn keep_set(connection: &Connection, head: u64, set: ClockSet) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO clocks (after, ahead, since) VALUES (?, ?, ?)",
        params![head, set.ahead, set.since],
    )?;
    connection.execute(
        "DELETE FROM clocks WHERE after <= (SELECT after FROM clocks ORDER BY after DESC LIMIT 1 OFFSET ?)",
        [TOLD_APART],
    )?;
    connection.execute(
        "INSERT OR REPLACE INTO meta (name, value) VALUES ('ahead', ?)",
        [set.ahead],
    )?;
    Ok(())
}

/// Sets down the time of a commit.
pub(super) fn keep(connection: &Connection, stamp: Stamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE meta SET value = ? WHERE name = 'time'")?
        .execute([stamp.time])?;
    Ok(())
}

/// Between which events the clock was set.
pub(super) struct Settings(Vec<Setting>);

struct Setting {
    /// It was set behind this event.
    after: u64,
    set: ClockSet,
}

impl Settings {
    /// Those up to now: not for events that come later.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection
            .prepare_cached("SELECT after, ahead, since FROM clocks ORDER BY after")?
            .query_map([], |row| {
                Ok(Setting {
                    after: row.get(0)?,
                    set: ClockSet {
                        ahead: row.get(1)?,
                        since: row.get(2)?,
                    },
                })
            })?
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// When an event was appended, in counted time: no later than the clock was set behind it. It does not fall from
    /// one event to the next.
    pub(super) fn counted(&self, seq: u64, time: u64) -> u64 {
        let next = self.0.partition_point(|setting| setting.after < seq);
        let ahead = next.checked_sub(1).map_or(0, |last| self.0[last].set.ahead);
        let counted = time.saturating_add_signed(ahead);
        self.0
            .get(next)
            .map_or(counted, |next| counted.min(next.set.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(after: u64, ahead: i64, since: u64) -> Setting {
        Setting {
            after,
            set: ClockSet { ahead, since },
        }
    }

    #[test]
    fn an_event_is_as_old_as_time_passed_however_the_clock_was_set() {
        // Behind event 10 it was set back by 900, behind event 20 ahead by 5000.
        let settings = Settings(vec![
            setting(0, 0, 1000),
            setting(10, 900, 2000),
            setting(20, -4100, 2500),
        ]);
        for (seq, time, counted) in [
            (1, 1000, 1000),
            (10, 1900, 1900),
            (10, 9000, 2000),
            (11, 1100, 2000),
            (20, 1500, 2400),
            (21, 6600, 2500),
            (90, 6700, 2600),
        ] {
            assert_eq!(settings.counted(seq, time), counted, "event {seq} of {time}");
        }
    }

    #[test]
    fn what_is_older_than_the_first_setting_was_before_it() {
        let settings = Settings(vec![setting(5, 0, 1000)]);
        assert_eq!(settings.counted(5, 700), 700);
        assert_eq!(settings.counted(4, 99_000), 1000);
        assert_eq!(settings.counted(6, 99_000), 99_000);
        assert_eq!(Settings(Vec::new()).counted(6, 99_000), 99_000);
    }
}
