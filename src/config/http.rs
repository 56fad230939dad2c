//! Settings of HTTP requests.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{Args, builder::BoolishValueParser};
use ipnet::IpNet;

use super::time::{time, written};

/// Requests: origins, proxies, time-outs, and what is served beside `/socket.io/`.
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

    /// Directory with socket.io.js, to serve it at /socket.io/ as Node does
    #[arg(long, env = "UPDRAFT_CLIENT_BUNDLE", value_name = "DIR")]
    pub client_bundle: Option<PathBuf>,

    /// Serve Prometheus metrics at /metrics, without authentication
    #[arg(long, env = "UPDRAFT_METRICS", value_parser = BoolishValueParser::new())]
    pub metrics: bool,

    /// Longest time for a client to send the head of a request
    #[arg(long, env = "UPDRAFT_HEADER_TIMEOUT", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().header_timeout))]
    pub header_timeout: Duration,

    /// Longest time for a polling client to send the body of a POST
    #[arg(long, env = "UPDRAFT_BODY_TIMEOUT", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().body_timeout))]
    pub body_timeout: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            client_bundle: None,
            metrics: false,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
        }
    }
}

/// An address is a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "write it as 10.0.0.7 or 10.0.0.0/8".to_owned())
}
