//! Settings of sessions.

use std::time::Duration;

use clap::Args;
use semver::Version;

use super::{
    deflate::DeflateConfig,
    parser::Parser,
    time::{time, written},
};

/// Sessions: parser, heartbeat, time-outs of a connection.
///
/// ```
/// use std::time::Duration;
///
/// let mut config = updraft::Config::default();
/// config.session.ping_interval = Duration::from_secs(10);
/// ```
#[derive(Args, Clone, Debug, PartialEq)]
pub struct SessionConfig {
    /// How Socket.IO packets are encoded, the same for all clients
    #[arg(
        long,
        env = "UPDRAFT_PARSER",
        value_name = "PARSER",
        value_enum,
        default_value_t
    )]
    pub parser: Parser,

    /// Oldest client version that is served, as in 1.2.0: a client with an older `version` in its handshake gets
    /// `server.reload`
    #[arg(long, env = "UPDRAFT_MIN_CLIENT", value_name = "VERSION")]
    pub min_client: Option<Version>,

    /// Time between two pings of the server
    #[arg(long, env = "UPDRAFT_PING_INTERVAL", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().ping_interval))]
    pub ping_interval: Duration,

    /// Longest time for a client to answer a ping
    #[arg(long, env = "UPDRAFT_PING_TIMEOUT", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().ping_timeout))]
    pub ping_timeout: Duration,

    /// Longest time from the first byte of a connection to the CONNECT packet
    #[arg(long, env = "UPDRAFT_HANDSHAKE_TIMEOUT", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().handshake_timeout))]
    pub handshake_timeout: Duration,

    /// Longest time that an emit waits for a full send queue, and that a client may read nothing
    #[arg(long, env = "UPDRAFT_SEND_TIMEOUT", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().send_timeout))]
    pub send_timeout: Duration,

    /// Longest time that sent bytes may stay unacknowledged by TCP
    #[arg(long, env = "UPDRAFT_TCP_TIMEOUT", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().tcp_timeout))]
    pub tcp_timeout: Duration,

    /// Compression of WebSocket messages.
    #[command(flatten)]
    pub deflate: DeflateConfig,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            parser: Parser::default(),
            min_client: None,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            handshake_timeout: Duration::from_secs(20),
            send_timeout: Duration::from_secs(30),
            tcp_timeout: Duration::from_secs(30),
            deflate: DeflateConfig::default(),
        }
    }
}
