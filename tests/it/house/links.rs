//! Links of the documentation: each leads to a file, a place in it, and stands in the book.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

use super::root;

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
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// A line without what it quotes as code.
fn unquoted(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

fn links(text: &str) -> Vec<String> {
    let lines = prose(text).map(unquoted);
    let targets = |line: String| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.map(str::to_owned).collect::<Vec<_>>()
    };
    lines.flat_map(targets).collect()
}

/// The places of a page that a link may name: its headings, as forges and mdBook write them, and its anchors.
fn places(text: &str) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    for line in prose(text) {
        if let Some(name) = line.split("<a name=\"").nth(1) {
            places.insert(name.split('"').next().unwrap().to_owned());
        }
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && heading.starts_with(' ') {
            let heading = heading.trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
            places.insert(
                kept.map(|letter| if letter == ' ' { '-' } else { letter })
                    .collect(),
            );
        }
    }
    places
}

/// Where a link leads, from the root.
fn target(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap().to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path
}

/// What a page's link lacks.
fn fault(page: &Path, text: &str, link: &str, book: &[String]) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, place) = link.split_once('#').unwrap_or((link, ""));
    let path = match file {
        "" => page.to_owned(),
        file => target(page, file),
    };
    let fault = |what: &str| Some(format!("{}: {link} {what}", page.display()));
    if !root().join(&path).exists() {
        return fault("leads nowhere");
    }
    if !book.iter().any(|part| path.starts_with(part)) {
        return fault("is not in the book (Makefile, BOOK)");
    }
    let is_page = path.extension().is_some_and(|end| end == "md");
    let has_place = || match file {
        "" => places(text).contains(place),
        _ => places(&fs::read_to_string(root().join(&path)).unwrap()).contains(place),
    };
    (is_page && !place.is_empty() && !has_place())
        .then(|| fault("names no heading"))
        .flatten()
}

/// What `make book` takes.
fn book() -> Vec<String> {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let line = makefile.lines().find_map(|line| line.strip_prefix("BOOK = "));
    let parts = line.unwrap().split_whitespace().chain(["docs"]);
    parts.map(str::to_owned).collect()
}

#[test]
fn every_link_leads_to_a_place_in_the_book() {
    let (mut seen, mut faults) = (0, Vec::new());
    for (page, text) in pages() {
        let links = links(&text);
        seen += links.len();
        faults.extend(links.iter().filter_map(|link| fault(&page, &text, link, &book())));
    }
    assert!(seen > 200, "the links were found: {seen}");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let fault = |link: &str| fault(Path::new("docs/topics.md"), "# Topics\n", link, &book());
    assert_eq!(fault("../README.md#errors"), None);
    assert_eq!(fault("#topics"), None);
    assert_eq!(fault("https://example.org/#x"), None);
    for broken in ["gone.md", "../README.md#gone", "#gone", "../src/lib.rs"] {
        assert!(fault(broken).is_some(), "{broken}");
    }
}

/// mdBook makes a page of a chapter alone; of what is no chapter, links in the book lead nowhere.
#[test]
fn every_page_stands_in_the_summary() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let summary: BTreeSet<PathBuf> = links(&summary)
        .iter()
        .map(|link| target(Path::new("docs/SUMMARY.md"), link))
        .collect();
    let pages: BTreeSet<PathBuf> = pages().into_iter().map(|(page, _)| page).collect();
    assert_eq!(pages, summary);
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
        for block in text.split("\n```").skip(1).step_by(2) {
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

/// A text whatever its breaks of lines and indentation.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
