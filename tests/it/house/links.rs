//! Links of the documentation: each leads to a file, a place in it, and stands in the book.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

use super::{
    pages::{pages, prose},
    root,
};

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
