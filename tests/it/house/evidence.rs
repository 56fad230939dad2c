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

/// The cells of the rows of the page's first two tables: a claim, its stories, and what they came to.
fn rows(page: &str) -> Vec<[&str; 3]> {
    let tables = page.split("## What it costs").next().expect("the tables");
    let rows = tables
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").collect();
        cells.try_into().expect("three cells")
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
    let stories: Vec<_> = rows(&evidence)
        .into_iter()
        .flat_map(|[_, stories, _]| stories.split('`').skip(1).step_by(2))
        .collect();
    assert!(stories.len() > 40, "{stories:?}");
    let modules: Vec<_> = rust_files("tests/it")
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a file");
            let inside = path.strip_prefix(root().join("tests/it")).expect("inside");
            let module = inside.with_extension("").to_string_lossy().replace('/', "::");
            (module.trim_end_matches("::mod").to_owned(), text)
        })
        .collect();
    for story in stories {
        let is_there = |(module, text): &(String, String)| {
            let within = story.strip_prefix(&format!("{module}::"));
            module == story || within.is_some_and(|name| text.contains(&format!("fn {name}(")))
        };
        assert!(modules.iter().any(is_there), "{story}");
    }
}

/// Of how many stories depends on the day, but none failed.
#[test]
fn each_claim_stands_beside_what_its_stories_came_to() {
    for [claim, _, result] in rows(&page("docs/evidence.md")) {
        let passed = result
            .strip_suffix(" passed")
            .and_then(|count| count.parse().ok());
        assert!(passed.is_some_and(|count: u32| count > 0), "{claim}: {result}");
    }
}
