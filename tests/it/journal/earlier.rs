//! Journals that programs of earlier versions made, and such programs beside this one.

use std::path::Path;

use rusqlite::Connection;
use updraft::journal::{Durability, Journal, SqliteJournal};

use super::{WHOLE, append, event, wait_for};
use crate::support::updraft;

/// Takes out of a file what was added to its format since it was made for the first time.
const FIRST_FILE: &str = "
DROP INDEX latest_by_seq;
DROP INDEX unkeyed;
DROP TABLE clocks;
ALTER TABLE events DROP COLUMN traceparent;";

fn open(directory: &Path) -> SqliteJournal {
    SqliteJournal::open(directory, Durability::ProcessCrash).unwrap()
}

/// The lines that a journal exports.
fn exported(arguments: &[&str]) -> Vec<String> {
    let (done, stdout, stderr) = updraft(&[&["log"], arguments, &["export"]].concat(), "");
    assert!(done, "{stderr}");
    stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_file_of_the_first_version_is_looked_at_as_it_is_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let data = ["--data", directory.path().to_str().unwrap()];
    let fill = || {
        wait_for(async {
            let journal = open(directory.path());
            let key = event("moved").key("card");
            journal
                .append(append("board", [event("said"), key]))
                .await
                .unwrap();
            let pages = [
                journal.read("board", WHOLE).await,
                journal.backlog("board", WHOLE).await,
            ];
            journal.close().await;
            pages.map(|page| page.unwrap().records.len())
        })
    };
    assert_eq!(fill(), [2, 2]);
    let export = exported(&data);
    let file = Connection::open(directory.path().join("journal.db")).unwrap();
    file.execute_batch(FIRST_FILE).unwrap();
    assert_eq!(exported(&data), export);
    for command in [&["tail", "board"][..], &["topics"], &["verify"]] {
        let (done, _, stderr) = updraft(&[&["log"], &data[..], command].concat(), "");
        assert!(done, "{command:?}: {stderr}");
    }
    let has_column = "SELECT count(*) FROM pragma_table_info('events') WHERE name = 'traceparent'";
    let has_column = || {
        file.query_row(has_column, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(has_column(), 0, "a look changes nothing");
    assert_eq!(fill(), [4, 3]);
    assert_eq!(has_column(), 1);
    // A program of that version goes on with it.
    let sql = "INSERT INTO events (topic, seq, time, name, key, data) SELECT topic, seq + 2, time, name, key, data FROM events WHERE seq > 2";
    assert_eq!(file.execute(sql, []).unwrap(), 2);
}

#[cfg(all(unix, feature = "postgres"))]
mod database {
    use tokio::task::block_in_place;
    use updraft::journal::{Journal, PostgresJournal};

    use super::{super::names, WHOLE, append, event, exported, wait_for};
    use crate::support::TestDatabase;

    /// The schema as it was before events had a trace.
    const FOURTH: [&str; 6] = [
        "CREATE SCHEMA updraft; CREATE TABLE updraft.meta (name text PRIMARY KEY, value text NOT NULL)",
        include_str!("../../../src/journal/postgres/schema/1_journal.sql"),
        include_str!("../../../src/journal/postgres/schema/2_publish.sql"),
        include_str!("../../../src/journal/postgres/schema/3_nodes.sql"),
        include_str!("../../../src/journal/postgres/schema/4_subjects.sql"),
        "INSERT INTO updraft.meta (name, value) VALUES ('version', '4');
         SELECT * FROM updraft.identify('fourth', NULL, NULL)",
    ];

    /// What nodes of that version append, by both functions, and how they read.
    const APPEND: [&str; 2] = [
        "SELECT updraft.append_events(gen_random_uuid(), false, NULL, '{board}', '{1}', '{said}', '{null}', '{1}')",
        "SELECT updraft.append(gen_random_uuid(), NULL, '{board}', '{1}', '{null}', '{call ID}', '{1}', '{null}', '{1}',
         '{moved}', '{card}', '{1}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
    ];
    const READ: [&str; 3] = [
        "SELECT history, coalesce(floor, 0), given, topic, seq, time, name, key, data FROM updraft.look(0, 10, 1000)",
        "SELECT seq, time, name, key, data FROM updraft.page('board', 0, 100, 100, 100)",
        "SELECT seq, time, name, key, data FROM updraft.backlog('board', 0, 100, 100, 100)",
    ];

    #[test]
    fn a_schema_of_the_fourth_version_is_looked_at_as_it_is_and_goes_on_beside_its_nodes() {
        wait_for(async {
            let database = block_in_place(TestDatabase::new);
            let client = database.client().await;
            for sql in FOURTH {
                client.batch_execute(sql).await.unwrap();
            }
            // One connection, which knows the functions from before.
            let appends = async |id: &str| {
                for sql in APPEND {
                    client.batch_execute(&sql.replace("ID", id)).await.unwrap();
                }
                let publish = "SELECT updraft.publish('board', 'published', NULL, '1')";
                client.batch_execute(publish).await.unwrap();
            };
            appends("1").await;
            let export = || block_in_place(|| exported(&["--database", &database.url]));
            let before = export();
            assert!(before[0].contains(r#""events":3"#), "{}", before[0]);
            let version =
                || block_in_place(|| database.psql("SELECT value FROM updraft.meta WHERE name = 'version'"));
            assert_eq!(version(), "4", "a look changes nothing");

            let journal = PostgresJournal::open(&database.url, None).await.unwrap();
            assert_eq!(version(), "5");
            let page = journal.read("board", WHOLE).await.unwrap();
            assert_eq!(names(&page.records), ["said", "moved", "published"]);
            appends("2").await;
            for sql in READ {
                client.batch_execute(sql).await.unwrap();
            }
            journal.append(append("board", [event("new")])).await.unwrap();
            let page = journal.read("board", WHOLE).await.unwrap();
            let all = ["said", "moved", "published", "said", "moved", "published", "new"];
            assert_eq!(names(&page.records), all);
            journal.close().await;
            assert_eq!(export()[1..4], before[1..4]);
        });
    }

    /// Only some events of a batch may be traced.
    #[test]
    fn each_event_of_a_batch_has_its_own_trace_wherever_it_is_read() {
        wait_for(async {
            let database = block_in_place(TestDatabase::new);
            let journal = PostgresJournal::open(&database.url, None).await.unwrap();
            let events = "SELECT updraft.append_events(gen_random_uuid(), false, NULL, '{board}', '{1,1,1}', '{a,b,c}',
                          '{null,null,null}', '{1,2,3}', '{null,of-b}')";
            let batch = "SELECT updraft.append(gen_random_uuid(), NULL, '{board}', '{3}', '{null}', '{null}', '{null}', '{null}',
                         '{1,1,1}', '{d,e,f}', '{null,null,null}', '{1,2,3}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
                         '{}', '{of-d,null,of-f}')";
            for sql in [events, batch] {
                block_in_place(|| database.psql(sql));
            }
            let traced = [None, Some("of-b"), None, Some("of-d"), None, Some("of-f")];
            for page in [
                journal.read("board", WHOLE).await,
                journal.backlog("board", WHOLE).await,
            ] {
                let records = page.unwrap().records;
                let traces: Vec<_> = records
                    .iter()
                    .map(|record| record.traceparent.as_deref())
                    .collect();
                assert_eq!(traces, traced);
            }
            let told =
                "SELECT string_agg(coalesce(traceparent, '-'), ' ' ORDER BY seq) FROM updraft.look(0, 9, 99)
                        WHERE topic = 'board'";
            assert_eq!(block_in_place(|| database.psql(told)), "- of-b - of-d - of-f");
        });
    }
}
