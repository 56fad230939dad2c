//! Three programs, as users start them, on a database of the story's own; and what fails of them.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use serde::Deserialize;

use super::{
    super::heard::{History, Told},
    databases::{DatabaseFault, Databases, NODES as ROLE, wait_until},
    network::{self, Cut, Link, Network},
};
use crate::support::{Lost, PATIENT, Program, updraft};

pub(super) const NODES: usize = 3;

/// What a node does that fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum NodeFault {
    /// It is killed, and started again.
    Killed,
    /// SIGTERM: it ends by itself, and is started again.
    Stopped,
    /// It does nothing for a while, and does not know that.
    Paused,
    /// The database ends its connections, and takes none of it.
    Refused,
    /// What the database does for it stands still, also while that has the lock of all appends.
    Hung,
    /// It does not reach its database or its clients, or they do not reach it.
    CutOff(Link, Cut),
}

pub(super) const NODE_FAULTS: [NodeFault; 10] = [
    NodeFault::Killed,
    NodeFault::Stopped,
    NodeFault::Paused,
    NodeFault::Refused,
    NodeFault::Hung,
    NodeFault::CutOff(Link::Database, Cut::Told),
    NodeFault::CutOff(Link::Database, Cut::Silent(Lost::All)),
    NodeFault::CutOff(Link::Database, Cut::Silent(Lost::Answers)),
    NodeFault::CutOff(Link::Clients, Cut::Silent(Lost::All)),
    NodeFault::CutOff(Link::Clients, Cut::Silent(Lost::Answers)),
];

pub(super) struct Cluster {
    pub(super) nodes: Vec<Program>,
    network: Box<dyn Network>,
    databases: Databases,
    /// Processes of the database that stand still.
    hung: Vec<String>,
}

impl Cluster {
    /// With settings of the database, as in `-c name=value`.
    pub(super) fn start(settings: &str) -> Self {
        let (network, databases) = network::chosen(NODES, settings);
        // A superuser would be let in however full it is. What they make is of one role; their connections can be told apart.
        databases.psql(&format!(
            "CREATE ROLE {ROLE};
             DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {ROLE}', current_database()); END $$",
        ));
        for number in 0..NODES {
            let role = role(number);
            databases.psql(&format!(
                "CREATE ROLE {role} LOGIN IN ROLE {ROLE}; ALTER ROLE {role} SET role = '{ROLE}'"
            ));
        }
        let mut this = Self {
            nodes: Vec::new(),
            network,
            databases,
            hung: Vec::new(),
        };
        for number in 0..NODES {
            let node = this.node(number);
            this.nodes.push(node);
        }
        this
    }

    fn node(&self, number: usize) -> Program {
        let hosts = self.network.hosts(number);
        let (role, name) = (role(number), self.databases.name());
        let url = format!("postgres://{role}@{hosts}/{name}?sslmode=disable");
        let flags = [&["--database", &url, "--drain-timeout", "2s"], &PATIENT[..]].concat();
        self.network.start(number, &flags)
    }

    /// Where clients reach the nodes.
    pub(super) fn urls(&self) -> Vec<String> {
        (0..NODES).map(|number| self.network.url(number)).collect()
    }

    pub(super) fn fails(&mut self, fault: NodeFault, number: usize) {
        let node = &mut self.nodes[number];
        match fault {
            NodeFault::Killed => node.end(),
            NodeFault::Stopped => node.signal("TERM"),
            NodeFault::Paused => node.signal("STOP"),
            NodeFault::Refused => {
                self.let_in(number, 0);
                let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename";
                self.databases.psql(&format!("{cut} = '{}'", role(number)));
            }
            NodeFault::Hung => {
                let all = "SELECT pid FROM pg_stat_activity WHERE usename";
                let pids = self.databases.psql(&format!("{all} = '{}'", role(number)));
                self.hung = pids.lines().map(str::to_owned).collect();
                self.signal_hung("STOP");
            }
            NodeFault::CutOff(link, cut) => self.network.cut(number, link, cut),
        }
    }

    /// So many connections of a node, and no more; any number for -1.
    fn let_in(&self, number: usize, most: i32) {
        let limit = format!("ALTER ROLE {} CONNECTION LIMIT {most}", role(number));
        self.databases.psql(&limit);
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
            NodeFault::Killed => self.nodes[number] = self.node(number),
            NodeFault::Stopped => {
                // Before the new one, which may take its port.
                wait_until("the node to end", || self.nodes[number].has_ended());
                let again = self.node(number);
                let stopped = std::mem::replace(&mut self.nodes[number], again);
                assert!(stopped.wait().0, "a node that is told to stop ends well");
            }
            NodeFault::Paused => self.nodes[number].signal("CONT"),
            NodeFault::Refused => self.let_in(number, -1),
            NodeFault::Hung => self.signal_hung("CONT"),
            NodeFault::CutOff(link, _) => self.network.mend(number, link),
        }
    }

    pub(super) fn database_fails(&mut self, fault: DatabaseFault, sync: Duration) {
        self.databases.fails(fault, sync);
    }

    pub(super) fn database_is_back(&mut self, fault: DatabaseFault) {
        self.databases.is_back(fault);
    }

    /// The standby takes the place of the primary, with what it has.
    pub(super) fn primary_is_lost(&mut self) {
        self.databases.lose_primary();
    }

    /// What one node at a time does for as long as it can is done by one that can: compaction, as an example.
    pub(super) fn compaction_has_moved(&self) {
        let held = "SELECT until > clock_timestamp() FROM updraft.leases WHERE name = 'compaction'";
        wait_until("compaction to move", || self.databases.psql(held) == "t");
    }

    /// The standby gets nothing more, and commits do not wait for it.
    pub(super) fn leave_standby_behind(&self) {
        self.databases.leave_standby_behind();
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
        let rows = self.databases.psql(sql);
        let rows = rows.lines().map(|row| serde_json::from_str(row).expect("a row"));
        let mut history = History::new();
        for Row { seq, told } in rows {
            assert_eq!(history.insert(seq, told), None, "a number is given once");
        }
        history
    }

    /// All that always holds in a journal holds in this one.
    pub(super) fn verify(&self) {
        let (done, stdout, stderr) = updraft(&["log", "--database", &self.databases.url(), "verify"], "");
        assert!(done, "{stdout}{stderr}");
    }

    /// Keys of which the database keeps another event than the last of the history.
    pub(super) fn unfolded(&self) -> String {
        self.databases.psql(
            "DO $$ BEGIN
                WHILE updraft.settle(1000000) IS DISTINCT FROM (SELECT max(seq) FROM updraft.events) LOOP END LOOP;
             END $$",
        );
        self.databases.psql(
            "SELECT key, fold.seq, l.seq FROM (
                SELECT DISTINCT ON (topic, key) topic, key, seq, data IS NULL AS ended FROM updraft.events
                WHERE key IS NOT NULL ORDER BY topic, key, seq DESC
             ) AS fold FULL JOIN updraft.latest AS l USING (topic, key)
             WHERE CASE WHEN fold.ended THEN NULL ELSE fold.seq END IS DISTINCT FROM l.seq",
        )
    }
}

fn role(node: usize) -> String {
    format!("{ROLE}_{node}")
}
