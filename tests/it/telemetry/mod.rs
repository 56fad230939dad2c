//! What a collector of OpenTelemetry is told: by a server, to a collector inside the test.

mod away;
mod collector;
mod emits;
mod journal;
mod logs;
mod metrics;
mod traces;

use updraft::{Config, TelemetryConfig};

use self::collector::Collector;

/// The trace and the span of a page.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// The page's span as a client sends it.
fn sampled() -> String {
    format!("00-{TRACE}-{SPAN}-01")
}

/// A server that tells this collector.
fn telling(collector: &Collector) -> Config {
    to(&collector.url)
}

fn to(url: &str) -> Config {
    Config {
        telemetry: TelemetryConfig {
            endpoint: Some(url.to_owned()),
            ..TelemetryConfig::default()
        },
        ..Config::default()
    }
}
