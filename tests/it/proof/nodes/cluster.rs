//! Three programs, as users start them, on a database whose server is the story's own; and what fails of them.

use std::process::{Command, Stdio};

use serde::Deserialize;

use super::super::heard::{History, Told};
use crate::support::{PATIENT, PostgresServer, Program, TestDatabase, updraft};

const NODES: usize = 3;

/// What a node does that fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum NodeFault {
    /// It is killed, and started again.
    Killed,
    /// SIGTERM: it ends by itself, and is started again.
    Stopped,
    /// It does nothing for a while, and does not know that.
    Paused,
    /// It alone cannot reach the database.
    CutOff,
    /// What the database does for it stands still, also while that has the lock of all appends.
    Hung,
}

pub(super) const NODE_FAULTS: [NodeFault; 5] = [
    NodeFault::Killed,
    NodeFault::Stopped,
    NodeFault::Paused,
    NodeFault::CutOff,
    NodeFault::Hung,
];

/// What a database does that fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum DatabaseFault {
    /// It ends at once, with what it had not written, and is started again.
    Crashed,
    /// It ends all connections.
    Cut,
    /// It ends them, and takes fewer than the nodes need.
    Full,
}

pub(super) const DATABASE_FAULTS: [DatabaseFault; 3] =
    [DatabaseFault::Crashed, DatabaseFault::Cut, DatabaseFault::Full];

pub(super) struct Cluster {
    pub(super) nodes: Vec<Program>,
    server: PostgresServer,
    database: TestDatabase,
    /// Processes of the database that stand still.
    hung: Vec<String>,
}

impl Cluster {
    /// With settings of the database, as in `-c name=value`.
    pub(super) fn start(settings: &str) -> Self {
        let server = PostgresServer::start(settings);
        let database = server.database();
        // A superuser would be let in however full it is. What they make is of one role; their connections can be told apart.
        database.psql(
            "CREATE ROLE updraft;
             DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO updraft', current_database()); END $$",
        );
        for number in 0..NODES {
            let role = role(number);
            database.psql(&format!(
                "CREATE ROLE {role} LOGIN IN ROLE updraft; ALTER ROLE {role} SET role = 'updraft'"
            ));
        }
        let nodes = (0..NODES).map(|number| node(&database, number)).collect();
        Self {
            nodes,
            server,
            database,
            hung: Vec::new(),
        }
    }

    pub(super) fn urls(&self) -> Vec<&str> {
        self.nodes.iter().map(|node| &*node.url).collect()
    }

    pub(super) fn fails(&mut self, fault: NodeFault, number: usize) {
        let node = &mut self.nodes[number];
        match fault {
            NodeFault::Killed => node.end(),
            NodeFault::Stopped => node.signal("TERM"),
            NodeFault::Paused => node.signal("STOP"),
            NodeFault::CutOff => {
                self.let_in(number, 0);
                let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename";
                self.database.psql(&format!("{cut} = '{}'", role(number)));
            }
            NodeFault::Hung => {
                let all = "SELECT pid FROM pg_stat_activity WHERE usename";
                let pids = self.database.psql(&format!("{all} = '{}'", role(number)));
                self.hung = pids.lines().map(str::to_owned).collect();
                self.signal_hung("STOP");
            }
        }
    }

    /// So many connections of a node, and no more; any number for -1.
    fn let_in(&self, number: usize, most: i32) {
        let limit = format!("ALTER ROLE {} CONNECTION LIMIT {most}", role(number));
        self.database.psql(&limit);
    }

    /// Some may have ended by themselves.
    fn signal_hung(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.arg(format!("-{name}"))
            .args(&self.hung)
            .stderr(Stdio::null());
        kill.status().expect("kill runs");
    }

    pub(super) fn is_back(&mut self, fault: NodeFault, number: usize) {
        match fault {
            NodeFault::Killed => self.nodes[number] = node(&self.database, number),
            NodeFault::Stopped => {
                let again = node(&self.database, number);
                let stopped = std::mem::replace(&mut self.nodes[number], again);
                assert!(stopped.wait().0, "a node that is told to stop ends well");
            }
            NodeFault::Paused => self.nodes[number].signal("CONT"),
            NodeFault::CutOff => self.let_in(number, -1),
            NodeFault::Hung => self.signal_hung("CONT"),
        }
    }

    pub(super) fn database_fails(&mut self, fault: DatabaseFault) {
        match fault {
            DatabaseFault::Crashed => self.server.crash(),
            DatabaseFault::Cut => self.database.cut(),
            DatabaseFault::Full => {
                (0..NODES).for_each(|node| self.let_in(node, 2));
                self.database.cut();
            }
        }
    }

    pub(super) fn database_is_back(&mut self, fault: DatabaseFault) {
        match fault {
            DatabaseFault::Crashed => self.server.start_again(),
            DatabaseFault::Cut => {}
            DatabaseFault::Full => (0..NODES).for_each(|node| self.let_in(node, -1)),
        }
    }

    /// All that is in the journal, as the database itself has it.
    pub(super) fn history(&self) -> History {
        #[derive(Deserialize)]
        struct Row {
            seq: u64,
            #[serde(flatten)]
            told: Told,
        }
        let sql = "SELECT json_build_object('seq', e.seq, 'key', e.key, 'token', e.data::json ->> 'title')
            FROM updraft.events AS e JOIN updraft.topics AS t ON t.id = e.topic WHERE t.name = 'board' ORDER BY e.seq";
        let rows = self.database.psql(sql);
        let rows = rows.lines().map(|row| serde_json::from_str(row).expect("a row"));
        let mut history = History::new();
        for Row { seq, told } in rows {
            assert_eq!(history.insert(seq, told), None, "a number is given once");
        }
        history
    }

    /// All that always holds in a journal holds in this one.
    pub(super) fn verify(&self) {
        let (done, stdout, stderr) = updraft(&["log", "--database", &self.database.url, "verify"], "");
        assert!(done, "{stdout}{stderr}");
    }

    /// Keys of which the database keeps another event than the last of the history.
    pub(super) fn unfolded(&self) -> String {
        self.database.psql(
            "DO $$ BEGIN
                WHILE updraft.settle(1000000) IS DISTINCT FROM (SELECT max(seq) FROM updraft.events) LOOP END LOOP;
             END $$",
        );
        self.database.psql(
            "SELECT key, fold.seq, l.seq FROM (
                SELECT DISTINCT ON (topic, key) topic, key, seq, data IS NULL AS ended FROM updraft.events
                WHERE key IS NOT NULL ORDER BY topic, key, seq DESC
             ) AS fold FULL JOIN updraft.latest AS l USING (topic, key)
             WHERE CASE WHEN fold.ended THEN NULL ELSE fold.seq END IS DISTINCT FROM l.seq",
        )
    }
}

fn role(node: usize) -> String {
    format!("updraft_{node}")
}

fn node(database: &TestDatabase, number: usize) -> Program {
    let user = format!("user={}", role(number));
    let url = database.url.replace("user=postgres", &user);
    let flags = [&["--database", &url, "--drain-timeout", "2s"], &PATIENT[..]].concat();
    // Errors are what this is about: they fill a pipe that nobody reads.
    Program::start_on(Stdio::null(), &[], &flags)
}
