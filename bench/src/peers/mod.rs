//! The servers that are compared, each in a process of its own.

mod bare;
mod floor;
mod foreign;
mod runtimes;
#[allow(dead_code, clippy::expect_used)]
#[path = "../../../benches/store/mod.rs"]
pub(crate) mod store;
pub(crate) mod updraft;
pub(crate) mod work;

use std::{env, net::SocketAddr, path::PathBuf, process::Command};

use clap::{Subcommand, ValueEnum};
use tempfile::TempDir;

pub(crate) use self::foreign::versions;
use crate::process::ServerProcess;

/// Who can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// Updraft on its defaults
    Updraft,
    /// Updraft called by `event`, where others are called by an event's own name
    UpdraftByEvent,
    /// socketioxide with raw handlers and the best settings found
    Bare,
    /// tokio-tungstenite, packets framed by hand: the floor
    Floor,
    /// Socket.IO on Node
    Node,
    /// Socket.IO on Node, tuned as its documentation says
    NodeTuned,
    /// Socket.IO on Bun, with its own engine
    Bun,
    /// python-socketio on aiohttp and uvloop
    Python,
    /// Socket.IO on Node, which inserts each event with better-sqlite3
    NodeSqlite,
    /// Socket.IO on Node with its Redis Streams adapter, on a Redis that syncs each event
    NodeRedis,
    /// The bare store: SQLite with the journal's tables, no socket
    Store,
}

impl Peer {
    /// In the order in which tables have them.
    pub(crate) const ALL: [Self; 11] = [
        Self::Updraft,
        Self::UpdraftByEvent,
        Self::Bare,
        Self::Floor,
        Self::Store,
        Self::Bun,
        Self::Node,
        Self::NodeTuned,
        Self::NodeSqlite,
        Self::NodeRedis,
        Self::Python,
    ];

    /// As the tables have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Updraft => "Updraft",
            Self::UpdraftByEvent => "Updraft, by event",
            Self::Bare => "bare socketioxide",
            Self::Floor => "floor",
            Self::Node => "Node",
            Self::NodeTuned => "Node, tuned",
            Self::Bun => "Bun",
            Self::Python => "python-socketio",
            Self::NodeSqlite => "Node, better-sqlite3",
            Self::NodeRedis => "Node, Redis Streams",
            Self::Store => "bare store",
        }
    }

    /// Whether this is Updraft, in whatever way it is called.
    pub(crate) fn is_updraft(self) -> bool {
        matches!(self, Self::Updraft | Self::UpdraftByEvent)
    }

    /// Whether this is no server that anybody would pick, but what lies beneath one.
    pub(crate) fn is_ground(self) -> bool {
        matches!(self, Self::Floor | Self::Store)
    }

    /// Why it cannot be measured here.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Self::Updraft | Self::UpdraftByEvent | Self::Bare | Self::Floor | Self::Store => None,
            Self::Node | Self::NodeTuned => foreign::missing_node(&["socket.io", "bufferutil"]),
            Self::NodeSqlite => foreign::missing_node(&["socket.io", "better-sqlite3"]),
            Self::NodeRedis => foreign::missing_redis(),
            Self::Bun => foreign::missing_bun(),
            Self::Python => foreign::missing_python(),
        }
    }

    /// Starts it without a topic.
    pub(crate) fn start(self) -> ServerProcess {
        let command = match self {
            Self::Updraft => serve(&["updraft"]),
            Self::UpdraftByEvent => return self.start_with_namespace(),
            Self::Bare => serve(&["bare"]),
            Self::Floor => serve(&["floor"]),
            Self::Node => foreign::node(&["node.mjs", "plain"]),
            Self::NodeTuned => foreign::node(&["node.mjs", "tuned"]),
            Self::Bun => foreign::bun(),
            Self::Python => foreign::python(),
            Self::NodeSqlite | Self::NodeRedis | Self::Store => return self.start_with(0, 1),
        };
        ServerProcess::start(command, None)
    }

    /// Starts it with a function for an event of its own name, and a hook for clients that connect. The others have both always.
    pub(crate) fn start_with_namespace(self) -> ServerProcess {
        match self.is_updraft() {
            true => ServerProcess::start(serve(&["updraft-namespace"]), None),
            false => self.start(),
        }
    }

    /// Starts it with a topic in which there are so many events, each about one of so many keys.
    pub(crate) fn start_with(self, events: usize, keys: usize) -> ServerProcess {
        self.start_in(directory(), events, keys)
    }

    /// The same, with so many more events than lie in this directory.
    pub(crate) fn start_in(self, directory: TempDir, events: usize, keys: usize) -> ServerProcess {
        let path = directory.path().to_str().expect("UTF-8");
        let (events, keys) = (events.to_string(), keys.to_string());
        let command = match self {
            Self::Updraft => serve(&["updraft-topics", path, &events, &keys]),
            Self::NodeSqlite => foreign::node(&["durable.mjs", path, &events, &keys]),
            Self::NodeRedis => foreign::node(&["redis.mjs", path]),
            _ => return self.start(),
        };
        ServerProcess::start(command, Some(directory))
    }
}

/// This program, as one of its servers.
fn serve(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.arg("serve").args(arguments);
    command
}

/// Where durable events go: `UPDRAFT_BENCH_DIR` names the disk.
pub(crate) fn directory() -> TempDir {
    match env::var_os("UPDRAFT_BENCH_DIR") {
        Some(disk) => tempfile::tempdir_in(disk).expect("a directory"),
        None => tempfile::tempdir().expect("a directory"),
    }
}

/// The servers that this program is itself.
#[derive(Subcommand)]
pub(crate) enum Served {
    Updraft,
    UpdraftNamespace,
    UpdraftTopics {
        data: PathBuf,
        events: usize,
        keys: usize,
    },
    Bare,
    Floor,
}

impl Served {
    /// Starts it; it serves as long as the runtime that comes with its address.
    pub(crate) fn start(&self) -> (SocketAddr, Option<tokio::runtime::Runtime>) {
        match self {
            Self::Updraft => updraft::start(updraft::app(), None),
            Self::UpdraftNamespace => updraft::start(updraft::app().namespace(updraft::namespace()), None),
            Self::UpdraftTopics { data, events, keys } => {
                updraft::start(updraft::app(), Some((data, *events, *keys)))
            }
            Self::Bare => (bare::start(), None),
            Self::Floor => (floor::start(), None),
        }
    }
}
