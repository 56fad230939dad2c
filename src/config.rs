//! Every setting of a server, in groups: each with its flag, its `UPDRAFT_*` variable and its default, which stands in the
//! group's `Default` and nowhere else.

mod auth;
#[cfg(feature = "redis")]
mod bus;
mod deflate;
mod file;
mod given;
mod http;
mod journal;
mod limits;
mod memory;
mod parser;
mod session;
mod settings;
mod shown_url;
mod suggestion;
#[cfg(feature = "otlp")]
mod telemetry;
mod time;
mod tls;
mod value;

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroUsize,
    path::Path,
    time::Duration,
};

use clap::{Args, Command, FromArgMatches};

#[cfg(feature = "redis")]
pub use self::bus::{BusConfig, BusUrl};
#[cfg(feature = "postgres")]
pub use self::journal::DatabaseUrl;
#[cfg(feature = "otlp")]
pub use self::telemetry::TelemetryConfig;
use self::time::{time_or_zero, written};
pub use self::{
    auth::{AuthConfig, Secret},
    deflate::DeflateConfig,
    given::LoadError,
    http::HttpConfig,
    journal::JournalConfig,
    limits::LimitsConfig,
    parser::Parser,
    session::SessionConfig,
    tls::TlsConfig,
};
pub(crate) use self::{
    given::Given,
    settings::{Setting, Settings, said},
    shown_url::shown_url,
    time::time,
};

/// How a server runs. `Default` is what `updraft serve` does without flags; [`Config::from_file`] reads a file, and
/// [`App::run`](crate::App::run) flags, variables and a file. Each field is a flag, mostly that of its name
/// (`limits.max_rooms` is `--max-rooms`): `docs/configuration.md` has all with their defaults. What does not go together is an error at start
/// ([`ConfigError`](crate::ConfigError)).
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

    /// Port to listen on; 0 picks a free one. UPDRAFT_PORT goes before PORT
    #[arg(long, env = port_variable(), help_heading = "Server", default_value_t = Self::default().port)]
    pub port: u16,

    /// Worker threads that serve sockets, one runtime each; by default one per core. As many threads run functions that
    /// compute or block
    #[arg(long, env = "UPDRAFT_CORES", help_heading = "Server", value_name = "THREADS")]
    pub cores: Option<NonZeroUsize>,

    /// Longest time that a stopping server waits for running calls
    #[arg(long, env = "UPDRAFT_DRAIN_TIMEOUT", help_heading = "Server", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().drain_timeout))]
    pub drain_timeout: Duration,

    /// Time over which a stopping server lets its sessions go, one after the other, before it drains the rest: they come to
    /// other nodes spread as evenly. 0s lets all go at once
    #[arg(long, env = "UPDRAFT_DRAIN_OVER", help_heading = "Server", value_name = "TIME", value_parser = time_or_zero,
        default_value = written(Self::default().drain_over))]
    pub drain_over: Duration,

    /// Where other nodes on the same database reach this one, as in `http://10.0.0.5:3000`: they forward requests of its
    /// polling sessions to it, so that a balancer may send them to any
    #[cfg(feature = "postgres")]
    #[arg(long, env = "UPDRAFT_NODE_URL", help_heading = "Server", value_name = "URL")]
    pub node_url: Option<String>,

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

    /// What rooms are shared by.
    #[cfg(feature = "redis")]
    #[command(flatten, next_help_heading = "Bus")]
    pub bus: BusConfig,

    /// What is told to a collector.
    #[cfg(feature = "otlp")]
    #[command(flatten, next_help_heading = "Telemetry")]
    pub telemetry: TelemetryConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 3000,
            cores: None,
            drain_timeout: Duration::from_secs(10),
            drain_over: Duration::ZERO,
            #[cfg(feature = "postgres")]
            node_url: None,
            http: HttpConfig::default(),
            tls: TlsConfig::default(),
            auth: AuthConfig::default(),
            session: SessionConfig::default(),
            limits: LimitsConfig::default(),
            journal: JournalConfig::default(),
            #[cfg(feature = "redis")]
            bus: BusConfig::default(),
            #[cfg(feature = "otlp")]
            telemetry: TelemetryConfig::default(),
        }
    }
}

impl Config {
    /// Reads settings from a file, as `updraft serve --config` does without flags: a variable (`UPDRAFT_PORT`) goes before the file, the
    /// file before the default. A key is a flag without its dashes, in the group under which `--help` has it. The group
    /// `[log]` is left to [`App::run`](crate::App::run), which sets up the log.
    ///
    /// ```
    /// use updraft::Config;
    ///
    /// let file = std::env::temp_dir().join(format!("updraft-{}.toml", std::process::id()));
    /// std::fs::write(&file, "[limits]\nmax-rooms = 10\n\n[sessions]\nping-interval = \"5s\"\n")?;
    /// let config = Config::from_file(&file)?;
    /// assert_eq!(config.limits.max_rooms, 10);
    /// assert_eq!(config.session.ping_interval.as_secs(), 5);
    ///
    /// std::fs::write(&file, "[limits]\nmax_rooms = 10\n")?;
    /// let error = Config::from_file(&file).unwrap_err();
    /// assert!(error.to_string().ends_with("toml:2: unknown key 'max_rooms' in [limits]: write max-rooms"));
    /// # std::fs::remove_file(&file)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// All that is wrong in the file, or in a variable.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let settings = Settings::of(&Self::command());
        let given = Given::read(Some(path.as_ref()), &settings, &["log"])?;
        Self::of(&given, &settings).map_err(|error| LoadError::of(said(&error)))
    }

    /// What variables and files say, without flags.
    pub(crate) fn of(given: &Given, settings: &Settings) -> Result<Self, clap::Error> {
        let matches = given
            .apply(settings, Self::command())
            .try_get_matches_from([""; 0])?;
        Self::from_arg_matches(&matches)
    }

    fn command() -> Command {
        Self::augment_args(Command::new("updraft").no_binary_name(true))
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
