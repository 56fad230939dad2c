//! Metrics as OTLP has them, read off what `/metrics` says: what is registered there is there too, by the same names.
//!
//! Source: <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>.

use std::collections::HashMap;

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Metric, NumberDataPoint, Sum, metric::Data, number_data_point::Value,
    },
};

/// The time in which something was counted, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    pub(super) from: u64,
    pub(super) to: u64,
}

/// What is said of a metric before its samples.
#[derive(Default)]
struct Family<'a> {
    kind: &'a str,
    help: &'a str,
    unit: &'a str,
}

/// All metrics of a text in OpenMetrics' form: counters, whose series end in `_total`, and gauges.
pub(super) fn read(text: &str, period: Period) -> Vec<Metric> {
    let mut families: HashMap<&str, Family<'_>> = HashMap::new();
    let mut metrics: Vec<Metric> = Vec::new();
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# ") {
            describe(&mut families, described);
            continue;
        }
        let Some((series, value)) = line.rsplit_once(' ') else {
            continue;
        };
        let (name, labels) = series
            .split_once('{')
            .map_or((series, ""), |(name, rest)| (name, rest.trim_end_matches('}')));
        let Some(family) = families.get(name.strip_suffix("_total").unwrap_or(name)) else {
            continue;
        };
        let Some(value) = number(value) else {
            continue;
        };
        let point = NumberDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: period.from,
            time_unix_nano: period.to,
            value: Some(value),
            ..NumberDataPoint::default()
        };
        let same = metrics.last_mut().filter(|metric| metric.name == name);
        match same.and_then(points) {
            Some(points) => points.push(point),
            None => metrics.push(family.metric(name, point)),
        }
    }
    metrics
}

fn describe<'a>(families: &mut HashMap<&'a str, Family<'a>>, line: &'a str) {
    let mut words = line.splitn(3, ' ');
    let (Some(keyword), Some(name), Some(said)) = (words.next(), words.next(), words.next()) else {
        return;
    };
    let family = families.entry(name).or_default();
    match keyword {
        "TYPE" => family.kind = said,
        "HELP" => family.help = said,
        "UNIT" => family.unit = said,
        _ => {}
    }
}

impl Family<'_> {
    fn metric(&self, name: &str, point: NumberDataPoint) -> Metric {
        let data_points = vec![point];
        let unit = match self.unit {
            "bytes" => "By",
            "seconds" => "s",
            other => other,
        };
        Metric {
            name: name.to_owned(),
            description: self.help.to_owned(),
            unit: unit.to_owned(),
            data: Some(match self.kind {
                "counter" => Data::Sum(Sum {
                    data_points,
                    aggregation_temporality: AggregationTemporality::Cumulative.into(),
                    is_monotonic: true,
                }),
                _ => Data::Gauge(Gauge { data_points }),
            }),
            ..Metric::default()
        }
    }
}

fn points(metric: &mut Metric) -> Option<&mut Vec<NumberDataPoint>> {
    match metric.data.as_mut()? {
        Data::Sum(sum) => Some(&mut sum.data_points),
        Data::Gauge(gauge) => Some(&mut gauge.data_points),
        _ => None,
    }
}

/// Whole numbers stay whole.
fn number(text: &str) -> Option<Value> {
    let whole = text.parse().map(Value::AsInt);
    whole.or_else(|_| text.parse().map(Value::AsDouble)).ok()
}

/// Labels, `name="value",name="value"`. No value has a quote or a backslash: topics are words.
fn attributes(labels: &str) -> Vec<KeyValue> {
    let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| KeyValue {
            key: name.to_owned(),
            value: Some(AnyValue {
                value: Some(any_value::Value::StringValue(value.trim_matches('"').to_owned())),
            }),
            ..KeyValue::default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP updraft_calls Calls that were answered.
# TYPE updraft_calls counter
updraft_calls_total{outcome="ok"} 7
updraft_calls_total{outcome="internal"} 0
# HELP updraft_memory_held_bytes What is held.
# TYPE updraft_memory_held_bytes gauge
# UNIT updraft_memory_held_bytes bytes
updraft_memory_held_bytes 4096
# HELP updraft_tail_lag_seconds How long.
# TYPE updraft_tail_lag_seconds gauge
# UNIT updraft_tail_lag_seconds seconds
updraft_tail_lag_seconds 0.25
# EOF
"#;

    #[test]
    fn each_series_is_a_point_of_its_metric() {
        let period = Period { from: 1, to: 2 };
        let metrics = read(TEXT, period);
        let names: Vec<_> = metrics
            .iter()
            .map(|metric| (&*metric.name, &*metric.unit))
            .collect();
        assert_eq!(
            names,
            [
                ("updraft_calls_total", ""),
                ("updraft_memory_held_bytes", "By"),
                ("updraft_tail_lag_seconds", "s")
            ]
        );
        let Some(Data::Sum(calls)) = &metrics[0].data else {
            panic!("a counter is a sum");
        };
        assert!(calls.is_monotonic);
        let outcomes: Vec<_> = calls
            .data_points
            .iter()
            .map(|point| (point.attributes.clone(), point.value))
            .collect();
        assert_eq!(
            outcomes,
            [
                (attributes("outcome=\"ok\""), Some(Value::AsInt(7))),
                (attributes("outcome=\"internal\""), Some(Value::AsInt(0)))
            ]
        );
        assert_eq!(
            (
                calls.data_points[0].start_time_unix_nano,
                calls.data_points[0].time_unix_nano
            ),
            (1, 2)
        );
        let Some(Data::Gauge(lag)) = &metrics[2].data else {
            panic!("a gauge is a gauge");
        };
        assert_eq!(lag.data_points[0].value, Some(Value::AsDouble(0.25)));
        assert_eq!(metrics[0].description, "Calls that were answered.");
    }
}
