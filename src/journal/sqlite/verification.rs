//! Whether what always holds in a journal does hold in this file.

use std::{sync::mpsc, thread, time::Duration};

use rusqlite::{Connection, ErrorCode};

use crate::journal::verification::{Check, Found, Look, Severity, Wanted, json, name};

/// What is checked: the file, which is SQLite's own business, then the rows in it.
pub(super) static ALL: [Check; 11] = [
    Check {
        name: "file",
        holds: "SQLite finds the file whole",
        severity: Severity::Violation,
        look: Look::Query("SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
    },
    Check {
        name: "heads",
        holds: "no topic reaches further than the journal, nor is compacted further than it reaches",
        severity: Severity::Violation,
        look: Look::Query(HEADS),
    },
    Check {
        name: "highest",
        holds: "a topic's head is the highest number that it ever had",
        severity: Severity::Violation,
        look: Look::Query(HIGHEST),
    },
    Check {
        name: "events",
        holds: "every event is of a topic, has a number of its own, and what ends a key has one",
        severity: Severity::Violation,
        look: Look::Query(EVENTS),
    },
    Check {
        name: "latest",
        holds: "the latest event of every key is known",
        severity: Severity::Violation,
        look: Look::Query(LATEST),
    },
    Check {
        name: "data",
        holds: "data is JSON",
        severity: Severity::Violation,
        look: Look::Texts(
            "SELECT 'event ' || seq || ': its data', data FROM events ORDER BY topic, seq",
            json,
        ),
    },
    Check {
        name: "names",
        holds: "events have names of their own, and none of the server's",
        severity: Severity::Violation,
        look: Look::Texts(
            "SELECT 'event ' || min(seq) || ': its name', name FROM events GROUP BY name",
            name,
        ),
    },
    Check {
        name: "once",
        holds: "idempotency keys stand for events that were appended",
        severity: Severity::Violation,
        look: Look::Query(ONCE),
    },
    Check {
        name: "answers",
        holds: "answers of calls are JSON",
        severity: Severity::Violation,
        look: Look::Texts(
            "SELECT 'idempotency key ' || quote(key) || ': its answer', answer FROM once",
            json,
        ),
    },
    Check {
        name: "consumers",
        holds: "no consumer is further than the journal",
        severity: Severity::Violation,
        look: Look::Query(CONSUMERS),
    },
    Check {
        name: "times",
        holds: "time does not run back, but where the clock was set back",
        severity: Severity::Remark,
        look: Look::Query(TIMES),
    },
];

const HEADS: &str = "
WITH journal AS (SELECT value AS head FROM meta WHERE name = 'head')
SELECT format('topic %s: its head %d is beyond the journal''s, %d', quote(name), t.head, journal.head)
FROM topics AS t, journal WHERE t.head > journal.head
UNION ALL
SELECT format('topic %s: its head %d or its floor %d is negative', quote(name), head, floor)
FROM topics WHERE head < 0 OR floor < 0
UNION ALL
SELECT format('topic %s: its floor %d is beyond its head %d', quote(name), floor, head)
FROM topics WHERE floor > head
UNION ALL
SELECT format('the journal''s head %s is no number up to 9007199254740991', quote(value))
FROM meta WHERE name = 'head' AND (typeof(value) <> 'integer' OR value NOT BETWEEN 0 AND 9007199254740991)";

const HIGHEST: &str = "
SELECT CASE
    WHEN last > head THEN format('topic %s: its last event is %d, beyond its head %d', quote(name), last, head)
    ELSE format('topic %s: its head is %d, but its last event is %d and nothing beyond %d was removed',
                quote(name), head, last, floor)
END
FROM (
    SELECT name, head, floor,
           coalesce((SELECT e.seq FROM events AS e WHERE e.topic = t.id ORDER BY e.seq DESC LIMIT 1), 0) AS last
    FROM topics AS t
)
WHERE last > head OR (last < head AND floor < head)";

const EVENTS: &str = "
SELECT format('event %d: its topic, of the id %d, is not there', seq, topic)
FROM events WHERE topic NOT IN (SELECT id FROM topics)
UNION ALL
SELECT format('event %d: there are %d of this number', seq, count(*))
FROM events GROUP BY seq HAVING count(*) > 1
UNION ALL
SELECT format('event %d: it is no sequence number', seq)
FROM events WHERE seq < 1
UNION ALL
SELECT format('event %d: its time, %d, is before 1970', seq, time)
FROM events WHERE time < 0
UNION ALL
SELECT format('event %d: it ends a key and has none', seq)
FROM events WHERE data IS NULL AND key IS NULL";

/// That each event is at most the latest of its key, and each latest one is there, says that it is the highest.
const LATEST: &str = "
SELECT CASE
    WHEN l.seq IS NULL THEN format('event %d: the latest event of its key %s is not known', e.seq, quote(e.key))
    ELSE format('event %d: it is later than the latest known of its key %s, %d', e.seq, quote(e.key), l.seq)
END
FROM events AS e LEFT JOIN latest AS l ON l.topic = e.topic AND l.key = e.key
WHERE e.key IS NOT NULL AND (l.seq IS NULL OR l.seq < e.seq)
UNION ALL
SELECT format('key %s of topic %s: its latest event, %d, is not there', quote(l.key), quote(t.name), l.seq)
FROM latest AS l LEFT JOIN topics AS t ON t.id = l.topic
LEFT JOIN events AS e ON e.topic = l.topic AND e.seq = l.seq
WHERE e.key IS NOT l.key";

const ONCE: &str = "
WITH journal AS (SELECT value AS head FROM meta WHERE name = 'head')
SELECT format('idempotency key %s: it stands for %d to %d, of %d in the journal', quote(key), first, last, head)
FROM once, journal WHERE first < 0 OR first > last OR last > head";

const CONSUMERS: &str = "
WITH journal AS (SELECT value AS head FROM meta WHERE name = 'head')
SELECT format('consumer %s of topic %s: it stands at %d, of %d in the journal', quote(name), quote(topic), seq, head)
FROM consumers, journal WHERE seq < 0 OR seq > head";

const TIMES: &str = "
SELECT format('event %d: it is %d ms older than the one before it in its topic', seq, before - time)
FROM (
    SELECT seq, time, lag(time) OVER (PARTITION BY topic ORDER BY seq) AS before FROM events
)
WHERE time < before";

/// Makes a check. Where the file is too damaged to be read, that is what it finds.
pub(super) fn look(connection: &Connection, check: &Check) -> Found {
    let mut found = Found::default();
    let looked = match check.look {
        Look::Query(query) => list(connection, query, &mut found),
        Look::Texts(query, wanted) => texts(connection, query, wanted, &mut found),
    };
    if let Err(error) = looked {
        found.add(format!("cannot be checked: {error}"));
    }
    found
}

fn list(connection: &Connection, query: &str, found: &mut Found) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.add(row.get::<_, String>(0)?);
    }
    Ok(())
}

fn texts(connection: &Connection, query: &str, wanted: Wanted, found: &mut Found) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let what = match row.get_ref(1)?.as_str_or_null() {
            Ok(text) => text.and_then(wanted),
            Err(error) => Some(format!("is no text: {error}")),
        };
        if let Some(what) = what {
            found.add(format!("{} {what}", row.get::<_, String>(0)?));
        }
    }
    Ok(())
}

/// Looks for damage for no longer than this, and ends at the first: all of a small journal, the first part of a large one.
pub(super) fn glance(connection: &Connection, longest: Duration) -> rusqlite::Result<Option<String>> {
    let (done, over) = mpsc::channel::<()>();
    let stop = connection.get_interrupt_handle();
    let looked = thread::scope(|threads| {
        threads.spawn(move || {
            if over.recv_timeout(longest) == Err(mpsc::RecvTimeoutError::Timeout) {
                stop.interrupt();
            }
        });
        let looked = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        drop(done);
        looked
    });
    match looked {
        Ok(found) if found == "ok" => Ok(None),
        // In the line before it SQLite names the database.
        Ok(found) => Ok(found.lines().last().map(str::to_owned)),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Ok(None),
        Err(error) => Err(error),
    }
}
