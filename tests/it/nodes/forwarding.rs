//! Requests that a balancer sends to any node, whichever has their session.

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering::Relaxed},
    },
};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::TcpStream,
    task::{JoinSet, block_in_place},
};
use tokio_tungstenite::{client_async, tungstenite::Message};

use super::wait_for;
use crate::{
    faults::{Polling, ask},
    support::{Program, TestDatabase, node, until, until_async, updraft, within_patience},
};

const STATUS: &str = r#"421["event",{"event":"api.services.status"}]"#;
const ONLINE: &str = r#"431[{"event":"api.services.status","data":"online"}]"#;
const UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;

/// A port that is free now, and that the system gives to no connection.
pub(super) fn port() -> u16 {
    const FIRST: u16 = 10_000;
    const PORTS: u16 = 1_000;
    static NUMBER: AtomicU16 = AtomicU16::new(0);
    // Another test program begins elsewhere.
    let begin = u16::try_from(std::process::id() % u32::from(PORTS)).unwrap();
    (0..PORTS)
        .map(|_| FIRST + NUMBER.fetch_add(1, Relaxed).wrapping_add(begin) % PORTS)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port is free")
}

/// A node that others reach, where it logs, and flags of its own.
fn start(database: &TestDatabase, log: &File, flags: &[&str]) -> Program {
    start_on(port(), database, log, flags)
}

fn start_on(port: u16, database: &TestDatabase, log: &File, flags: &[&str]) -> Program {
    let port = port.to_string();
    let url = format!("http://127.0.0.1:{port}");
    let own = ["--port", &port, "--node-url", &url, "--database", &database.url];
    let flags = [&own[..], flags].concat();
    let variables = [("UPDRAFT_LOG", "debug")];
    block_in_place(|| Program::start_on(log.try_clone().unwrap(), &variables, &flags))
}

/// The same session, asked for at another node.
fn at(node: &Program, session: &Polling) -> Polling {
    Polling {
        url: node.url.clone(),
        target: session.target.clone(),
        id: session.id.clone(),
    }
}

#[test]
fn stock_clients_go_on_wherever_a_balancer_sends_them_and_when_a_node_is_killed() {
    for generation in ["2", "3", "4"] {
        for transport in ["polling", "upgraded"] {
            let database = TestDatabase::new();
            let program = env!("CARGO_BIN_EXE_updraft");
            node("balanced.mjs", &[program, &database.url, generation, transport]);
        }
    }
}

#[test]
fn a_session_is_had_at_any_node_and_its_id_is_in_no_log() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let log = tempfile::NamedTempFile::new().unwrap();
        let [mut first, second] = [(); 2].map(|()| start(&database, log.as_file(), &[]));
        let session = Polling::connect(&first.url).await;
        let away = at(&second, &session);
        away.post(STATUS).await;
        away.until(ONLINE).await;
        session.post(STATUS).await;
        away.until(ONLINE).await;

        let mut websocket = away.websocket().await;
        websocket.send(Message::text("2probe")).await.unwrap();
        assert_eq!(websocket.next().await.unwrap().unwrap(), Message::text("3probe"));
        websocket.send(Message::text("5")).await.unwrap();
        websocket.send(Message::text(STATUS)).await.unwrap();
        let heard = within_patience("an answer", websocket.next()).await;
        assert_eq!(heard.unwrap().unwrap(), Message::text(ONLINE));

        // A node that is gone has no sessions; nor has one that never was.
        let polls = Polling::connect(&first.url).await;
        block_in_place(|| first.end());
        let ended = within_patience("the WebSocket to end", websocket.next()).await;
        assert!(
            matches!(ended, None | Some(Err(_) | Ok(Message::Close(_)))),
            "{ended:?}"
        );
        let gone = at(&second, &polls);
        let made_up = Polling {
            target: gone.target.replace(&polls.id[..8], "made-up_"),
            ..at(&second, &polls)
        };
        for unknown in [&gone, &made_up] {
            let polled = unknown.poll().await;
            assert_eq!((polled.status, polled.text()), (400, UNKNOWN));
            let posted = ask(&unknown.url, "POST", &unknown.target, "", b"3").await;
            assert_eq!((posted.status, posted.text()), (400, UNKNOWN));
        }
        let secret = block_in_place(|| database.psql("SELECT min(secret) FROM updraft.nodes"));
        let logged = std::fs::read_to_string(log.path()).unwrap();
        assert!(secret.len() == 32 && !logged.contains(&secret));
        assert!(logged.contains("another node did not answer"), "{logged}");
        for id in [&session.id, &polls.id] {
            assert!(!logged.contains(&id[8..]), "a session's id is a secret");
        }
    });
}

#[test]
fn a_node_that_comes_again_at_its_address_has_no_sessions_from_before_and_forwards_nothing_to_itself() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let log = tempfile::NamedTempFile::new().unwrap();
        let port = port();
        let mut first = start_on(port, &database, log.as_file(), &[]);
        let second = start(&database, log.as_file(), &[]);
        let session = Polling::connect(&first.url).await;
        at(&second, &session).post(STATUS).await;
        block_in_place(|| first.end());
        let first = start_on(port, &database, log.as_file(), &[]);
        let rows = block_in_place(|| database.psql("SELECT count(*) FROM updraft.nodes"));
        assert_eq!(rows, "2", "the one from before is known no more");

        // And one that says to be at its address all the same.
        let insert = format!(
            "INSERT INTO updraft.nodes VALUES ('mistaken', 'http://127.0.0.1:{port}/', 'x', clock_timestamp() + interval '1 h')"
        );
        block_in_place(|| database.psql(&insert));
        let mistaken = Polling {
            target: session.target.replace(&session.id[..8], "mistaken"),
            ..at(&first, &session)
        };
        for unknown in [&at(&first, &session), &at(&second, &session), &mistaken] {
            let polled = unknown.poll().await;
            assert_eq!((polled.status, polled.text()), (400, UNKNOWN));
        }
        let logged = std::fs::read_to_string(log.path()).unwrap();
        assert!(!logged.contains("another node did not answer"), "{logged}");
    });
}

#[test]
fn a_start_at_an_address_that_a_node_has_leaves_that_node_alone() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let log = tempfile::NamedTempFile::new().unwrap();
        let port = port();
        let _node = start_on(port, &database, log.as_file(), &[]);
        let nodes = || block_in_place(|| database.psql("SELECT string_agg(name, ' ') FROM updraft.nodes"));
        let before = nodes();
        let (port, url) = (port.to_string(), format!("http://127.0.0.1:{port}"));
        let again = [
            "serve",
            "--port",
            &port,
            "--node-url",
            &url,
            "--database",
            &database.url,
        ];
        let (has_started, _, said) = block_in_place(|| updraft(&again, ""));
        assert!(!has_started && said.contains("in use"), "{said}");
        assert_eq!(nodes(), before);
    });
}

#[test]
fn nodes_know_each_other_after_the_database_was_away_for_longer_than_their_lease() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let logs = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
        let [first, second] = [0, 1].map(|node| start(&database, logs[node].as_file(), &[]));
        let sessions = [
            at(&second, &Polling::connect(&first.url).await),
            at(&first, &Polling::connect(&second.url).await),
        ];
        for session in &sessions {
            session.post(STATUS).await;
        }
        block_in_place(|| database.go_away());
        for log in &logs {
            until_async("the node to miss it", async || {
                let logged = std::fs::read_to_string(log.path()).unwrap();
                logged.contains("the directory of nodes is away")
            })
            .await;
        }
        block_in_place(|| database.come_back());
        let expire = "UPDATE updraft.nodes SET until = clock_timestamp() - interval '10 s'";
        block_in_place(|| database.psql(expire));
        until_async("both to be back", async || {
            for session in &sessions {
                session.post(STATUS).await;
            }
            let living = "SELECT count(*) FROM updraft.nodes WHERE until > clock_timestamp()";
            block_in_place(|| database.psql(living)) == "2"
        })
        .await;
    });
}

#[test]
fn a_node_that_hangs_keeps_a_client_of_another_no_longer_than_a_bound() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let log = tempfile::tempfile().unwrap();
        let short = [
            "--ping-interval",
            "5s",
            "--ping-timeout",
            "5s",
            "--body-timeout",
            "5s",
        ];
        let [first, second] = [(); 2].map(|()| start(&database, &log, &short));
        let session = Polling::connect(&first.url).await;
        block_in_place(|| first.signal("STOP"));
        let polled = at(&second, &session).poll().await;
        assert_eq!((polled.status, polled.text()), (400, UNKNOWN));
        block_in_place(|| first.signal("CONT"));
    });
}

#[test]
fn a_node_that_stops_lets_go_what_goes_through_it_to_others() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let log = tempfile::tempfile().unwrap();
        let first = start(&database, &log, &[]);
        let second = start(&database, &log, &["--drain-over", "10s"]);
        let session = Polling::connect(&first.url).await;
        let mut websocket = at(&second, &session).websocket().await;
        websocket.send(Message::text("2probe")).await.unwrap();
        assert_eq!(websocket.next().await.unwrap().unwrap(), Message::text("3probe"));
        block_in_place(|| second.signal("TERM"));
        until_async("it to be unready", async || {
            ask(&second.url, "GET", "/health/ready", "", b"").await.status == 503
        })
        .await;
        let ended = within_patience("the WebSocket to end", websocket.next()).await;
        assert!(matches!(ended, None | Some(Err(_))), "{ended:?}");
        let (succeeded, _) = block_in_place(|| second.wait());
        assert!(succeeded);
        session.post(STATUS).await;
        session.until(ONLINE).await;
        let left = block_in_place(|| database.psql("SELECT count(*) FROM updraft.nodes"));
        assert_eq!(left, "1", "the node that stopped has left");
    });
}

/// Opens WebSockets of sessions of the first node at the second, one after the other, for as long as that one listens.
async fn goes_through(first: String, second: String, opened: Arc<AtomicUsize>) {
    loop {
        let session = Polling::open(&first, 4).await;
        let address = second.strip_prefix("http://").unwrap();
        let Ok(stream) = TcpStream::connect(address).await else {
            return;
        };
        let target = session.target.replace("polling", "websocket");
        if let Ok((mut websocket, _)) = client_async(format!("ws://{address}{target}"), stream).await {
            opened.fetch_add(1, Relaxed);
            while let Some(Ok(_)) = websocket.next().await {}
        }
    }
}

#[test]
fn clients_that_come_again_through_a_node_that_stops_do_not_keep_it() {
    const CLIENTS: usize = 6;
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let log = tempfile::tempfile().unwrap();
        let first = start(&database, &log, &[]);
        let second = start(&database, &log, &["--drain-over", "10s"]);
        let (opened, mut clients) = (Arc::<AtomicUsize>::default(), JoinSet::new());
        for _ in 0..CLIENTS {
            let (first, second) = (first.url.clone(), second.url.clone());
            clients.spawn(goes_through(first, second, opened.clone()));
        }
        until("all to be there", || opened.load(Relaxed) == CLIENTS).await;
        block_in_place(|| second.signal("TERM"));
        within_patience("it to listen no more", clients.join_all()).await;
        assert!(opened.load(Relaxed) > CLIENTS, "they came again");
        assert!(block_in_place(|| second.wait()).0);
    });
}
