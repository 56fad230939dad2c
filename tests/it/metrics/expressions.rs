//! The dashboard and the alert rules ask for metrics that a server has, by labels that these have.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use updraft::{App, Topic, journal::MemoryJournal};

use super::{told, watched};

const DASHBOARD: &str = include_str!("../../../packaging/grafana/updraft.json");
const ALERTS: &str = include_str!("../../../packaging/prometheus/alerts.yaml");

/// Labels that Prometheus gives each series by itself.
const GIVEN: [&str; 2] = ["job", "instance"];

/// Each series name, with the values of its label.
type Series = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Label, operator, value.
type Matcher = (String, String, String);

/// What a server has.
async fn served() -> Series {
    let journal = std::sync::Arc::new(MemoryJournal::new().unwrap());
    let local = watched(App::new().journal(journal).topic(Topic::new("board"))).await;
    let text = told(&local);
    let mut served = Series::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let known = served.entry(name.to_owned()).or_default();
        for (label, _, value) in matchers(labels.trim_end_matches('}')) {
            known.entry(label).or_default().insert(value);
        }
    }
    served
}

/// `label="value",label=~"value|value"`.
fn matchers(text: &str) -> Vec<Matcher> {
    let mut parts = text.split('"');
    let mut all = Vec::new();
    while let (Some(head), Some(value)) = (parts.next(), parts.next()) {
        let head = head.trim_matches([',', ' ']);
        let label: String = head.chars().take_while(|letter| is_word(*letter)).collect();
        all.push((label.clone(), head[label.len()..].to_owned(), value.to_owned()));
    }
    all
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// What an expression asks for: series and their matchers; and the labels that it groups by.
fn asked(expression: &str) -> (Vec<(String, Vec<Matcher>)>, Vec<String>) {
    let starts = expression.match_indices("updraft_").map(|(at, _)| at);
    let starts = starts.filter(|at| !expression[..*at].ends_with(is_word) && !is_quoted(expression, *at));
    let series = starts.map(|at| {
        let rest = &expression[at..];
        let name: String = rest.chars().take_while(|letter| is_word(*letter)).collect();
        let matched = rest[name.len()..]
            .strip_prefix('{')
            .and_then(|rest| rest.split('}').next());
        (name, matched.map(matchers).unwrap_or_default())
    });
    let groups = ["by (", "without (", "on (", "ignoring ("];
    let groups = groups
        .into_iter()
        .flat_map(|group| expression.split(group).skip(1));
    let grouped = groups.flat_map(|rest| rest.split(')').next().unwrap().split(','));
    (
        series.collect(),
        grouped.map(|label| label.trim().to_owned()).collect(),
    )
}

fn is_quoted(expression: &str, at: usize) -> bool {
    expression[..at].matches('"').count() % 2 == 1
}

/// The expressions of all panels.
fn of_dashboard() -> Vec<String> {
    let board: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = board["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect()
}

/// The expressions of all rules, each of which is one line.
fn of_alerts() -> Vec<String> {
    let lines = ALERTS.lines().map(str::trim_start);
    lines
        .filter_map(|line| line.strip_prefix("expr: "))
        .map(str::to_owned)
        .collect()
}

fn check(expression: &str, served: &Series) {
    let (series, grouped) = asked(expression);
    let mut labels: BTreeSet<&str> = GIVEN.into();
    for (name, matchers) in &series {
        let known = served
            .get(name)
            .unwrap_or_else(|| panic!("no metric {name}: {expression}"));
        labels.extend(known.keys().map(String::as_str));
        for (label, operator, values) in matchers {
            if GIVEN.contains(&&**label) {
                continue;
            }
            let has = known.get(label);
            let has = has.unwrap_or_else(|| panic!("{name} has no label {label}: {expression}"));
            assert!(["=", "=~"].contains(&&**operator), "{operator}: {expression}");
            for value in values.split('|') {
                assert!(has.contains(value), "no {label} {value}: {expression}");
            }
        }
    }
    for label in grouped {
        assert!(
            labels.contains(&*label),
            "nothing has the label {label}: {expression}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_and_the_alerts_ask_for_what_a_server_tells() {
    let served = served().await;
    let (dashboard, alerts) = (of_dashboard(), of_alerts());
    assert!(dashboard.len() > 20);
    assert_eq!(alerts.len(), ALERTS.matches("alert: ").count());
    for expression in dashboard.iter().chain(&alerts) {
        check(expression, &served);
    }
    let shown = dashboard.iter().flat_map(|expression| asked(expression).0);
    let shown: BTreeSet<String> = shown.map(|(name, _)| name).collect();
    let told: BTreeSet<String> = served.into_keys().collect();
    assert_eq!(shown, told, "each metric is in the dashboard");
}

/// What the page says of the rules is what they are.
#[test]
fn the_page_names_each_alert() {
    let page = include_str!("../../../docs/metrics.md");
    let named = ALERTS.lines().filter_map(|line| line.split_once("alert: "));
    let named: BTreeSet<_> = named.map(|(_, name)| name.trim().to_owned()).collect();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `Updraft"));
    let rows: BTreeSet<_> = rows
        .map(|row| format!("Updraft{}", row.split('`').next().unwrap()))
        .collect();
    assert_eq!(rows, named);
}

#[test]
fn expressions_are_read() {
    let (series, grouped) = asked(
        r#"sum by (job, cause) (rate(updraft_bus_lost_total{job=~"updraft_a",cause="away"}[5m])) / updraft_sockets"#,
    );
    let matched = [("job", "=~", "updraft_a"), ("cause", "=", "away")];
    let matched =
        matched.map(|(label, operator, value)| (label.to_owned(), operator.to_owned(), value.to_owned()));
    assert_eq!(
        series,
        [
            ("updraft_bus_lost_total".to_owned(), matched.to_vec()),
            ("updraft_sockets".to_owned(), Vec::new())
        ]
    );
    assert_eq!(grouped, ["job", "cause"]);
}
