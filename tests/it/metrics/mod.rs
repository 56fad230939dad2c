//! What a server reports at `/metrics`.

mod calls;
mod documented;
mod expressions;
mod topics;

use updraft::{App, Config, HttpConfig, SessionConfig};

use crate::support::{HEARTBEAT, Http, Local};

/// A server that may be watched.
async fn watched(app: App) -> Local {
    let config = Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        // A client that reads nothing stays as long as the story wants it.
        session: SessionConfig {
            ping_interval: HEARTBEAT,
            send_timeout: HEARTBEAT,
            ..SessionConfig::default()
        },
        ..Config::default()
    };
    Local::start(app, config).await
}

/// All that it tells now.
pub(crate) fn told(local: &Local) -> String {
    let response = Http::get(&local.url, "/metrics", &[]);
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(response.body.ends_with("# EOF\n"), "{}", response.body);
    response.body
}

/// One figure, by its name and labels.
fn figure(local: &Local, series: &str) -> f64 {
    let text = told(local);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{series} ")));
    let line = line.unwrap_or_else(|| panic!("{series} is not told: {text}"));
    line.parse().unwrap()
}
