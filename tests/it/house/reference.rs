//! The reference in the book has each code, each name on the wire and each variable that the code has, and no other.

use std::{collections::BTreeSet, fs};

use updraft::Code;

use super::{code, library, pages::pages, root, rust_files};
use crate::support::updraft_with;

/// What names of the server's own begin with, those of presence among them, as the code writes them in quotes. (Those of `auth.` are
/// a module's.)
const OF_THE_SERVER: [&str; 4] = ["topic.", "stream.", "server.", "presence."];

/// Modules that are clients, not the server.
const CLIENTS: [&str; 3] = ["cli", "client", "testing"];

/// Variables that make a story of the tests longer, and servers that they know of.
const OF_THE_TESTS: [&str; 2] = ["tests/it", "bench"];

/// A secret for tokens, with which the server has `auth.refresh`.
const SIGNING: (&str, &str) = (
    "UPDRAFT_AUTH_SECRETS",
    "a secret of the tests, long enough for HMAC",
);

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// What is between these two in a page.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, behind) = page.split_once(from).unwrap();
    behind.split_once(to).unwrap().0
}

/// The words of a text that these letters make.
fn words(text: &str, is_letter: fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |letter| !is_letter(letter))
        .filter(|word| !word.is_empty())
}

#[test]
fn each_code_stands_in_its_table_with_whether_to_try_again() {
    let readme = read("README.md");
    let table = between(&readme, "| code | when | retry |\n|---|---|---|\n", "\n\n");
    let rows = table.lines().flat_map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
        let retry = cells[2].trim() == "yes";
        let codes = cells[0].split(',');
        codes.map(move |code| (code.trim().trim_matches('`').to_owned(), retry))
    });
    let codes = Code::ALL.map(|code| (code.as_str().to_owned(), code.may_be_retried()));
    assert_eq!(rows.collect::<Vec<_>>(), codes);
}

/// Whether a text is a whole name, as `topic.start` is.
fn is_name(word: &str) -> bool {
    let behind = OF_THE_SERVER.iter().find_map(|start| word.strip_prefix(start));
    behind.is_some_and(|rest| !rest.is_empty() && !rest.contains('.'))
}

fn is_letter_of_name(letter: char) -> bool {
    letter == '.' || letter == '_' || letter.is_ascii_lowercase()
}

/// The names of the server's own that its code has.
fn names_in_code() -> BTreeSet<String> {
    let server = library()
        .into_iter()
        .filter(|(module, _)| !CLIENTS.contains(&module[0].as_str()));
    server
        .flat_map(|(_, text)| {
            let code = code(&text);
            let quoted = code.split('"').filter(|text| text.chars().all(is_letter_of_name));
            let names: Vec<_> = quoted.filter(|text| is_name(text)).map(str::to_owned).collect();
            names
        })
        .collect()
}

/// The functions of the server itself, as a program lists them that has no others.
fn functions() -> BTreeSet<String> {
    let (done, printed, error) = updraft_with(&[SIGNING], &["events", "--json"], "");
    assert!(done, "{error}");
    let events: Vec<serde_json::Value> = serde_json::from_str(&printed).unwrap();
    let names = events.iter().map(|event| event["event"].as_str().unwrap());
    names
        .filter(|name| !name.starts_with("api."))
        .map(str::to_owned)
        .collect()
}

fn names_in(text: &str) -> BTreeSet<String> {
    let names = words(text, is_letter_of_name).filter(|word| is_name(word) || word.starts_with("auth."));
    names
        .filter(|name| !name.ends_with('.'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn each_name_of_the_server_stands_in_the_table_of_its_direction() {
    let page = read("docs/wire.md");
    // The first cell of each row: what others of the row say may name more.
    let messages = |section: &str| -> BTreeSet<String> {
        let rows = section.lines().filter(|line| line.starts_with("| "));
        rows.flat_map(|row| names_in(row.split(" | ").next().unwrap()))
            .collect()
    };
    let taken = messages(between(&page, "## Client to server", "## Server to client"));
    let sent = messages(between(&page, "## Server to client", "## Promises"));
    let functions = functions();
    assert!(functions.contains("auth.refresh") && functions.contains("stream.cancel"));
    assert_eq!(taken, functions, "what clients may call");
    let said: BTreeSet<_> = names_in_code()
        .into_iter()
        .filter(|name| !functions.contains(name) || name.starts_with("stream."))
        .filter(|name| name != "stream.cancel")
        .collect();
    assert!(said.contains("server.draining") && said.contains("topic.start"));
    assert_eq!(sent, said, "what the server says");
}

#[test]
fn each_field_of_a_call_stands_in_the_book() {
    let envelope = read("src/call/payload/envelope.rs");
    let arms = between(&envelope, "match &*key {", "}").lines();
    let fields = arms
        .filter(|arm| arm.contains("envelope."))
        .map(|arm| arm.split('"').nth(1).unwrap());
    let fields: BTreeSet<_> = fields.collect();
    assert!(fields.contains("traceparent"), "{fields:?}");
    let page = read("docs/wire.md");
    let call = between(&page, "[a call](../README.md#calls), `{", "}`");
    let documented = call.split(", ").map(|field| field.trim_end_matches('?'));
    assert_eq!(documented.collect::<BTreeSet<_>>(), fields);
}

fn variables(text: &str) -> BTreeSet<String> {
    let words = words(text, |letter| letter == '_' || letter.is_ascii_uppercase());
    let ours = words.filter(|word| word.strip_prefix("UPDRAFT_").is_some_and(|rest| !rest.is_empty()));
    ours.map(str::to_owned).collect()
}

#[test]
fn each_variable_that_the_book_names_is_read() {
    let library = library().into_values().flat_map(|text| variables(&code(&text)));
    let mut known: BTreeSet<String> = library.collect();
    let files: Vec<_> = known.iter().map(|name| format!("{name}_FILE")).collect();
    known.extend(files);
    let stories = OF_THE_TESTS.iter().flat_map(|folder| rust_files(folder));
    known.extend(stories.flat_map(|path| variables(&fs::read_to_string(path).unwrap())));
    known.extend(
        ["Makefile", "fuzz/run.sh"]
            .iter()
            .flat_map(|file| variables(&read(file))),
    );
    for (page, text) in pages() {
        let unknown: Vec<_> = variables(&text).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", page.display());
    }
}

#[test]
fn each_variable_that_is_read_beside_flags_stands_in_the_book() {
    let pages: String = pages().into_iter().map(|(_, text)| text).collect();
    let library = library()
        .into_values()
        .map(|text| code(&text))
        .collect::<String>();
    let calls = ["env::var(\"", "env::var_os(\"", "is_set(\""];
    let names = calls.iter().flat_map(|call| library.split(call).skip(1));
    let names: BTreeSet<_> = names.map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(names.contains("NO_COLOR"), "{names:?}");
    for name in names {
        assert!(pages.contains(&format!("`{name}")), "{name}");
    }
}

#[test]
fn each_request_that_leads_nowhere_stands_in_the_book() {
    let request = read("src/net/engineio/request.rs");
    let arms = request
        .lines()
        .filter(|line| line.trim_start().starts_with("Self::"));
    let told = arms.filter_map(|arm| {
        let (number, message) = arm.split_once("=> (")?.1.split_once(", \"")?;
        Some(format!("| `{number}` | `{}` |", message.split('"').next()?))
    });
    let page = read("docs/wire.md");
    let rows = between(&page, "| code | message |\n|---|---|\n", "\n\n")
        .lines()
        .map(str::to_owned);
    assert_eq!(rows.collect::<Vec<_>>(), told.collect::<Vec<_>>());
}
