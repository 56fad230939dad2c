//! PgBouncer in transaction mode between nodes and the database: no statement finds the session of the one before it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt;
use tokio::{
    net::TcpStream,
    task::{JoinSet, block_in_place, spawn_blocking},
};
use updraft::{
    Event,
    journal::{Append, Journal, PostgresJournal, Retention, Tailed},
};

use super::{forwarding::port, programs::clients_get_all_in_order, wait_for};
use crate::support::{PATIENT, Program, TestDatabase, journal_answer, until_async, within_patience};

/// Fewer connections to the database than one node takes for itself.
const CONNECTIONS: usize = 4;

/// Runs as an ordinary user, which Debian's refuses to do otherwise.
const RUN: &str = r#"
as=
[ "$(id -u)" != 0 ] || as="setpriv --reuid=nobody --regid=nogroup --clear-groups"
exec $as "$(command -v pgbouncer || echo /usr/sbin/pgbouncer)" -q "$0"
"#;

struct Pooler {
    child: Child,
    _settings: tempfile::NamedTempFile,
    address: SocketAddr,
}

impl Pooler {
    async fn before(database: &TestDatabase) -> Self {
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, port()).into();
        let settings = tempfile::Builder::new().suffix(".ini").tempfile().unwrap();
        let text = format!(
            "[databases]\n* = host={} port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {CONNECTIONS}\n\
             max_client_conn = 200\n",
            database.directory().display(),
            database.port(),
            address.port(),
        );
        std::fs::write(settings.path(), text).unwrap();
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(settings.path(), readable).unwrap();
        let child = Command::new("sh")
            .args(["-c", RUN])
            .arg(settings.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let this = Self {
            child,
            _settings: settings,
            address,
        };
        until_async("PgBouncer to listen", async || {
            TcpStream::connect(address).await.is_ok()
        })
        .await;
        this
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(name: &str) -> Append {
    Append {
        topic: "board".to_owned(),
        events: vec![Event::new(name.to_owned()).key("card").data(name).unwrap()],
        ..Append::default()
    }
}

#[test]
fn nodes_behind_a_pooler_append_and_are_told_all_while_its_connections_are_cut() {
    const TASKS: usize = 4;
    const EACH: usize = 50;
    wait_for(async {
        let database = Arc::new(block_in_place(TestDatabase::new));
        let pooler = Pooler::before(&database).await;
        let url = database.url_by(pooler.address);
        let mut nodes = Vec::new();
        for _ in 0..2 {
            let node = PostgresJournal::open(&url, Some(&database.url)).await.unwrap();
            nodes.push(Arc::new(node));
        }
        let tails: Vec<_> = nodes.iter().map(|node| node.tail()).collect();
        let mut appending = JoinSet::new();
        for number in 0..2 * TASKS {
            let node = nodes[number % 2].clone();
            appending.spawn(async move {
                for event in 0..EACH {
                    node.append(said(&format!("{number}.{event}"))).await.unwrap();
                    // Readers take turns with the writer on the few connections.
                    let _ = node.bounds("board").await;
                }
            });
        }
        let cutting = database.clone();
        spawn_blocking(move || cutting.cut()).await.unwrap();
        while let Some(done) = appending.join_next().await {
            done.unwrap();
        }
        let mut orders = Vec::new();
        for mut tail in tails {
            let mut told: Vec<u64> = Vec::new();
            while told.len() < 2 * TASKS * EACH {
                match within_patience("the tail to go on", tail.next()).await {
                    Some(Tailed::Batch(batch)) => told.extend(batch.iter().map(|record| record.seq)),
                    other => panic!("{other:?} after {} events", told.len()),
                }
            }
            assert!(told.is_sorted_by(|one, next| one < next));
            orders.push(told);
        }
        assert_eq!(orders[0], orders[1]);

        let removed = nodes[0].compact(
            "board",
            Retention {
                least: Duration::ZERO,
                ..Retention::default()
            },
        );
        let removed = removed.await.unwrap();
        assert_eq!(removed.events, (2 * TASKS * EACH - 1) as u64);
        let minute = Duration::from_secs(60);
        let lease = async |node: &PostgresJournal| {
            let lease = async || node.lease("compaction", minute).await;
            journal_answer(lease).await.unwrap()
        };
        assert!(lease(&nodes[0]).await.is_some());
        assert_eq!(lease(&nodes[1]).await, None);

        // What a batch sets is of its transaction alone: another's session has none of it.
        let connected = tokio_postgres::connect(&url, tokio_postgres::NoTls).await;
        let (other, connection) = connected.unwrap();
        tokio::spawn(connection);
        for _ in 0..2 * CONNECTIONS {
            let shown = other
                .query_typed("SELECT current_setting('lock_timeout')", &[])
                .await
                .unwrap();
            assert_eq!(shown[0].get::<_, String>(0), "0");
        }
    });
}

#[test]
fn clients_of_two_nodes_behind_a_pooler_get_what_is_published_in_order() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let pooler = Pooler::before(&database).await;
        let url = database.url_by(pooler.address);
        let flags = ["--database", &url, "--database-listen", &database.url];
        let start = || block_in_place(|| Program::start(&[&flags, &PATIENT[..]].concat()));
        clients_get_all_in_order(&[start(), start()]).await;
    });
}
