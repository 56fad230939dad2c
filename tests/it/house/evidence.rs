//! The page of evidence names each claim of the README, and stories that there are.

use std::fs;

use super::{root, rust_files};

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("a page")
}

/// What stands in bold at the beginning of a claim.
fn claims(readme: &str) -> Vec<&str> {
    let from = readme.find("**As in any").expect("the claims");
    let to = readme[from..].find("The demo, from").expect("their end");
    let lines = readme[from..from + to].lines();
    lines
        .filter_map(|line| line.trim_start_matches("- ").strip_prefix("**"))
        .filter_map(|line| Some(line.split_once("**")?.0))
        .filter(|claim| *claim != "Only here:")
        .collect()
}

/// The names of stories in the last column of the page's first two tables.
fn stories(page: &str) -> Vec<&str> {
    let tables = page.split("## What it costs").next().expect("the tables");
    let rows = tables
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'));
    rows.flat_map(|row| {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().expect("a column");
        cell.split('`').skip(1).step_by(2)
    })
    .collect()
}

#[test]
fn each_claim_of_the_readme_stands_on_the_page_of_evidence() {
    let (readme, evidence) = (page("README.md"), page("docs/evidence.md"));
    let claims = claims(&readme);
    assert!(claims.len() > 8, "{claims:?}");
    for claim in claims {
        assert!(evidence.contains(&format!("**{claim}**")), "{claim}");
    }
}

#[test]
fn each_story_on_the_page_of_evidence_is_there() {
    let evidence = page("docs/evidence.md");
    let stories = stories(&evidence);
    assert!(stories.len() > 40, "{stories:?}");
    let files: Vec<_> = rust_files("tests/it")
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(root().join("tests/it")).expect("inside");
            inside.with_extension("").to_string_lossy().replace('/', "::")
        })
        .collect();
    for story in stories {
        let is_there = |file: &String| file == story || file.strip_suffix("::mod") == Some(story);
        assert!(files.iter().any(is_there), "{story}");
    }
}
