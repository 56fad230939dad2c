//! Every setting of a server, with its default, its flag and its `UPDRAFT_*` variable, in one place.

mod auth;
mod time;

use std::{net::IpAddr, net::Ipv4Addr, path::PathBuf, time::Duration};

use clap::Args;
use semver::Version;

pub use self::auth::{AuthConfig, Secret};
use self::time::time;
use crate::{call::payload::Limits, journal::Durability};

/// How a server runs. `Default` is what `updraft serve` does without flags.
///
/// ```
/// let config = updraft::Config { port: 0, ..updraft::Config::default() };
/// assert_eq!(config.host.to_string(), "127.0.0.1");
/// ```
#[derive(Args, Clone, Debug, PartialEq)]
pub struct Config {
    /// Address to listen on
    #[arg(long, env = "UPDRAFT_HOST", default_value_t = Config::default().host)]
    pub host: IpAddr,

    /// Port to listen on; 0 takes a free one. UPDRAFT_PORT goes before PORT
    #[arg(long, env = "UPDRAFT_PORT", default_value_t = default_port())]
    pub port: u16,

    /// Origins whose pages may poll across sites, separated by commas; `*` for all. (WebSockets are not asked)
    #[arg(
        long,
        env = "UPDRAFT_CORS_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    pub cors_origins: Vec<String>,

    /// Directory that holds socket.io.js, to serve it at /socket.io/ as Node does
    #[arg(long, env = "UPDRAFT_CLIENT_BUNDLE", value_name = "DIR")]
    pub client_bundle: Option<PathBuf>,

    /// Serve figures for Prometheus at /metrics, to whoever asks
    #[arg(long, env = "UPDRAFT_METRICS", value_parser = clap::builder::BoolishValueParser::new())]
    pub metrics: bool,

    /// Oldest version of a client that will do, as in 1.2.0: a page that says an older one in its handshake is told
    /// to reload (`server.reload`)
    #[arg(long, env = "UPDRAFT_MIN_CLIENT", value_name = "VERSION")]
    pub min_client: Option<Version>,

    /// Directory of the journal, made where it is missing
    #[arg(long, env = "UPDRAFT_DATA", value_name = "DIR", default_value = "./data")]
    pub data: PathBuf,

    /// What a published event survives once it is acked
    #[arg(
        long,
        env = "UPDRAFT_DURABILITY",
        value_name = "CAUSE",
        value_enum,
        default_value = "power-loss"
    )]
    pub durability: Durability,

    /// How long the id of a call is remembered, for the caller to try it again and have it done once
    #[arg(long, env = "UPDRAFT_REMEMBER_CALLS", value_name = "TIME", value_parser = time, default_value = "24h")]
    pub remember_calls: Duration,

    /// Largest call as it arrives, Buffers included, in bytes
    #[arg(long, env = "UPDRAFT_MAX_CALL", value_name = "BYTES", default_value_t = Config::default().max_call)]
    pub max_call: usize,

    /// Largest call, or data, after unpacking, in bytes
    #[arg(long, env = "UPDRAFT_MAX_UNPACKED", value_name = "BYTES", default_value_t = Config::default().max_unpacked)]
    pub max_unpacked: usize,

    /// Deepest nesting of arrays and objects in a call; 127 at most
    #[arg(long, env = "UPDRAFT_MAX_DEPTH", value_name = "LEVELS", default_value_t = Config::default().max_depth,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=Limits::DEEPEST as u64))]
    pub max_depth: usize,

    /// How long a function may take
    #[arg(long, env = "UPDRAFT_CALL_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "30s")]
    pub call_timeout: Duration,

    /// Calls of one socket that run at once
    #[arg(long, env = "UPDRAFT_MAX_RUNNING", value_name = "CALLS", default_value_t = Config::default().max_running,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub max_running: usize,

    /// Calls of one WebSocket that wait to run; reading pauses at half of it. (A polling POST comes in whole)
    #[arg(long, env = "UPDRAFT_MAX_WAITING", value_name = "CALLS", default_value_t = Config::default().max_waiting,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..))]
    pub max_waiting: usize,

    /// How long reading pauses for a crowd of calls of one socket; what comes after that is `overloaded`. Shorter
    /// than the ping time-out, as the client's heartbeat waits too
    #[arg(long, env = "UPDRAFT_READ_PAUSE", value_name = "TIME", value_parser = time, default_value = "10s")]
    pub read_pause: Duration,

    /// How long an emit waits for room in a slow client's queue, and how long a client may read nothing
    #[arg(long, env = "UPDRAFT_SEND_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "30s")]
    pub send_timeout: Duration,

    /// TCP connections at once; more are told 503
    #[arg(long, env = "UPDRAFT_MAX_CONNECTIONS", value_name = "CONNECTIONS", default_value_t = Config::default().max_connections)]
    pub max_connections: usize,

    /// Longest that a client may take to send a request's head
    #[arg(long, env = "UPDRAFT_HEADER_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "10s")]
    pub header_timeout: Duration,

    /// Longest that sent bytes may stay unacknowledged by the other end's TCP
    #[arg(long, env = "UPDRAFT_TCP_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "30s")]
    pub tcp_timeout: Duration,

    /// How often the server pings a client
    #[arg(long, env = "UPDRAFT_PING_INTERVAL", value_name = "TIME", value_parser = time, default_value = "25s")]
    pub ping_interval: Duration,

    /// How long the client has to answer a ping
    #[arg(long, env = "UPDRAFT_PING_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "20s")]
    pub ping_timeout: Duration,

    /// How long a stopping server waits for the calls that run
    #[arg(long, env = "UPDRAFT_DRAIN_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "10s")]
    pub drain_timeout: Duration,

    /// How the server learns who its clients are
    #[command(flatten)]
    pub auth: AuthConfig,
}

impl Default for Config {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 3000,
            cors_origins: Vec::new(),
            client_bundle: None,
            metrics: false,
            min_client: None,
            data: PathBuf::from("./data"),
            durability: Durability::default(),
            remember_calls: Duration::from_secs(24 * 60 * 60),
            max_call: limits.packed,
            max_unpacked: limits.unpacked,
            max_depth: limits.depth,
            call_timeout: Duration::from_secs(30),
            max_running: 32,
            max_waiting: 1024,
            read_pause: Duration::from_secs(10),
            send_timeout: Duration::from_secs(30),
            max_connections: 20_000,
            header_timeout: Duration::from_secs(10),
            tcp_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            drain_timeout: Duration::from_secs(10),
            auth: AuthConfig::default(),
        }
    }
}

impl Config {
    /// The bounds on one call.
    pub fn limits(&self) -> Limits {
        Limits {
            packed: self.max_call,
            unpacked: self.max_unpacked,
            depth: self.max_depth.min(Limits::DEEPEST),
        }
    }
}

/// `PORT`, as hosting platforms set it, else the default.
fn default_port() -> u16 {
    std::env::var("PORT")
        .ok()
        .and_then(|port| port.parse().ok())
        .unwrap_or(Config::default().port)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches, Parser};

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        config: Config,
    }

    #[test]
    fn no_flags_are_the_default() {
        let matches = Flags::command()
            .mut_args(|arg| arg.env(None::<&str>))
            .get_matches_from(["updraft"]);
        let config = Flags::from_arg_matches(&matches).unwrap().config;
        assert_eq!(
            config,
            Config {
                port: config.port,
                ..Config::default()
            }
        );
    }
}
