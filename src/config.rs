//! Every setting of a server, in groups: each with its flag, its `UPDRAFT_*` variable and its default, which stands in the
//! group's `Default` and nowhere else.

mod auth;
mod deflate;
mod memory;
mod parser;
mod session;
mod time;
mod tls;
mod value;

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroUsize,
    time::Duration,
};

use clap::Args;

pub use self::auth::{AuthConfig, Secret};
pub use self::deflate::DeflateConfig;
pub use self::parser::Parser;
pub(crate) use self::time::time;
pub use self::tls::TlsConfig;
use self::value::{network, positive};
use crate::{call::payload::Limits, journal::Durability};

/// Where the help and `docs/configuration.md` list what bounds clients.
const LIMITS: &str = "Limits";

/// Nine times what a socket of the benchmark calls, and a third of what a server of two cores answers in all: nobody
/// who works is stopped, and nobody alone takes the whole of it.
const CALL_RATE: u32 = 100_000;

/// Two seconds of it.
const CALL_BURST: u32 = 200_000;

/// How a server runs. `Default` is what `updraft serve` does without flags.
///
/// ```
/// use updraft::{Config, LimitsConfig};
///
/// let config = Config {
///     port: 0,
///     limits: LimitsConfig { max_rooms: 10, ..LimitsConfig::default() },
///     ..Config::default()
/// };
/// assert_eq!(config.host.to_string(), "127.0.0.1");
/// ```
#[derive(Args, Clone, Debug, PartialEq)]
pub struct Config {
    /// Address to listen on
    #[arg(long, env = "UPDRAFT_HOST", help_heading = "Server", default_value_t = Self::default().host)]
    pub host: IpAddr,

    /// Port to listen on; 0 takes a free one. UPDRAFT_PORT goes before PORT
    #[arg(long, env = port_variable(), default_value_t = Config::default().port)]
    pub port: u16,

    /// Worker threads that serve sockets, one runtime each; by default one per core. As many threads run functions that
    /// compute or block
    #[arg(long, env = "UPDRAFT_CORES", help_heading = "Server", value_name = "THREADS")]
    pub cores: Option<NonZeroUsize>,

    /// Origins whose pages may connect beside those of the server's own, separated by commas: `https://example.org`,
    /// `https://*.example.org` for one label, `null`, `file://`; `*` for all. What is no browser names no origin, and is
    /// not asked
    #[arg(
        long,
        env = "UPDRAFT_ALLOWED_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    pub allowed_origins: Vec<String>,

    /// Proxies that are believed whom they forward for (`X-Forwarded-For`, `Forwarded`), as addresses or networks,
    /// separated by commas
    #[arg(
        long,
        env = "UPDRAFT_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_name = "NETWORK",
        value_parser = network
    )]
    pub trusted_proxies: Vec<IpNet>,

    /// Paths under which clients find Socket.IO, separated by commas, with what a proxy leaves in front: `/socket.io`,
    /// `/app/socket.io`
    #[arg(
        long,
        env = "UPDRAFT_PATH",
        value_delimiter = ',',
        value_name = "PATH",
        default_value = "/socket.io"
    )]
    pub path: Vec<String>,

    /// Directory that holds socket.io.js, to serve it under each of those paths as Node does
    #[arg(long, env = "UPDRAFT_CLIENT_BUNDLE", value_name = "DIR")]
    pub client_bundle: Option<PathBuf>,

    /// How packets are written: all clients have the same
    #[arg(
        long,
        env = "UPDRAFT_PARSER",
        value_name = "PARSER",
        value_enum,
        default_value = "json"
    )]
    pub parser: Parser,

    /// Whether messages over WebSockets are compressed
    #[command(flatten)]
    pub deflate: DeflateConfig,

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

    /// TCP connections at once; more are told 503
    #[arg(long, env = "UPDRAFT_MAX_CONNECTIONS", value_parser = positive, value_name = "CONNECTIONS", default_value_t = Config::default().max_connections,
        help_heading = LIMITS)]
    pub max_connections: usize,

    /// Connections at once of one client's address; more are told 503. Of IPv6, a network of 64 bits counts as one
    #[arg(long, env = "UPDRAFT_MAX_CONNECTIONS_PER_ADDRESS", value_parser = positive, value_name = "CONNECTIONS",
        default_value_t = Config::default().max_connections_per_address, help_heading = LIMITS)]
    pub max_connections_per_address: usize,

    /// Longest that a client may take to send a request's head
    #[arg(long, env = "UPDRAFT_HEADER_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "10s",
        help_heading = LIMITS)]
    pub header_timeout: Duration,

    /// Longest that what comes in parts may take to be whole: a POST, a message of a WebSocket, a packet with its Buffers. A
    /// second more for each 8 KiB that came
    #[arg(long, env = "UPDRAFT_BODY_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "20s",
        help_heading = LIMITS)]
    pub body_timeout: Duration,

    /// Longest from a connection's first byte to its socket's CONNECT
    #[arg(long, env = "UPDRAFT_HANDSHAKE_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "20s",
        help_heading = LIMITS)]
    pub handshake_timeout: Duration,

    /// Calls of one connection in a second, over time and over all its namespaces
    #[arg(long, env = "UPDRAFT_CALL_RATE", value_name = "CALLS", default_value_t = Config::default().call_rate,
        help_heading = LIMITS, value_parser = clap::value_parser!(u32).range(1..))]
    pub call_rate: u32,

    /// Calls of one connection at once, after which the rate holds
    #[arg(long, env = "UPDRAFT_CALL_BURST", value_name = "CALLS", default_value_t = Config::default().call_burst,
        help_heading = LIMITS, value_parser = clap::value_parser!(u32).range(1..))]
    pub call_burst: u32,

    /// Connections at once of one subject, on which it has said who it is
    #[arg(long, env = "UPDRAFT_MAX_CONNECTIONS_PER_SUBJECT", value_parser = positive, value_name = "CONNECTIONS",
        default_value_t = Config::default().max_connections_per_subject, help_heading = LIMITS)]
    pub max_connections_per_subject: usize,

    /// Calls of one subject in a second, over time and over all its sockets
    #[arg(long, env = "UPDRAFT_CALL_RATE_PER_SUBJECT", value_name = "CALLS", default_value_t = Config::default().call_rate_per_subject,
        help_heading = LIMITS, value_parser = clap::value_parser!(u32).range(1..))]
    pub call_rate_per_subject: u32,

    /// Calls of one subject at once, after which the rate holds
    #[arg(long, env = "UPDRAFT_CALL_BURST_PER_SUBJECT", value_name = "CALLS", default_value_t = Config::default().call_burst_per_subject,
        help_heading = LIMITS, value_parser = clap::value_parser!(u32).range(1..))]
    pub call_burst_per_subject: u32,

    /// Bytes that one connection may send in a second, and at once; what comes faster is not read for a while
    #[arg(long, env = "UPDRAFT_BYTE_RATE", value_name = "BYTES", default_value_t = Config::default().byte_rate,
        help_heading = LIMITS, value_parser = clap::value_parser!(u32).range(65_536..=1_000_000_000))]
    pub byte_rate: u32,

    /// Topics that one socket may be subscribed to
    #[arg(long, env = "UPDRAFT_MAX_SUBSCRIPTIONS", value_name = "TOPICS", default_value_t = Config::default().max_subscriptions,
        help_heading = LIMITS)]
    pub max_subscriptions: usize,

    /// Rooms that one socket may be in
    #[arg(long, env = "UPDRAFT_MAX_ROOMS", value_name = "ROOMS", default_value_t = Config::default().max_rooms,
        help_heading = LIMITS)]
    pub max_rooms: usize,

    /// Namespaces that one connection may be in
    #[arg(long, env = "UPDRAFT_MAX_NAMESPACES", value_parser = positive, value_name = "NAMESPACES",
        default_value_t = Config::default().max_namespaces, help_heading = LIMITS)]
    pub max_namespaces: usize,

    /// Largest call as it arrives, Buffers included, in bytes
    #[arg(long, env = "UPDRAFT_MAX_CALL", value_parser = positive, value_name = "BYTES", default_value_t = Config::default().max_call,
        help_heading = LIMITS)]
    pub max_call: usize,

    /// Largest call, or data, after unpacking, in bytes
    #[arg(long, env = "UPDRAFT_MAX_UNPACKED", value_parser = positive, value_name = "BYTES", default_value_t = Config::default().max_unpacked,
        help_heading = LIMITS)]
    pub max_unpacked: usize,

    /// Bytes held for all clients together: calls that come in, wait and run, what they unpack to, answers that wait; a
    /// quarter of the machine's memory, or of its cgroup's, unless this says
    #[arg(long, env = "UPDRAFT_MAX_MEMORY", value_name = "BYTES", help_heading = LIMITS,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(memory::LEAST as u64..))]
    pub max_memory: Option<usize>,

    /// Deepest nesting of arrays and objects in a call; 127 at most
    #[arg(long, env = "UPDRAFT_MAX_DEPTH", value_name = "LEVELS", default_value_t = Config::default().max_depth, help_heading = LIMITS,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=Limits::DEEPEST as u64))]
    pub max_depth: usize,

    /// How long a function may take
    #[arg(long, env = "UPDRAFT_CALL_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "30s",
        help_heading = LIMITS)]
    pub call_timeout: Duration,

    /// How long the guard of a topic, or the connect hook of a namespace, may take
    #[arg(long, env = "UPDRAFT_GUARD_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "10s",
        help_heading = LIMITS)]
    pub guard_timeout: Duration,

    /// Calls of one socket that run at once
    #[arg(long, env = "UPDRAFT_MAX_RUNNING", value_name = "CALLS", default_value_t = Config::default().max_running, help_heading = LIMITS,
        value_parser = positive)]
    pub max_running: usize,

    /// Calls of one socket that wait to run; reading pauses at half of it
    #[arg(long, env = "UPDRAFT_MAX_WAITING", value_name = "CALLS", default_value_t = Config::default().max_waiting, help_heading = LIMITS,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..))]
    pub max_waiting: usize,

    /// How long reading pauses for a crowd of calls of one socket; what comes after that is `overloaded`. Shorter
    /// than the ping time-out, as the client's heartbeat waits too
    #[arg(long, env = "UPDRAFT_READ_PAUSE", value_name = "TIME", value_parser = time, default_value = "10s",
        help_heading = LIMITS)]
    pub read_pause: Duration,

    /// How long an emit waits for room in a slow client's queue, and how long a client may read nothing
    #[arg(long, env = "UPDRAFT_SEND_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "30s",
        help_heading = LIMITS)]
    pub send_timeout: Duration,

    /// Longest that sent bytes may stay unacknowledged by the other end's TCP
    #[arg(long, env = "UPDRAFT_TCP_TIMEOUT", value_name = "TIME", value_parser = time, default_value = "30s",
        help_heading = LIMITS)]
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

    /// Requests: origins, proxies, what else is served.
    #[command(flatten, next_help_heading = "HTTP")]
    pub http: HttpConfig,

    /// HTTPS and WSS.
    #[command(flatten, next_help_heading = "TLS")]
    pub tls: TlsConfig,

    /// How clients are authenticated.
    #[command(flatten, next_help_heading = "Authentication")]
    pub auth: AuthConfig,

    /// Sessions: parser, heartbeat, time-outs of a connection.
    #[command(flatten, next_help_heading = "Sessions")]
    pub session: SessionConfig,

    /// Bounds on what clients may take.
    #[command(flatten, next_help_heading = "Limits")]
    pub limits: LimitsConfig,

    /// Where published events are stored.
    #[command(flatten, next_help_heading = "Journal")]
    pub journal: JournalConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 3000,
            cores: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            path: vec!["/socket.io".to_owned()],
            client_bundle: None,
            parser: Parser::default(),
            deflate: DeflateConfig::default(),
            metrics: false,
            min_client: None,
            data: PathBuf::from("./data"),
            durability: Durability::default(),
            remember_calls: Duration::from_secs(24 * 60 * 60),
            max_connections: 20_000,
            max_connections_per_address: 15_000,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            handshake_timeout: Duration::from_secs(20),
            call_rate: CALL_RATE,
            call_burst: CALL_BURST,
            max_connections_per_subject: 1000,
            call_rate_per_subject: CALL_RATE,
            call_burst_per_subject: CALL_BURST,
            byte_rate: 32 << 20,
            max_subscriptions: 100,
            max_rooms: 1000,
            max_namespaces: 100,
            max_call: limits.packed,
            max_unpacked: limits.unpacked,
            max_memory: None,
            max_depth: limits.depth,
            call_timeout: Duration::from_secs(30),
            guard_timeout: Duration::from_secs(10),
            max_running: 32,
            max_waiting: 1024,
            read_pause: Duration::from_secs(10),
            send_timeout: Duration::from_secs(30),
            tcp_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            drain_timeout: Duration::from_secs(10),
            http: HttpConfig::default(),
            tls: TlsConfig::default(),
            auth: AuthConfig::default(),
        }
    }
}

impl Config {
    /// Bytes that may be held for all clients together.
    pub(crate) fn memory(&self) -> usize {
        self.max_memory.unwrap_or_else(memory::quarter)
    }

    /// Where clients find Socket.IO: each once, without its last slash.
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

    /// The bounds on one call.
    pub fn limits(&self) -> Limits {
        Limits {
            packed: self.max_call,
            unpacked: self.max_unpacked,
            depth: self.max_depth.min(Limits::DEEPEST),
        }
    }
}

/// `PORT`, as hosting platforms set it, where ours is not set.
fn port_variable() -> &'static str {
    const OURS: &str = "UPDRAFT_PORT";
    let is_set = |name| std::env::var_os(name).is_some();
    match !is_set(OURS) && is_set("PORT") {
        true => "PORT",
        false => OURS,
    }
}

#[cfg(test)]
mod tests;
