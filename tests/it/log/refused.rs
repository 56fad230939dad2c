//! What `log` does not do, and how it says so.

use std::{fs, path::Path};

use rusqlite::Connection;
use serde_json::json;

use super::{failure, fill, log_of, open, printed, serve, wait_for};

/// Every command over a journal that is there.
const COMMANDS: [&[&str]; 5] = [
    &["topics"],
    &["tail", "board"],
    &["export"],
    &["verify"],
    &["compact"],
];

#[test]
fn where_there_is_no_journal_none_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("data");
    for command in COMMANDS {
        let text = format!("error: there is no journal in {}\n", missing.display());
        assert_eq!(failure(&missing, command), text);
        assert!(!missing.exists(), "{command:?}");
        let text = format!("error: there is no journal in {}\n", directory.path().display());
        assert_eq!(failure(directory.path(), command), text);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{command:?}");
    }
}

#[test]
fn what_is_no_journal_is_said_to_be_none_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("journal.db");
    let other = tempfile::tempdir().unwrap();
    let notes = other.path().join("notes.db");
    let connection = Connection::open(&notes).unwrap();
    connection.execute_batch("CREATE TABLE notes (text)").unwrap();
    drop(connection);
    let contents = [
        (b"no database at all. ".repeat(500), "file is not a database"),
        (fs::read(&notes).unwrap(), "the file is no journal"),
        (Vec::new(), "the file is no journal"),
    ];
    for (bytes, told) in contents {
        fs::write(&file, &bytes).unwrap();
        for command in COMMANDS {
            let said = failure(directory.path(), command);
            assert!(
                said.starts_with("error: ") && said.contains(told),
                "{command:?}: {said}"
            );
        }
        assert_eq!(fs::read(&file).unwrap(), bytes, "it was not touched");
    }
}

#[test]
fn a_journal_of_another_format_is_named() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let connection = Connection::open(data.path().join("journal.db")).unwrap();
    connection
        .execute("UPDATE meta SET value = 2 WHERE name = 'format'", [])
        .unwrap();
    drop(connection);
    for command in COMMANDS {
        assert_eq!(
            failure(data.path(), command),
            "error: the journal has format 2, and this program writes format 1\n"
        );
    }
}

#[test]
fn what_writes_says_that_a_server_has_the_journal() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let export = printed(data.path(), &["export"]);
    let server = serve(data.path());
    let told = format!(
        "error: a server has the journal in {} open, or another process: stop it first\n",
        data.path().display()
    );
    assert_eq!(failure(data.path(), &["compact"]), told);
    assert_eq!(refusal(data.path(), &export), told);
    drop(server);
    printed(data.path(), &["compact"]);
}

/// Why an import fails.
fn refusal(data: &Path, export: &str) -> String {
    let (done, stdout, stderr) = log_of(data, &["import", "-"], export);
    assert!(!done && stdout.is_empty(), "{stdout}");
    stderr
}

#[test]
fn a_journal_that_holds_anything_is_not_imported_into() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path());
    let export = printed(data.path(), &["export"]);
    let text = format!(
        "error: the journal in {} is not empty: import into a new directory\n",
        data.path().display()
    );
    assert_eq!(refusal(data.path(), &export), text);
    assert_eq!(printed(data.path(), &["export"]), export, "it is as it was");
}

#[test]
fn what_is_no_whole_export_is_refused_and_nothing_is_imported() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(from.path());
    let export = printed(from.path(), &["export"]);
    let lines: Vec<&str> = export.lines().collect();
    let changed = |from: &str, to: &str| {
        assert!(export.contains(from), "{from}");
        export.replacen(from, to, 1)
    };
    let cases = [
        (
            String::new(),
            "this is no export of a journal: its first line is no header",
        ),
        (
            json!({"export": "notes"}).to_string(),
            "this is no export of a journal",
        ),
        (lines[1..].join("\n"), "this is no export of a journal"),
        (
            changed(r#""format":1"#, r#""format":2"#),
            "the export has format 2, and this program reads format 1",
        ),
        (
            lines[..4].join("\n"),
            "the export is cut off: its first line promises 11 lines after it, and there are 3",
        ),
        (
            lines[..11].join("\n"),
            "promises 11 lines after it, and there are 10",
        ),
        (
            export[..export.len() - 5].to_owned(),
            "line 12: this is not a consumer",
        ),
        (
            format!("{export}{export}"),
            "line 13: the export ends before this line",
        ),
        (
            changed(r#""seq":3"#, r#""seq":2"#),
            "line 4: UNIQUE constraint failed",
        ),
        (
            changed(r#""topic":"board","seq":3"#, r#""topic":"bored","seq":3"#),
            "line 4: the first line names no topic 'bored'",
        ),
        (
            changed(r#""traceparent":"00-"#, r#""traceparent":"000-"#),
            "line 3: its traceparent is longer than 55 bytes",
        ),
        (
            changed(r#""data":null"#, r#""data":nul"#),
            "line 6: this is not an event",
        ),
        (
            changed(r#""deleted":true"#, r#""deleted":false"#),
            "line 5: this is not an event",
        ),
        (
            changed(r#""head":5"#, r#""head":4"#),
            "the export is not consistent: topic 'board': its last event is 5, beyond its head 4",
        ),
        (
            changed(r#""head":8"#, r#""head":7"#),
            "the export is not consistent: topic 'gone': its head 8 is beyond the journal's, 7",
        ),
        (
            changed(r#""seq":8,"#, r#""seq":5,"#),
            "the export is not consistent: ",
        ),
        (changed(r#""epoch":""#, r#""epoch":":"#), "is no epoch"),
        (
            changed(r#""epoch":""#, &format!(r#""epoch":"{}"#, "a".repeat(64))),
            "is no epoch",
        ),
        (
            changed(r#""head":8"#, r#""head":9223372036854775808"#),
            "line 1: 9223372036854775808 is beyond 9007199254740991",
        ),
        (
            changed(r#""seq":3,"#, r#""seq":18446744073709551615,"#),
            "line 4: 18446744073709551615 is beyond 9007199254740991",
        ),
        (
            changed(r#""seq":3,"#, r#""seq":9007199254740992,"#),
            "line 4: 9007199254740992 is beyond",
        ),
        (
            changed(r#""time":"#, r#""time":9223372036854775808"#),
            "line 2: this is not an event",
        ),
        (
            changed(r#""last":7"#, r#""last":9223372036854775808"#),
            "line 9: 9223372036854775808 is beyond",
        ),
        (
            changed(r#""answer":"\"done\"""#, r#""answer":"done""#),
            "line 9: its answer is no JSON: ",
        ),
        (
            changed(
                r#""topic":"board","seq":4}"#,
                r#""topic":"board","seq":9223372036854775808}"#,
            ),
            "line 11: 9223372036854775808 is beyond",
        ),
        (
            changed(
                r#""consumer":"mailer","topic":"not yet""#,
                r#""consumer":"mailer","topic":"board""#,
            ),
            "line 12: UNIQUE constraint failed",
        ),
        (
            changed(r#""event":"card.moved""#, r#""event":"topic.start""#),
            "line 4: the event name \"topic.start\" begins with 'topic', ",
        ),
        (
            changed(r#""event":"card.moved""#, r#""event":"""#),
            "line 4: the event name \"\" is empty",
        ),
    ];
    for (text, told) in cases {
        let said = refusal(to.path(), &text);
        assert!(
            said.starts_with("error: ") && said.contains(told),
            "{told}: {said}"
        );
    }
    wait_for(open(to.path()).close());
    let (done, _, said) = log_of(to.path(), &["import", "-", "--keep-epoch"], &export);
    assert!(done, "nothing is in the way: {said}");
    assert_eq!(printed(to.path(), &["export"]), export);
    let nowhere = to.path().join("nowhere.jsonl");
    let said = failure(to.path(), &["import", nowhere.to_str().unwrap()]);
    assert!(
        said.starts_with(&format!("error: cannot read {}: ", nowhere.display())),
        "{said}"
    );
}
