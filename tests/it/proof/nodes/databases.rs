//! The database of the nodes: a primary and its synchronous standby, which change places; and what fails of them.

use std::{path::PathBuf, thread::sleep, time::Duration, time::Instant};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

use crate::support::{PATIENCE, PostgresServer};

/// What a database does that fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum DatabaseFault {
    /// All its processes are killed, with what they had not written, and it is started again.
    Crashed,
    /// It ends all connections.
    Ended,
    /// It ends them, and takes fewer than the nodes need.
    Few,
    /// It ends them, and others take all that there are.
    Full,
    /// They are killed, and the standby takes its place, with another standby.
    FailedOver,
    /// Its standby is away, so no commit is sure.
    Alone,
    /// Each sync of its disk takes long.
    Slow,
}

pub(super) const DATABASE_FAULTS: [DatabaseFault; 7] = [
    DatabaseFault::Crashed,
    DatabaseFault::Ended,
    DatabaseFault::Few,
    DatabaseFault::Full,
    DatabaseFault::FailedOver,
    DatabaseFault::Alone,
    DatabaseFault::Slow,
];

/// How long a sync takes on a slow disk.
pub(super) const SLOW: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(3000),
];

/// Connections of the database, for three nodes with thirteen each, and some more.
const CONNECTIONS: &str = "-c max_connections=60";

/// Commits wait for the standby, and that is back soon.
const STANDBY: &str =
    "-c synchronous_standby_names=walreceiver -c wal_retrieve_retry_interval=100ms -c wal_keep_size=256MB";

/// Those of nodes, by their roles; and of others.
pub(super) const NODES: &str = "updraft";
const OTHERS: &str = "visitor";

pub(super) struct Databases {
    servers: [PostgresServer; 2],
    primary: usize,
    /// Of the database.
    name: String,
    /// What holds all connections that others have.
    others: Option<Runtime>,
}

impl Databases {
    /// With settings, as in `-c name=value`.
    pub(super) fn start(settings: &str) -> Self {
        Self::listening(settings, [String::new(), String::new()], "127.0.0.1/32")
    }

    /// The same at an address for each server, for those who come from these.
    pub(super) fn listening(settings: &str, [first, second]: [String; 2], from: &str) -> Self {
        let settings = format!("{CONNECTIONS} {STANDBY} {settings} -c listen_addresses={first}");
        let primary = PostgresServer::start_on_slow_disk(&settings);
        primary.trust(from);
        let standby = primary.standby_with(&format!("-c listen_addresses={second}"));
        let name = primary.database().name().to_owned();
        let this = Self {
            servers: [primary, standby],
            primary: 0,
            name,
            others: None,
        };
        this.psql(&format!("CREATE ROLE {OTHERS} LOGIN"));
        this
    }

    fn primary(&self) -> &PostgresServer {
        &self.servers[self.primary]
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The URL of the database, as its primary has it.
    pub(super) fn url(&self) -> String {
        self.primary().url(&self.name)
    }

    /// What `psql` answers, without headings.
    pub(super) fn psql(&self, sql: &str) -> String {
        self.primary().psql_of(&self.name, sql)
    }

    pub(super) fn sockets(&self) -> [PathBuf; 2] {
        self.servers.each_ref().map(PostgresServer::socket)
    }

    pub(super) fn fails(&mut self, fault: DatabaseFault, sync: Duration) {
        match fault {
            DatabaseFault::Crashed => self.servers[self.primary].kill(),
            DatabaseFault::Ended => self.end_connections(),
            DatabaseFault::Few => {
                self.let_in(2);
                self.end_connections();
            }
            DatabaseFault::Full => self.others = Some(self.fill()),
            DatabaseFault::FailedOver => {
                self.wait_for_standby();
                self.servers[self.primary].kill();
            }
            DatabaseFault::Alone => self.servers[1 - self.primary].crash(),
            DatabaseFault::Slow => self.primary().slow_down(sync),
        }
    }

    pub(super) fn is_back(&mut self, fault: DatabaseFault) {
        match fault {
            DatabaseFault::Crashed => self.servers[self.primary].start_again(),
            DatabaseFault::Ended => {}
            DatabaseFault::Few => self.let_in(-1),
            DatabaseFault::Full => self.others = None,
            DatabaseFault::FailedOver => {
                self.promote();
                let [first, second] = &mut self.servers;
                match self.primary {
                    0 => second.follow(first),
                    _ => first.follow(second),
                }
            }
            DatabaseFault::Alone => self.servers[1 - self.primary].start_again(),
            DatabaseFault::Slow => self.primary().slow_down(Duration::ZERO),
        }
        self.wait_for_standby();
    }

    /// All processes of the primary are killed, and the standby takes its place, with what it has.
    pub(super) fn lose_primary(&mut self) {
        self.servers[self.primary].kill();
        self.promote();
    }

    fn promote(&mut self) {
        self.primary = 1 - self.primary;
        self.primary().promote();
    }

    /// The standby gets nothing more, and commits do not wait for it: as with an asynchronous one that is behind.
    pub(super) fn leave_standby_behind(&self) {
        let standby = &self.servers[1 - self.primary];
        standby.psql("ALTER SYSTEM SET primary_conninfo = ''");
        standby.psql("SELECT pg_reload_conf()");
        wait_until("the standby to part", || self.standbys() == "");
    }

    /// So many connections of each node, and no more; any number for -1.
    fn let_in(&self, most: i32) {
        let nodes = format!("SELECT rolname FROM pg_roles WHERE rolname LIKE '{NODES}\\__'");
        for role in self.psql(&nodes).lines() {
            self.psql(&format!("ALTER ROLE {role} CONNECTION LIMIT {most}"));
        }
    }

    fn end_connections(&self) {
        self.psql(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM ({}) AS nodes",
            of_nodes("pid")
        ));
    }

    /// Others have all connections that there are, and nodes have none.
    fn fill(&self) -> Runtime {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let as_other = self.url().replace("user=postgres", &format!("user={OTHERS}"));
        runtime.block_on(async {
            // One of those that are kept for superusers.
            let superuser = connect(&self.url()).await.expect("there is room");
            let end = format!(
                "SELECT pg_terminate_backend(pid) FROM ({}) AS nodes",
                of_nodes("pid")
            );
            let since = Instant::now();
            let mut before = usize::MAX;
            loop {
                superuser.execute(&end, &[]).await.expect("it is a superuser");
                let mut is_full = true;
                while let Ok(client) = connect(&as_other).await {
                    is_full = false;
                    // For as long as there is the runtime.
                    tokio::spawn(async move {
                        let _client = client;
                        std::future::pending::<()>().await;
                    });
                }
                let left = superuser.query(&of_nodes("pid"), &[]).await;
                let left = left.expect("it is a superuser").len();
                // Those that hang do not end.
                if left == 0 || is_full && left == before {
                    return;
                }
                assert!(since.elapsed() < PATIENCE, "nodes have connections still");
                before = left;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        runtime
    }

    /// The state of the standby.
    fn standbys(&self) -> String {
        self.psql("SELECT state || ' ' || sync_state FROM pg_stat_replication WHERE application_name = 'walreceiver'")
    }

    fn wait_for_standby(&self) {
        wait_until("the standby to have all", || self.standbys() == "streaming sync");
    }
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A query of the connections of nodes.
fn of_nodes(what: &str) -> String {
    format!("SELECT {what} FROM pg_stat_activity WHERE usename LIKE '{NODES}%'")
}

/// Waits until `holds`.
pub(super) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "waited too long for {what}");
        sleep(Duration::from_millis(20));
    }
}
