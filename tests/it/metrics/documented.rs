//! `docs/metrics.md` says of every metric what the server says of it.

use std::collections::BTreeSet;

use updraft::{App, Topic, journal::MemoryJournal};

use super::{told, watched};

/// Name of its series, kind, unit, label, meaning.
type Metric = [String; 5];

fn documented() -> BTreeSet<Metric> {
    let text = include_str!("../../../docs/metrics.md");
    let rows = text.lines().filter(|line| line.starts_with("| `updraft_"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').collect();
        let cells: [&str; 5] = cells.try_into().unwrap();
        cells.map(|cell| cell.trim().trim_matches('`').to_owned())
    })
    .collect()
}

/// What follows a keyword and a metric's name.
fn said<'a>(text: &'a str, keyword: &str, name: &str) -> Option<&'a str> {
    let start = format!("# {keyword} {name} ");
    text.lines().find_map(|line| line.strip_prefix(&*start))
}

fn exposed(text: &str) -> BTreeSet<Metric> {
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    kinds
        .map(|kind| {
            let (name, kind) = kind.split_once(' ').unwrap();
            let series = format!("{name}{}", if kind == "counter" { "_total" } else { "" });
            let sample = text.lines().find(|line| line.starts_with(&*series)).unwrap();
            let label = sample
                .split_once('{')
                .map_or("", |(_, rest)| rest.split('=').next().unwrap());
            let help = said(text, "HELP", name).unwrap().trim_end_matches('.');
            let unit = said(text, "UNIT", name).unwrap_or_default();
            [&series, kind, unit, label, help].map(str::to_owned)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_what_the_server_says() {
    let journal = std::sync::Arc::new(MemoryJournal::new().unwrap());
    let local = watched(App::new().journal(journal).topic(Topic::new("board"))).await;
    let text = told(&local);
    assert!(exposed(&text).len() > 10);
    assert_eq!(documented(), exposed(&text));
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    let page = include_str!("../../../docs/metrics.md");
    assert!(
        page.contains("10 for\neach topic, `updraft.revoked` among them, and 56 beside them") && series == 76,
        "{series}"
    );
}

/// Label, metric, value.
type Value = [String; 3];

/// The values of the labels that are known before an app declares a topic.
fn documented_values() -> BTreeSet<Value> {
    let text = include_str!("../../../docs/metrics.md");
    let (_, rows) = text
        .split_once("| label | metric | values |\n|---|---|---|\n")
        .unwrap();
    let rows = rows.lines().take_while(|row| row.starts_with("| "));
    rows.flat_map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [label, metric, values] = cells[..] else {
            panic!("a row has three cells: {row}");
        };
        let (_, values) = values.rsplit_once(": ").unwrap();
        values
            .split(", ")
            .map(|value| [label, metric, value].map(|cell| cell.trim_matches('`').to_owned()))
            .collect::<Vec<_>>()
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_values_of_labels_are_those_that_the_server_has() {
    let journal = std::sync::Arc::new(MemoryJournal::new().unwrap());
    let local = watched(App::new().journal(journal)).await;
    let text = told(&local);
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let values: BTreeSet<Value> = samples
        .filter_map(|sample| {
            let (metric, labels) = sample.split_once('{')?;
            let (label, value) = labels.split_once("=\"")?;
            Some([label, metric, value.split('"').next()?].map(str::to_owned))
        })
        .filter(|[label, ..]| label != "topic")
        .collect();
    assert!(values.len() > 30);
    assert_eq!(documented_values(), values);
}
