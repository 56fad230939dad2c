//! Settings of HTTP requests.

use std::{path::PathBuf, time::Duration};

use clap::{Args, builder::BoolishValueParser};
use ipnet::IpNet;

use super::{
    time::{time, written},
    value::network,
};

/// The path that clients use by default.
const PATH: &str = "/socket.io";

/// Requests: origins, proxies, time-outs, and what is served beside `/socket.io/`.
///
/// ```
/// let mut config = updraft::Config::default();
/// config.http.allowed_origins = vec!["https://shop.example".to_owned()];
/// config.http.metrics = true;
/// ```
#[derive(Args, Clone, Debug, PartialEq)]
pub struct HttpConfig {
    /// Origins whose pages may connect, beside the server's own, separated by commas: `https://example.org`,
    /// `https://*.example.org` for one label, `null`, `file://`; `*` for all. A client without an `Origin` header (not a
    /// browser) is not checked
    #[arg(
        long,
        env = "UPDRAFT_ALLOWED_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    pub allowed_origins: Vec<String>,

    /// Proxies whose `X-Forwarded-For` and `Forwarded` headers are trusted, as addresses or networks, separated by commas
    #[arg(
        long,
        env = "UPDRAFT_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_name = "NETWORK",
        value_parser = network
    )]
    pub trusted_proxies: Vec<IpNet>,

    /// Paths of Socket.IO, separated by commas, as a proxy forwards them: `/socket.io`, `/app/socket.io`
    #[arg(
        long,
        env = "UPDRAFT_PATH",
        value_delimiter = ',',
        value_name = "PATH",
        default_value = PATH
    )]
    pub path: Vec<String>,

    /// Directory with socket.io.js, to serve it under each path in place of the one in the crate
    #[arg(long, env = "UPDRAFT_CLIENT_BUNDLE", value_name = "DIR")]
    pub client_bundle: Option<PathBuf>,

    /// Serve Prometheus metrics at /metrics, without authentication
    #[arg(long, env = "UPDRAFT_METRICS", value_parser = BoolishValueParser::new())]
    pub metrics: bool,

    /// Longest time for a client to send the head of a request
    #[arg(long, env = "UPDRAFT_HEADER_TIMEOUT", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().header_timeout))]
    pub header_timeout: Duration,

    /// Longest time to receive what comes in parts: a POST, a WebSocket message, a packet with its Buffers; one second more
    /// for each 8 KiB received
    #[arg(long, env = "UPDRAFT_BODY_TIMEOUT", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().body_timeout))]
    pub body_timeout: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            path: vec![PATH.to_owned()],
            client_bundle: None,
            metrics: false,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
        }
    }
}

impl HttpConfig {
    /// The paths of Socket.IO: each once, without its last slash.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        for path in &self.path {
            let path = path.trim().trim_end_matches('/');
            if !paths.iter().any(|known| known == path) {
                paths.push(path.to_owned());
            }
        }
        paths
    }
}
