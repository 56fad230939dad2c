//! The pages of the documentation, and how they are written.

use std::{fs, path::PathBuf, process::Command};

use super::{
    names::{PRONOUNS, has_word},
    root,
};

/// Pages beside those of `docs/`.
const PAGES: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "client/README.md",
    "client-demo/src/link/README.md",
    "examples/README.md",
];

/// Pages by their path from the root, with their text.
pub(super) fn pages() -> Vec<(PathBuf, String)> {
    let mut found: Vec<PathBuf> = PAGES.iter().map(PathBuf::from).collect();
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    let read = |path: PathBuf| (fs::read_to_string(root().join(&path)).unwrap(), path);
    found
        .into_iter()
        .map(read)
        .map(|(text, path)| (path, text))
        .collect()
}

/// The prose of a page: without its blocks of code.
pub(super) fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

#[test]
fn pages_say_client_socket_or_caller_and_not_who() {
    let pages = pages();
    assert!(pages.len() > 40, "the pages were found: {}", pages.len());
    let lines = pages
        .iter()
        .flat_map(|(page, text)| prose(text).map(move |line| (page, line)));
    let vague: Vec<_> = lines.filter(|(_, line)| has_word(line, &PRONOUNS)).collect();
    assert!(vague.is_empty(), "say which one: {vague:#?}");
}

/// A row that goes on in the next line is two rows, or none.
#[test]
fn a_row_of_a_table_is_one_line() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for (page, text) in pages() {
        for row in prose(&text).filter(|line| line.starts_with('|')) {
            seen += 1;
            if !row.trim_end().ends_with('|') {
                broken.push(format!("{}: {row}", page.display()));
            }
        }
    }
    assert!(seen > 500, "the rows were found: {seen}");
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Blocks of Rust in pages are doc tests, or stand in a program that the tests compile.
#[test]
fn every_example_of_a_page_is_compiled() {
    let compiled = fs::read_to_string(root().join("src/book.rs")).unwrap();
    let read = |name| fs::read_to_string(root().join("examples/orders").join(name)).unwrap();
    let programs = ["main.rs", "tests.rs", "index.html"]
        .map(read)
        .map(|text| words(&text));
    let mut held = 0;
    for (page, text) in pages().into_iter().filter(|(page, _)| page.starts_with("docs")) {
        let name = page.to_str().unwrap();
        let is_tested = compiled.contains(&format!("../{name}"));
        for block in blocks(&text) {
            let (kind, code) = block.split_once('\n').unwrap();
            if kind == "rust,ignore" || name.starts_with("docs/tutorial") && kind == "html" {
                held += 1;
                let code = words(code);
                let is_in = programs.iter().any(|program| program.contains(&code));
                assert!(is_in, "{name}: not in examples/orders: {code}");
            } else if kind.starts_with("rust") {
                assert!(is_tested, "src/book.rs does not compile {name}");
            }
        }
    }
    assert!(held > 5, "blocks of the tutorial were found: {held}");
}

/// What a reader pastes into a file of its own parses there.
#[test]
fn every_script_of_a_page_parses() {
    let directory = tempfile::tempdir().unwrap();
    let (mut seen, mut faults) = (0, Vec::new());
    for (page, text) in pages() {
        for script in blocks(&text).filter_map(|block| block.strip_prefix("js\n")) {
            seen += 1;
            let file = directory.path().join(format!("{seen}.mjs"));
            fs::write(&file, script).unwrap();
            let checked = Command::new("node").arg("--check").arg(&file).output().unwrap();
            if !checked.status.success() {
                let said = String::from_utf8_lossy(&checked.stderr).into_owned();
                faults.push(format!("{}: {said}", page.display()));
            }
        }
    }
    assert!(seen > 20, "the scripts were found: {seen}");
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The blocks of code of a page, each with its kind in its first line.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n```").skip(1).step_by(2)
}

/// A text whatever its breaks of lines and indentation.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
