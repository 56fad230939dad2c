//! One, two or three servers, and the database or Redis that they share: one of their own.

use std::{
    env, fs,
    net::SocketAddr,
    ops::Sub,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    foreign,
    postgres::{PostgresServer, TestDatabase},
    process::{ServerProcess, cpu_of},
};

/// Of the database: what is acked is safe.
const SETTINGS: &str = "-c fsync=on -c synchronous_commit=on -c shared_buffers=256MB -c max_wal_size=4GB";

/// The table of Socket.IO's adapter, as its README has it.
const ATTACHMENTS: &str = "CREATE TABLE socket_io_attachments (
    id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)";

/// Of Redis: what is emitted is kept nowhere.
const REDIS: [&str; 8] = [
    "--port",
    "0",
    "--unixsocket",
    "redis.sock",
    "--save",
    "",
    "--appendonly",
    "no",
];

/// Longest that Redis may take to start.
const START: Duration = Duration::from_secs(10);

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Updraft,
    UpdraftRedis,
    NodePostgres,
    NodeRedis,
    NodeRedisStreams,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Updraft,
        Self::UpdraftRedis,
        Self::NodePostgres,
        Self::NodeRedis,
        Self::NodeRedisStreams,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Updraft => "**Updraft**, PostgreSQL",
            Self::UpdraftRedis => "**Updraft**, Redis",
            Self::NodePostgres => "Node, PostgreSQL",
            Self::NodeRedis => "Node, Redis",
            Self::NodeRedisStreams => "Node, Redis Streams",
        }
    }

    /// Why it cannot be measured here.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Self::Updraft => None,
            Self::UpdraftRedis => foreign::missing_redis(),
            Self::NodePostgres => foreign::missing_node(&["socket.io", "@socket.io/postgres-adapter", "pg"]),
            Self::NodeRedis => {
                foreign::missing_node(&["@socket.io/redis-adapter"]).or_else(foreign::missing_redis)
            }
            Self::NodeRedisStreams => foreign::missing_redis(),
        }
    }
}

/// CPU time.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    pub(crate) servers: Duration,
    pub(crate) store: Duration,
}

impl Sub for Used {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            servers: self.servers.saturating_sub(before.servers),
            store: self.store.saturating_sub(before.store),
        }
    }
}

/// Where servers meet.
enum Store {
    Postgres {
        database: TestDatabase,
        _server: PostgresServer,
    },
    Redis {
        process: Child,
        directory: TempDir,
    },
}

/// Servers that share their rooms; they end when this is dropped.
pub(crate) struct Cluster {
    servers: Vec<ServerProcess>,
    store: Store,
}

impl Cluster {
    pub(crate) fn start(kind: Kind, nodes: usize) -> Self {
        let store = match kind {
            Kind::Updraft | Kind::NodePostgres => Store::postgres(),
            Kind::UpdraftRedis | Kind::NodeRedis | Kind::NodeRedisStreams => Store::redis(),
        };
        let servers = (0..nodes).map(|_| ServerProcess::start(store.server(kind), None));
        Self {
            servers: servers.collect(),
            store,
        }
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(|server| server.address).collect()
    }

    pub(crate) fn used(&self) -> Used {
        Used {
            servers: self.servers.iter().map(ServerProcess::cpu).sum(),
            store: self.store.processes().into_iter().filter_map(cpu_of).sum(),
        }
    }
}

impl Store {
    fn postgres() -> Self {
        let server = PostgresServer::start(SETTINGS);
        let database = server.database();
        database.psql(ATTACHMENTS);
        Self::Postgres {
            database,
            _server: server,
        }
    }

    fn redis() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        // It ends when this program does, in whatever way.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "redis-server"])
            .args(REDIS)
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("Redis starts");
        let begun = Instant::now();
        while !directory.path().join("redis.sock").exists() {
            assert!(begun.elapsed() < START, "Redis does not listen");
            thread::sleep(Duration::from_millis(5));
        }
        Self::Redis { process, directory }
    }

    /// Starts a server.
    fn server(&self, kind: Kind) -> Command {
        match self {
            Self::Postgres { database, .. } if kind == Kind::Updraft => updraft(&database.url),
            Self::Postgres { database, .. } => {
                let folder = database.directory().to_str().expect("UTF-8");
                foreign::node(&["cluster.mjs", "postgres", folder, database.name()])
            }
            Self::Redis { directory, .. } => {
                let socket = directory.path().join("redis.sock");
                let socket = socket.to_str().expect("UTF-8");
                let adapter = match kind {
                    Kind::UpdraftRedis => return updraft(&format!("unix://{socket}")),
                    Kind::NodeRedisStreams => "redis-streams",
                    _ => "redis",
                };
                foreign::node(&["cluster.mjs", adapter, socket])
            }
        }
    }

    /// All of its processes that run now.
    fn processes(&self) -> Vec<u32> {
        match self {
            Self::Postgres { database, .. } => {
                let file = database.directory().join("data/postmaster.pid");
                let text = fs::read_to_string(file).expect("it runs");
                let postmaster = text.lines().next().and_then(|pid| pid.parse().ok());
                let postmaster: u32 = postmaster.expect("a number");
                let mut processes = children(postmaster);
                processes.push(postmaster);
                processes
            }
            Self::Redis { process, .. } => vec![process.id()],
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Self::Redis { process, .. } = self {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// This program, as one of its nodes.
fn updraft(url: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["serve", url]);
    command
}

/// Processes that this one has started.
fn children(parent: u32) -> Vec<u32> {
    let file = format!("/proc/{parent}/task/{parent}/children");
    let listed = fs::read_to_string(Path::new(&file)).unwrap_or_default();
    listed
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}
