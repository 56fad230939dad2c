//! What clients may take.

use std::{num::NonZeroU32, time::Duration};

use clap::{Args, builder::RangedU64ValueParser, value_parser};

use super::{
    memory,
    time::{time, written},
    value::positive,
};
use crate::call::{payload::Limits, stream::streaming::Streaming};

/// Nine times what a socket of the benchmark calls, and a third of what a server of two cores answers in all: no busy
/// client is stopped, and none alone takes the whole server.
const CALL_RATE: u32 = 100_000;

/// Two seconds of it.
const CALL_BURST: u32 = 200_000;

/// Bounds on what clients may take: connections, calls, bytes, memory, time.
///
/// ```
/// let mut config = updraft::Config::default();
/// config.limits.max_call = 64 * 1024;
/// config.limits.call_rate = 100;
/// config.limits.call_burst = 200;
/// ```
#[derive(Args, Clone, Debug, PartialEq)]
pub struct LimitsConfig {
    /// TCP connections; more get HTTP 503
    #[arg(long, env = "UPDRAFT_MAX_CONNECTIONS", value_name = "CONNECTIONS", value_parser = positive,
        default_value_t = Self::default().max_connections)]
    pub max_connections: usize,

    /// Connections of one client address; more get HTTP 503. An IPv6 network of 64 bits counts as one address
    #[arg(long, env = "UPDRAFT_MAX_CONNECTIONS_PER_ADDRESS", value_name = "CONNECTIONS", value_parser = positive,
        default_value_t = Self::default().max_connections_per_address)]
    pub max_connections_per_address: usize,

    /// Authenticated connections of one subject
    #[arg(long, env = "UPDRAFT_MAX_CONNECTIONS_PER_SUBJECT", value_name = "CONNECTIONS", value_parser = positive,
        default_value_t = Self::default().max_connections_per_subject)]
    pub max_connections_per_subject: usize,

    /// Calls per second of one connection, on average
    #[arg(long, env = "UPDRAFT_CALL_RATE", value_name = "CALLS", value_parser = value_parser!(u32).range(1..),
        default_value_t = Self::default().call_rate)]
    pub call_rate: u32,

    /// Calls of one connection in a burst, before the rate applies
    #[arg(long, env = "UPDRAFT_CALL_BURST", value_name = "CALLS", value_parser = value_parser!(u32).range(1..),
        default_value_t = Self::default().call_burst)]
    pub call_burst: u32,

    /// Calls per second of one subject over all its sockets, on average
    #[arg(long, env = "UPDRAFT_CALL_RATE_PER_SUBJECT", value_name = "CALLS", value_parser = value_parser!(u32).range(1..),
        default_value_t = Self::default().call_rate_per_subject)]
    pub call_rate_per_subject: u32,

    /// Calls of one subject in a burst, before the rate applies
    #[arg(long, env = "UPDRAFT_CALL_BURST_PER_SUBJECT", value_name = "CALLS", value_parser = value_parser!(u32).range(1..),
        default_value_t = Self::default().call_burst_per_subject)]
    pub call_burst_per_subject: u32,

    /// Bytes per second that are read from one connection, and its burst; beyond it reading pauses
    #[arg(long, env = "UPDRAFT_BYTE_RATE", value_name = "BYTES",
        value_parser = value_parser!(u32).range(65_536..=1_000_000_000), default_value_t = Self::default().byte_rate)]
    pub byte_rate: u32,

    /// Topic subscriptions of one socket
    #[arg(long, env = "UPDRAFT_MAX_SUBSCRIPTIONS", value_name = "TOPICS",
        default_value_t = Self::default().max_subscriptions)]
    pub max_subscriptions: usize,

    /// Open streams of one socket
    #[arg(long, env = "UPDRAFT_MAX_STREAMS", value_name = "STREAMS", default_value_t = Self::default().max_streams)]
    pub max_streams: usize,

    /// Frames that a client may send on a stream beyond those that the function has taken
    #[arg(long, env = "UPDRAFT_STREAM_WINDOW", value_name = "FRAMES", value_parser = value_parser!(u32).range(1..=65_536),
        default_value_t = Self::default().stream_window)]
    pub stream_window: u32,

    /// Longest time for a client to give credit that a stream waits for, or its next frame
    #[arg(long, env = "UPDRAFT_STREAM_TIMEOUT", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().stream_timeout))]
    pub stream_timeout: Duration,

    /// Rooms of one socket
    #[arg(long, env = "UPDRAFT_MAX_ROOMS", value_name = "ROOMS", default_value_t = Self::default().max_rooms)]
    pub max_rooms: usize,

    /// Namespaces of one connection
    #[arg(long, env = "UPDRAFT_MAX_NAMESPACES", value_name = "NAMESPACES", value_parser = positive,
        default_value_t = Self::default().max_namespaces)]
    pub max_namespaces: usize,

    /// Largest call as it arrives, Buffers included, in bytes
    #[arg(long, env = "UPDRAFT_MAX_CALL", value_name = "BYTES", value_parser = positive,
        default_value_t = Self::default().max_call)]
    pub max_call: usize,

    /// Largest call, or data, after unpacking, in bytes
    #[arg(long, env = "UPDRAFT_MAX_UNPACKED", value_name = "BYTES", value_parser = positive,
        default_value_t = Self::default().max_unpacked)]
    pub max_unpacked: usize,

    /// Deepest nesting of arrays and objects in a call; 127 at most
    #[arg(long, env = "UPDRAFT_MAX_DEPTH", value_name = "LEVELS",
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=Limits::DEEPEST as u64),
        default_value_t = Self::default().max_depth)]
    pub max_depth: usize,

    /// Bytes held for all clients together: incoming, waiting and running calls, what they unpack to, queued answers; by
    /// default a quarter of the memory of the machine or its cgroup
    #[arg(long, env = "UPDRAFT_MAX_MEMORY", value_name = "BYTES",
        value_parser = RangedU64ValueParser::<usize>::new().range(memory::LEAST as u64..))]
    pub max_memory: Option<usize>,

    /// Running calls of one socket
    #[arg(long, env = "UPDRAFT_MAX_RUNNING", value_name = "CALLS", value_parser = positive,
        default_value_t = Self::default().max_running)]
    pub max_running: usize,

    /// Waiting calls of one socket; half of it is the high-water mark, above which reading pauses
    #[arg(long, env = "UPDRAFT_MAX_WAITING", value_name = "CALLS",
        value_parser = RangedU64ValueParser::<usize>::new().range(2..), default_value_t = Self::default().max_waiting)]
    pub max_waiting: usize,

    /// Longest time to stop reading from a socket whose call queue is above its high-water mark; calls after that are
    /// `overloaded`. Keep it below the ping time-out, as the heartbeat is not read either
    #[arg(long, env = "UPDRAFT_READ_PAUSE", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().read_pause))]
    pub read_pause: Duration,

    /// Longest time for a function to answer
    #[arg(long, env = "UPDRAFT_CALL_TIMEOUT", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().call_timeout))]
    pub call_timeout: Duration,

    /// Longest time for the guard of a topic, or the connect hook of a namespace, to answer
    #[arg(long, env = "UPDRAFT_GUARD_TIMEOUT", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().guard_timeout))]
    pub guard_timeout: Duration,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let payload = Limits::default();
        Self {
            max_connections: 20_000,
            max_connections_per_address: 15_000,
            max_connections_per_subject: 1000,
            call_rate: CALL_RATE,
            call_burst: CALL_BURST,
            call_rate_per_subject: CALL_RATE,
            call_burst_per_subject: CALL_BURST,
            byte_rate: 32 << 20,
            max_subscriptions: 100,
            max_streams: 16,
            stream_window: 16,
            stream_timeout: Duration::from_secs(60),
            max_rooms: 1000,
            max_namespaces: 100,
            max_call: payload.packed,
            max_unpacked: payload.unpacked,
            max_depth: payload.depth,
            max_memory: None,
            max_running: 32,
            max_waiting: 1024,
            read_pause: Duration::from_secs(10),
            call_timeout: Duration::from_secs(30),
            guard_timeout: Duration::from_secs(10),
        }
    }
}

impl LimitsConfig {
    /// Bytes that may be held for all clients together.
    pub(crate) fn memory(&self) -> usize {
        self.max_memory.unwrap_or_else(memory::quarter)
    }

    /// The bounds on streams, and where they are counted.
    pub(crate) fn streaming(&self) -> Streaming {
        Streaming::new(
            self.max_streams,
            NonZeroU32::new(self.stream_window).unwrap_or(NonZeroU32::MIN),
            self.stream_timeout,
        )
    }

    /// The bounds on one call.
    pub fn payload(&self) -> Limits {
        Limits {
            packed: self.max_call,
            unpacked: self.max_unpacked,
            depth: self.max_depth.min(Limits::DEEPEST),
        }
    }
}
