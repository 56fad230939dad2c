//! Settings of what carries rooms between servers.

use std::fmt;

use clap::{Args, builder::BoolishValueParser};

/// How rooms are shared with other nodes, and with Node servers, by Redis. It is there with the feature `redis`.
///
/// ```
/// let mut config = updraft::Config::default();
/// config.bus.redis = Some("redis://127.0.0.1".into());
/// // As one of the Node servers on it, which asks and answers.
/// config.bus.member = true;
/// ```
#[derive(Args, Clone, Debug, PartialEq)]
pub struct BusConfig {
    /// Redis by which nodes, Node servers and emitters share rooms, as `@socket.io/redis-adapter` does: redis://user:password@host:port,
    /// or rediss:// for TLS. Prefer the variable: other users of the machine can read the command line
    #[arg(
        id = "bus",
        long = "bus",
        env = "UPDRAFT_BUS",
        value_name = "URL",
        hide_env_values = true
    )]
    pub redis: Option<BusUrl>,

    /// What the names of its channels begin with: the `key` of Node's adapter
    #[arg(id = "bus_prefix", long = "bus-prefix", env = "UPDRAFT_BUS_PREFIX", value_name = "NAME",
        default_value_t = Self::default().prefix)]
    pub prefix: String,

    /// Answer what Node servers ask: their fetchSockets, serverSideEmit and emits with acks, which then wait for this node as for
    /// one of them
    #[arg(id = "bus_member", long = "bus-member", env = "UPDRAFT_BUS_MEMBER", value_parser = BoolishValueParser::new())]
    pub member: bool,
}

impl Default for BusConfig {
    fn default() -> Self {
        Self {
            redis: None,
            prefix: "socket.io".to_owned(),
            member: false,
        }
    }
}

/// The URL of a Redis, which may hold a password: it is not shown. It is there with the feature `redis`.
#[derive(Clone, PartialEq, Eq)]
pub struct BusUrl(String);

impl BusUrl {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for BusUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl fmt::Debug for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BusUrl(…)")
    }
}
