//! A consumer runs on one node at a time, and on another one when that is gone.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    process::Command,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::Value;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::block_in_place,
};
use updraft::{
    App, CallError, Config, Event, JournalConfig, Result, Topic,
    journal::{Append, Journal, Once, PostgresJournal, Record},
};

use super::wait_for;
use crate::support::{Again, Local, Running, TestDatabase, journal_answer, until_async, within_patience};

/// Set for this program where it is to be a node: the URL of its database.
const DATABASE: &str = "UPDRAFT_TEST_CONSUMES_FROM";

const SAID: &str = "consumer: ";

/// An app whose consumer says what it begins and what it has done; an event's data says how many milliseconds that takes, or where
/// it connects to and waits until that connection ends.
fn app() -> App {
    async fn handle(record: Record) -> Result<()> {
        let say = |what: &str| {
            let line = format!("{SAID}{what} {}\n", record.seq);
            std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        };
        say("begins");
        match record.data()?.unwrap_or_default() {
            Value::String(address) => wait_for_end(&address).await,
            ms => tokio::time::sleep(Duration::from_millis(ms.as_u64().unwrap_or_default())).await,
        }
        say("has done");
        Ok(())
    }
    App::new()
        .topic(Topic::new("jobs"))
        .consumer("jobs", "mailer", handle)
}

/// Nothing wakes it meanwhile: what is being polled when its process is stopped goes on where it was.
async fn wait_for_end(address: &str) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.read_u8().await.unwrap_err();
}

fn config(url: &str) -> Config {
    let journal = JournalConfig {
        database: Some(url.into()),
        ..JournalConfig::default()
    };
    Config {
        port: 0,
        journal,
        ..Config::default()
    }
}

/// Runs a node until it is killed, where this process is to be one.
fn be_a_node() -> bool {
    let Ok(url) = env::var(DATABASE) else {
        return false;
    };
    wait_for(async {
        let _server = app().config(config(&url)).start().await.unwrap();
        std::future::pending::<()>().await;
    });
    true
}

/// Nodes as processes, and what their consumers say.
struct Nodes {
    nodes: Vec<Running>,
    says: mpsc::UnboundedSender<(usize, String)>,
    said: mpsc::UnboundedReceiver<(usize, String)>,
    journal: PostgresJournal,
    /// The consumer's position, which is to rise.
    stands: u64,
    /// How many events were published.
    published: u64,
}

impl Nodes {
    async fn start(database: &TestDatabase, story: &str, count: usize) -> Self {
        let (says, said) = mpsc::unbounded_channel();
        let mut this = Self {
            nodes: Vec::new(),
            says,
            said,
            journal: PostgresJournal::open(&database.url, None).await.unwrap(),
            stands: 0,
            published: 0,
        };
        for number in 0..count {
            let test = format!("nodes::consumers::{story}");
            let mut node = block_in_place(|| Again::new(&test).env(DATABASE, &database.url).start());
            let (lines, says) = (BufReader::new(node.stdout()).lines(), this.says.clone());
            std::thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    if let Some(said) = line.split(SAID).nth(1) {
                        let _ = says.send((number, said.to_owned()));
                    }
                }
            });
            this.nodes.push(node);
        }
        this
    }

    /// Publishes once, however often it takes.
    async fn publish(&mut self, work: impl Serialize) -> u64 {
        self.published += 1;
        let append = Append {
            topic: "jobs".to_owned(),
            events: vec![Event::new("job").data(&work).unwrap()],
            once: Some(Once {
                key: self.published.to_string(),
                digest: 0,
                answer: None,
            }),
            ..Append::default()
        };
        journal_answer(async || self.journal.append(append.clone()).await)
            .await
            .unwrap()
            .last
    }

    /// What a node says next, and which.
    async fn next(&mut self) -> (usize, String) {
        let said = within_patience("a consumer to say something", self.said.recv()).await;
        let stands = async || self.journal.committed_offset("jobs", "mailer").await;
        let stands = journal_answer(stands).await.unwrap();
        assert!(stands >= self.stands, "{stands} after {}", self.stands);
        self.stands = stands;
        said.unwrap()
    }

    /// Goes on until an event is done: what was, and by which node.
    async fn until_done(&mut self, seq: u64) -> Vec<(usize, u64)> {
        let mut done = Vec::new();
        while !done.iter().any(|(_, last)| *last == seq) {
            let (node, said) = self.next().await;
            if let Some(seq) = said.strip_prefix("has done ") {
                done.push((node, seq.parse().unwrap()));
            }
        }
        done
    }

    /// Waits until the consumer's position is this one: a node that is killed before that leaves the event to another one.
    async fn until_committed(&self, seq: u64) {
        until_async("the position to be committed", async || {
            self.journal.committed_offset("jobs", "mailer").await == Ok(seq)
        })
        .await;
    }

    fn signal(&self, node: usize, name: &str) {
        let pid = self.nodes[node].pid().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.unwrap().success());
    }
}

#[test]
fn each_event_is_handled_by_one_node_and_another_goes_on_where_that_was_killed() {
    if be_a_node() {
        return;
    }
    wait_for(async {
        let story = "each_event_is_handled_by_one_node_and_another_goes_on_where_that_was_killed";
        let database = block_in_place(TestDatabase::new);
        let mut nodes = Nodes::start(&database, story, 2).await;
        let mut published = Vec::new();
        for _ in 0..20 {
            published.push(nodes.publish(1).await);
        }
        let done = nodes.until_done(published[19]).await;
        let done: Vec<_> = done.into_iter().map(|(_, seq)| seq).collect();
        assert_eq!(done, published, "all is done, once and in order");

        // It is killed in the middle of an event.
        let mut published = Vec::new();
        for _ in 0..20 {
            published.push(nodes.publish(50).await);
        }
        let begins = format!("begins {}", published[3]);
        let first = loop {
            let (node, said) = nodes.next().await;
            if said == begins {
                break node;
            }
        };
        block_in_place(|| nodes.nodes[first].kill());
        let killed = Instant::now();
        let mut times = BTreeMap::<u64, usize>::new();
        let done = nodes.until_done(published[19]).await;
        println!("the other node had done all after {:?}", killed.elapsed());
        for (_, seq) in done {
            *times.entry(seq).or_default() += 1;
        }
        let missed = published[3..].iter().filter(|seq| !times.contains_key(seq));
        assert_eq!(missed.count(), 0, "{times:?}");
        let doubled = times.values().filter(|times| **times > 1);
        assert!(doubled.count() <= 1, "only what it was at: {times:?}");
    });
}

/// What it was at is another node's by then, and is not finished.
#[test]
fn a_node_that_stood_still_does_not_go_on_with_what_another_one_does() {
    if be_a_node() {
        return;
    }
    wait_for(async {
        let story = "a_node_that_stood_still_does_not_go_on_with_what_another_one_does";
        let database = block_in_place(TestDatabase::new);
        let mut nodes = Nodes::start(&database, story, 2).await;
        let work = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let slow = nodes.publish(work.local_addr().unwrap()).await;
        let (first, said) = nodes.next().await;
        assert_eq!(said, format!("begins {slow}"));
        let at_first = work.accept().await.unwrap();
        let mut published = Vec::new();
        for _ in 0..10 {
            published.push(nodes.publish(200).await);
        }
        nodes.signal(first, "STOP");
        let other = 1 - first;
        assert_eq!(nodes.next().await, (other, format!("begins {slow}")));
        let at_other = work.accept().await.unwrap();
        // It could finish now, but its lease is over.
        drop((at_first, at_other));
        nodes.signal(first, "CONT");
        let done = nodes.until_done(published[9]).await;
        assert_eq!(done[0], (other, slow));
        let done = done[1..].iter().map(|(_, seq)| *seq).collect::<Vec<_>>();
        assert_eq!(done, published, "all is done, once and in order");

        nodes.until_committed(published[9]).await;

        // It takes its turn when the other one is gone.
        block_in_place(|| nodes.nodes[other].kill());
        let last = nodes.publish(1).await;
        assert_eq!(nodes.until_done(last).await, [(first, last)]);
    });
}

#[test]
fn a_node_that_stops_gives_its_leases_back() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let other = PostgresJournal::open(&database.url, None).await.unwrap();
        let minute = Duration::from_secs(60);
        let lease = async |name| {
            journal_answer(async || other.lease(name, minute).await)
                .await
                .unwrap()
        };
        let node = Local::start(app(), config(&database.url)).await;
        let names = ["consumer:jobs:mailer", "compaction"];
        let held = "SELECT count(*) FROM updraft.leases WHERE until > clock_timestamp()";
        let both = async || block_in_place(|| database.psql(held)) == "2";
        until_async("the node to have its leases", both).await;
        for name in names {
            assert_eq!(lease(name).await, None, "{name}");
        }
        node.server.stop().await;
        for name in names {
            assert!(lease(name).await.is_some(), "{name}");
        }
    });
}

/// A node moves an event to the dead letters, and dies before the consumer's position is committed: the next one does so again.
#[test]
fn a_dead_letter_is_there_once_also_where_the_position_was_not_committed() {
    async fn fail(record: Record) -> Result<()> {
        Err(CallError::internal(format_args!(
            "{} cannot be handled",
            record.seq
        )))
    }
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let letters = "SELECT count(*) FROM updraft.events JOIN updraft.topics ON id = topic
            WHERE topics.name = 'jobs.dead.mailer'";
        let committed = "SELECT count(*) FROM updraft.consumers WHERE seq > 0";
        let journal = PostgresJournal::open(&database.url, None).await.unwrap();
        let append = Append {
            topic: "jobs".to_owned(),
            events: vec![Event::new("job").data(&0).unwrap()],
            ..Append::default()
        };
        journal.append(append).await.unwrap();
        for _ in 0..2 {
            let app = App::new()
                .topic(Topic::new("jobs"))
                .consumer("jobs", "mailer", fail);
            let node = Local::start(app, config(&database.url)).await;
            until_async("the event to be given up", async || {
                block_in_place(|| database.psql(committed)) == "1"
            })
            .await;
            node.server.stop().await;
            assert_eq!(block_in_place(|| database.psql(letters)), "1");
            block_in_place(|| database.psql("DELETE FROM updraft.consumers WHERE seq > 0"));
        }
    });
}
