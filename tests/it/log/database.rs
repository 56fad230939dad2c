//! `updraft log` over a database: the same commands, and the way from one machine to many and back.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::block_in_place;
use updraft::journal::PostgresJournal;

use super::{
    add,
    backup::{exports_are_moments, in_one_line, told, told_by},
    board, fill, lines, log_of,
    looking::Following,
    printed, serve, wait_for,
};
use crate::support::{Program, RawClient, TestDatabase, until, updraft, updraft_with};

/// `updraft log` over a database: whether it succeeded, its standard output, its standard error.
fn log_in(database: &str, arguments: &[&str], input: &str) -> (bool, String, String) {
    updraft(&[&["log", "--database", database], arguments].concat(), input)
}

/// What a command that succeeds and has nothing to say beside prints.
fn printed_in(database: &str, arguments: &[&str]) -> String {
    let (done, stdout, stderr) = log_in(database, arguments, "");
    assert!(done && stderr.is_empty(), "{arguments:?}: {stderr}");
    stdout
}

fn json_in(database: &str, arguments: &[&str]) -> Value {
    serde_json::from_str(&printed_in(database, arguments)).unwrap()
}

/// What a command that fails says.
fn failure_in(database: &str, arguments: &[&str], input: &str) -> String {
    let (done, stdout, stderr) = log_in(database, arguments, input);
    assert!(!done && stdout.is_empty(), "{arguments:?}: {stdout}");
    stderr
}

/// The export of a journal that has all that one can hold.
fn full_export() -> String {
    let from = tempfile::tempdir().unwrap();
    fill(from.path());
    printed(from.path(), &["export"])
}

/// A database that an export was moved into.
fn filled(export: &str) -> TestDatabase {
    let database = TestDatabase::new();
    let (done, _, stderr) = log_in(&database.url, &["import", "-", "--keep-epoch"], export);
    assert!(done, "{stderr}");
    database
}

#[test]
fn a_journal_moves_into_a_database_and_back_and_says_what_it_said_before() {
    let (from, back, database) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        TestDatabase::new(),
    );
    fill(from.path());
    let export = printed(from.path(), &["export"]);
    let (done, stdout, stderr) = log_in(&database.url, &["import", "-", "--keep-epoch", "--json"], &export);
    assert!(done, "{stderr}");
    let (epoch, before) = told(from.path());
    let before = in_one_line(before);
    assert_eq!(
        serde_json::from_str::<Value>(&stdout).unwrap(),
        json!({"epoch": epoch, "head": 8, "topics": 2, "events": 6})
    );
    for command in [
        &["export"][..],
        &["export", "board"],
        &["topics", "--json"],
        &["topics"],
        &["tail", "board", "--json"],
        &["tail", "gone", "-n", "1", "--json"],
        &["tail", "board", "--since", "3"],
    ] {
        assert_eq!(printed_in(&database.url, command), printed(from.path(), command));
    }
    assert_eq!(json_in(&database.url, &["verify", "--json"])["ok"], true);

    // A node opens it as its own, and gives the numbers that follow.
    let now = wait_for(async {
        let journal = PostgresJournal::open(&database.url, None).await.unwrap();
        told_by(&journal).await
    });
    assert_eq!(now, (epoch.clone(), before));

    let export_back = printed_in(&database.url, &["export"]);
    let (done, _, stderr) = log_of(back.path(), &["import", "-", "--keep-epoch"], &export_back);
    assert!(done, "{stderr}");
    assert_eq!(printed(back.path(), &["export"]), export);
    assert_eq!(told(back.path()), now);
}

fn node(database: &TestDatabase) -> Program {
    block_in_place(|| Program::start(&["--database", &database.url]))
}

#[test]
fn subscribers_of_one_machine_resume_on_many_where_they_were() {
    let data = tempfile::tempdir().unwrap();
    let server = serve(data.path());
    let epoch = wait_for(async {
        let mut client = RawClient::connect(&server.url).await;
        for id in ["k1", "k2", "k3"] {
            add(&mut client, id).await;
        }
        let (start, _) = board(&mut client, None).await;
        start["epoch"].as_str().unwrap().to_owned()
    });
    drop(server);
    let export = printed(data.path(), &["export"]);
    let (moved, restored) = (TestDatabase::new(), TestDatabase::new());
    for (database, flags) in [
        (&moved, &["import", "-", "--keep-epoch"][..]),
        (&restored, &["import", "-"]),
    ] {
        let (done, _, stderr) = log_in(&database.url, flags, &export);
        assert!(done, "{stderr}");
    }
    let seen = format!("{epoch}:2");
    for (database, goes_on) in [(&moved, true), (&restored, false)] {
        wait_for(async {
            let nodes = [node(database), node(database)];
            let mut client = RawClient::connect(&nodes[0].url).await;
            let (start, resumed) = board(&mut client, Some(&seen)).await;
            assert_eq!(start["reset"], !goes_on);
            assert_eq!(start["epoch"] == epoch, goes_on);
            let seqs: Vec<_> = resumed
                .iter()
                .map(|event| event["seq"].as_u64().unwrap())
                .collect();
            assert_eq!(seqs, if goes_on { vec![3] } else { vec![1, 2, 3] });
            let mut other = RawClient::connect(&nodes[1].url).await;
            add(&mut other, "k4").await;
            let (_, now) = board(&mut other, None).await;
            // The nodes' own events take some in between.
            let last = now.last().unwrap()["seq"].as_u64().unwrap();
            assert!(last > 3, "numbers go on where they were: {last}");
        });
    }
}

#[test]
fn an_export_of_a_database_that_is_written_to_is_one_moment_of_whole_commits() {
    let database = TestDatabase::new();
    let url = database.url.clone();
    wait_for(async {
        let journal = PostgresJournal::open(&database.url, None).await.unwrap();
        exports_are_moments(Arc::new(journal), move || lines(&printed_in(&url, &["export"]))).await;
    });
}

#[test]
fn only_an_empty_database_without_nodes_is_imported_into_and_whole_or_not_at_all() {
    let export = full_export();
    let database = filled(&export);
    assert_eq!(
        failure_in(&database.url, &["import", "-"], &export),
        "error: the journal in the database is not empty: import into one without\n"
    );
    assert_eq!(printed_in(&database.url, &["export"]), export, "it is as it was");

    let database = TestDatabase::new();
    let lines: Vec<&str> = export.lines().collect();
    let changed = |from: &str, to: &str| {
        assert!(export.contains(from), "{from}");
        export.replacen(from, to, 1)
    };
    let long = format!(r#""key":"{}""#, "k".repeat(2001));
    for (text, told) in [
        (lines[..4].join("\n"), "the export is cut off"),
        (changed(r#""seq":3"#, r#""seq":2"#), "duplicate key"),
        (
            changed(r#""seq":8,"#, r#""seq":5,"#),
            "the export is not consistent: ",
        ),
        (
            changed(r#""key":"k1""#, &long),
            "line 2: its key is longer than 2000 bytes",
        ),
        (
            changed(r#""head":5"#, r#""head":4"#),
            "the export is not consistent: topic 'board': its last event is 5, beyond its head 4",
        ),
        (
            changed(r#""head":5"#, r#""head":6"#),
            "topic 'board': its head is 6, but its last event is 5 and nothing beyond 0 was removed",
        ),
        (
            changed(r#""head":8"#, r#""head":7"#),
            "the export is not consistent: topic 'gone': its head 8 is beyond the journal's, 7",
        ),
        (
            changed(
                r#""consumer":"mailer","topic":"not yet""#,
                r#""consumer":"mailer","topic":"board""#,
            ),
            "duplicate key",
        ),
    ] {
        let said = failure_in(&database.url, &["import", "-"], &text);
        assert!(said.contains("error: ") && said.contains(told), "{told}: {said}");
    }

    // Nodes that were started too early left a journal without events: once they are stopped, it is none.
    let mut early = Program::start(&["--database", &database.url]);
    assert_eq!(
        failure_in(&database.url, &["import", "-"], &export),
        "error: a node is connected to the database: stop all of them first\n"
    );
    early.end();
    let nodes = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'updraft%'";
    wait_for(until("the node's connections to end", || {
        database.psql(nodes) == "0"
    }));
    let (done, _, stderr) = log_in(&database.url, &["import", "-", "--keep-epoch"], &export);
    assert!(done, "{stderr}");
    assert_eq!(printed_in(&database.url, &["export"]), export);
}

#[test]
fn what_a_database_is_not_asked_says_why() {
    let database = TestDatabase::new();
    for command in [&["topics"][..], &["tail", "board"], &["export"], &["verify"]] {
        assert_eq!(
            failure_in(&database.url, command, ""),
            "error: there is no journal in the database: a node that starts makes one\n"
        );
    }
    assert_eq!(
        database.psql("SELECT to_regnamespace('updraft') IS NULL"),
        "t",
        "none was made"
    );
    let said = failure_in(&database.url, &["compact"], "");
    assert!(
        said.starts_with("error: a database needs no `log compact`: "),
        "{said}"
    );
    let nowhere = database.url.replace("host=", "host=/nowhere");
    let said = failure_in(&nowhere, &["topics"], "");
    assert!(said.starts_with("error: the database cannot be used: "), "{said}");
}

#[test]
fn each_row_of_a_database_that_is_wrong_is_found_by_its_check() {
    let export = full_export();
    let cases = [
        (
            "UPDATE updraft.topics SET floor = 99 WHERE name = 'gone'",
            "heads",
            "topic 'gone': its floor 99",
        ),
        (
            "SELECT setval('updraft.seq', 7)",
            "heads",
            "topic 'gone': its last event is 8, beyond",
        ),
        (
            "UPDATE updraft.events SET topic = 77 WHERE seq = 5",
            "events",
            "event 5: its topic, of the id 77",
        ),
        (
            "INSERT INTO updraft.events SELECT id, 1, 1, 'said', NULL, '1' FROM updraft.topics WHERE name = 'gone'",
            "events",
            "event 1: there are 2 of this number",
        ),
        (
            "UPDATE updraft.latest SET seq = 1 WHERE key = 'k1'",
            "latest",
            "event 3: it is later than the latest known of",
        ),
        (
            "DELETE FROM updraft.latest WHERE key = 'k1'",
            "latest",
            "event 3: the latest event of its key 'k1'",
        ),
        (
            "DELETE FROM updraft.events WHERE seq = 3",
            "latest",
            "key 'k1' of topic 'board': its latest event, 3, is not",
        ),
        (
            "INSERT INTO updraft.latest SELECT topic, key, seq FROM updraft.events WHERE key = 'k2' AND data IS NULL",
            "latest",
            "event 4: it ended its key 'k2', which is known",
        ),
        (
            "UPDATE updraft.events SET data = '{' WHERE seq = 5",
            "data",
            "event 5: its data is no JSON",
        ),
        (
            "UPDATE updraft.events SET name = 'topic.live' WHERE seq = 5",
            "names",
            "event 5: its name \"topic.live\" ",
        ),
        (
            "UPDATE updraft.once SET last = 99 WHERE key = 'call 1'",
            "once",
            "idempotency key 'call 1': it stands for",
        ),
        (
            "UPDATE updraft.once SET answer = '{' WHERE key = 'call 1'",
            "answers",
            "idempotency key 'call 1': its answer",
        ),
        (
            "UPDATE updraft.consumers SET seq = 99 WHERE topic = 'board'",
            "consumers",
            "consumer 'mailer' of topic",
        ),
        (
            "ALTER TABLE updraft.consumers RENAME TO elsewhere",
            "consumers",
            "cannot be checked: ",
        ),
    ];
    for (damage, check, told) in cases {
        let database = filled(&export);
        database.psql(damage);
        let (done, stdout, stderr) = log_in(&database.url, &["verify", "--json"], "");
        assert!(!done, "{damage}");
        assert!(stderr.starts_with("error: the journal is damaged: "), "{stderr}");
        let verified: Value = serde_json::from_str(&stdout).unwrap();
        let checks = verified["checks"].as_array().unwrap();
        let found = checks.iter().find(|one| one["check"] == check).unwrap();
        assert_eq!(found["ok"], false, "{damage}: {stdout}");
        let first = found["first"].as_array().unwrap();
        assert!(
            first.iter().any(|what| what.as_str().unwrap().starts_with(told)),
            "{damage}: {found}"
        );
    }
}

#[test]
fn following_goes_on_where_the_database_was_away() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        // It makes the schema.
        PostgresJournal::open(&database.url, None).await.unwrap();
        let publish = |key: &str| {
            let sql = format!("SELECT updraft.publish('board', 'card.added', '{key}', '1')");
            block_in_place(|| database.psql(&sql));
        };
        publish("k1");
        let mut following = Following::of(&["--database", &database.url]);
        assert_eq!(following.key(), "k1");
        block_in_place(|| database.go_away());
        let said = following.said();
        assert!(said.contains("; trying again"), "{said}");
        block_in_place(|| database.come_back());
        publish("k2");
        assert_eq!(following.key(), "k2");
    });
}

#[test]
fn a_directory_that_a_flag_names_goes_before_a_database_of_a_variable() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let database = TestDatabase::new();
    let variables = [("UPDRAFT_DATABASE", &*database.url)];
    let data = data.path().to_str().unwrap();
    for arguments in [
        ["log", "--data", data, "topics"],
        ["log", "topics", "--data", data],
    ] {
        let (done, stdout, stderr) = updraft_with(&variables, &arguments, "");
        assert!(done && stdout.contains("board"), "{stdout}{stderr}");
    }
    let both = ["log", "--data", data, "--database", &database.url, "topics"];
    let (done, _, stderr) = updraft_with(&variables, &both, "");
    assert!(!done && stderr.contains("no journal in the database"), "{stderr}");
}
