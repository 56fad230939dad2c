//! Metrics by OTLP are those of `/metrics`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point::Value};
use serde_json::json;
use updraft::{App, HttpConfig, Module, Topic, everyone, journal::MemoryJournal};

use super::{Collector, telling};
use crate::{
    metrics::told,
    support::{HEARTBEAT, Local, until},
};

/// Series and their values, as `/metrics` writes them.
fn series(metrics: &[Metric]) -> BTreeMap<String, String> {
    let points = |metric: &Metric| match metric.data.clone().unwrap() {
        Data::Sum(sum) => sum.data_points,
        Data::Gauge(gauge) => gauge.data_points,
        other => panic!("{other:?}"),
    };
    let all = metrics.iter().flat_map(|metric| {
        points(metric)
            .into_iter()
            .map(|point| (metric.name.clone(), point))
    });
    all.map(|(name, point)| {
        let labels = point
            .attributes
            .iter()
            .map(|label| {
                (
                    &*label.key,
                    super::collector::attribute(&point.attributes, &label.key),
                )
            })
            .map(|(name, value)| format!("{name}=\"{}\"", value.unwrap()));
        let labels = labels.collect::<Vec<_>>().join(",");
        let labels = if labels.is_empty() {
            labels
        } else {
            format!("{{{labels}}}")
        };
        let value = match point.value.unwrap() {
            Value::AsInt(whole) => whole.to_string(),
            Value::AsDouble(number) => format!("{number:?}"),
        };
        (format!("{name}{labels}"), value)
    })
    .collect()
}

fn written(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').unwrap());
    pairs
        .map(|(series, value)| (series.to_owned(), value.to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_series_of_the_page_arrives_with_its_value() {
    let collector = Collector::start().await;
    let mut config = telling(&collector);
    config.telemetry.interval = Duration::from_millis(50);
    config.http = HttpConfig {
        metrics: true,
        ..HttpConfig::default()
    };
    let app = App::new()
        .module(Module::new("api.test").on("answer", async || "yes"))
        .journal(Arc::new(MemoryJournal::new().unwrap()))
        .topic(Topic::new("board").readable_by(everyone));
    let local = Local::start(app, config).await;
    let mut client = local.client().await;
    for event in ["api.test.answer", "api.test.answer", "api.test.none"] {
        client.call(&json!({"event": event})).await;
    }
    let newest = || collector.got(|got| got.metrics.last().map(|metrics| series(metrics)));
    until("the metrics of the page", || {
        newest() == Some(written(&told(&local)))
    })
    .await;
    let now = newest().unwrap();
    assert_eq!(now["updraft_calls_total{outcome=\"ok\"}"], "2");
    assert_eq!(now["updraft_calls_total{outcome=\"unknown_event\"}"], "1");
    assert_eq!(now["updraft_sockets"], "1");
    assert_eq!(now["updraft_topic_head{topic=\"board\"}"], "0");
    local.server.stop().await;
}

/// What a server told, all in all, that tells no figures before it stops.
async fn told_at_its_end() -> Option<String> {
    let collector = Collector::start().await;
    let mut config = telling(&collector);
    config.telemetry.interval = HEARTBEAT;
    let app = App::new().module(Module::new("api.test").on("answer", async || "yes"));
    let local = Local::start(app, config).await;
    let mut client = local.client().await;
    client.call(&json!({"event": "api.test.answer"})).await;
    local.server.stop().await;
    let newest = collector.got(|got| got.metrics.last().map(|metrics| series(metrics)));
    newest?.remove("updraft_calls_total{outcome=\"ok\"}")
}

/// It has two seconds for that, which is little where others work too.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_figures_are_told_once_more_when_a_server_stops() {
    const ROUNDS: usize = 5;
    for _ in 1..ROUNDS {
        if told_at_its_end().await.as_deref() == Some("1") {
            return;
        }
    }
    assert_eq!(told_at_its_end().await.as_deref(), Some("1"));
}
