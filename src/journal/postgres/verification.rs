//! Whether what always holds in a journal does hold in this database.

use std::ops::ControlFlow;

use super::blocking::Connection;
use crate::{
    journal::verification::{Check, Found, Look, Severity, json, name},
    postgres::PostgresError,
};

/// What is checked: the rows. The pages that they are on are PostgreSQL's own business (`pg_amcheck`).
pub(super) static ALL: [Check; 9] = [
    Check {
        name: "heads",
        holds: "no topic reaches further than the journal, nor is compacted further than that",
        severity: Severity::Violation,
        look: Look::Query(HEADS),
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
            "SELECT 'event ' || seq || ': its data', data FROM updraft.events",
            json,
        ),
    },
    Check {
        name: "names",
        holds: "events have names of their own, and none of the server's",
        severity: Severity::Violation,
        look: Look::Texts(
            "SELECT 'event ' || min(seq) || ': its name', name FROM updraft.events GROUP BY name",
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
            "SELECT 'idempotency key ' || quote_literal(key) || ': its answer', answer FROM updraft.once",
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
WITH journal AS (SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS head FROM updraft.seq)
SELECT format('topic %L: its last event is %s, beyond the last number that was given, %s', t.name, max(e.seq), journal.head)
FROM journal, updraft.events AS e JOIN updraft.topics AS t ON t.id = e.topic
GROUP BY t.name, journal.head HAVING max(e.seq) > journal.head
UNION ALL
SELECT format('topic %L: its floor %s is not between 0 and the last number that was given, %s', name, floor, head)
FROM journal, updraft.topics WHERE floor NOT BETWEEN 0 AND head";

const EVENTS: &str = "
SELECT format('event %s: its topic, of the id %s, is not there', seq, topic)
FROM updraft.events WHERE topic NOT IN (SELECT id FROM updraft.topics)
UNION ALL
SELECT format('event %s: there are %s of this number', seq, count(*))
FROM updraft.events GROUP BY seq HAVING count(*) > 1
UNION ALL
SELECT format('event %s: it is no sequence number', seq)
FROM updraft.events WHERE seq NOT BETWEEN 1 AND 9007199254740991
UNION ALL
SELECT format('event %s: its time, %s, is before 1970', seq, time)
FROM updraft.events WHERE time < 0
UNION ALL
SELECT format('event %s: it ends a key and has none', seq)
FROM updraft.events WHERE data IS NULL AND key IS NULL";

/// Up to the event `settled`. What follows it may have superseded what is known, and that may be gone.
const LATEST: &str = "
WITH last AS (
    SELECT DISTINCT ON (topic, key) topic, key, seq, data IS NULL AS ended FROM updraft.events
    WHERE key IS NOT NULL ORDER BY topic, key, seq DESC
)
SELECT CASE
    WHEN e.seq IS NULL OR e.seq < l.seq THEN
        format('key %L of topic %L: its latest event, %s, is not there', key, (SELECT name FROM updraft.topics WHERE id = topic), l.seq)
    WHEN e.ended THEN format('event %s: it ended its key %L, which is known as of event %s', e.seq, key, l.seq)
    WHEN l.seq IS NULL THEN format('event %s: the latest event of its key %L is not known', e.seq, key)
    ELSE format('event %s: it is later than the latest known of its key %L, %s', e.seq, key, l.seq)
END
FROM last AS e FULL JOIN updraft.latest AS l USING (topic, key), updraft.settled AS s
WHERE e.seq IS NULL OR e.seq < l.seq OR e.seq <= s.seq AND CASE WHEN e.ended THEN NULL ELSE e.seq END IS DISTINCT FROM l.seq";

const ONCE: &str = "
WITH journal AS (SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS head FROM updraft.seq)
SELECT format('idempotency key %L: it stands for %s to %s, of %s in the journal', key, first, last, head)
FROM updraft.once, journal WHERE first < 0 OR first > last OR last > head";

const CONSUMERS: &str = "
WITH journal AS (SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS head FROM updraft.seq)
SELECT format('consumer %L of topic %L: it stands at %s, of %s in the journal', name, topic, seq, head)
FROM updraft.consumers, journal WHERE seq < 0 OR seq > head";

const TIMES: &str = "
SELECT format('event %s: it is %s ms older than the one before it in its topic', seq, before - time)
FROM (
    SELECT seq, time, lag(time) OVER (PARTITION BY topic ORDER BY seq) AS before FROM updraft.events
) AS e
WHERE time < before";

/// Makes a check, within a transaction. What cannot be read is what it finds.
pub(super) fn look(connection: &Connection, check: &Check) -> Found {
    let mut found = Found::default();
    if let Err(error) = find(connection, &check.look, &mut found) {
        found.add(format!("cannot be checked: {error}"));
        // It fails where the connection has ended, as the next check will.
        let _ = connection.run("ROLLBACK TO SAVEPOINT look");
    }
    found
}

fn find(connection: &Connection, look: &Look, found: &mut Found) -> Result<(), PostgresError> {
    connection.run("SAVEPOINT look")?;
    match look {
        Look::Query(query) => connection.each(query, &mut |row| {
            found.add(row.get::<_, String>(0));
            ControlFlow::Continue(())
        }),
        Look::Texts(query, wanted) => connection.each(query, &mut |row| {
            let text: Option<String> = row.get(1);
            if let Some(what) = text.as_deref().and_then(wanted) {
                found.add(format!("{} {what}", row.get::<_, String>(0)));
            }
            ControlFlow::Continue(())
        }),
    }
}
