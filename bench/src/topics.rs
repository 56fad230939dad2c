//! What topics cost: durable publishes beside the bare store, live events beside a bare room emit, a large backlog,
//! and memory.

use std::{path::Path, time::Instant};

use futures_util::future::join_all;
use tempfile::TempDir;

use crate::{
    client::Client,
    figures::Spread,
    peers::{store::Store, updraft::KEYS},
    process::{self, ServerProcess},
};

/// How much is done.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rounds: usize,
    pub(crate) subscribers: usize,
    pub(crate) backlog: usize,
    pub(crate) memory: usize,
}

impl Size {
    pub(crate) const FULL: Self = Self {
        rounds: 9,
        subscribers: 1000,
        backlog: 100_000,
        memory: 1_000_000,
    };
    pub(crate) const SMOKE: Self = Self {
        rounds: 1,
        subscribers: 50,
        backlog: 2000,
        memory: 5000,
    };
}

fn updraft(data: &TempDir, events: usize, keys: usize) -> ServerProcess {
    let data = data.path().to_str().expect("UTF-8");
    ServerProcess::start(&["updraft", data, &events.to_string(), &keys.to_string()])
}

fn directory() -> TempDir {
    match std::env::var_os("UPDRAFT_BENCH_DIR") {
        Some(disk) => tempfile::tempdir_in(disk).expect("a directory"),
        None => tempfile::tempdir().expect("a directory"),
    }
}

fn publish(number: usize, key: usize) -> String {
    format!(r#"42{number}["event",{{"event":"bench.publish","data":{key}}}]"#)
}

/// Publishes of so many callers, from call to ack, beside transactions of as many events on the bare store.
pub(crate) async fn durable(callers: usize, size: Size) {
    let (ours, theirs) = (directory(), directory());
    let mut server = updraft(&ours, 0, KEYS);
    let mut store = Store::open(theirs.path()).await;
    let mut clients = join_all((0..callers).map(|_| Client::connect(server.address, ""))).await;
    let each = (16_384 / callers).clamp(16, 1000);
    let (mut rates, mut bare, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=size.rounds {
        let before = server.cpu();
        let start = Instant::now();
        let calls = clients.iter_mut().enumerate().map(async |(caller, client)| {
            for number in 0..each {
                client
                    .send(&publish(number, (caller * each + number) * 7919 % KEYS))
                    .await;
                let answer = client.text().await;
                assert!(
                    answer.starts_with("43") && !answer.contains(r#""error""#),
                    "{answer}"
                );
            }
        });
        join_all(calls).await;
        let events = (callers * each) as f64;
        let rate = events / start.elapsed().as_secs_f64();
        let used = (server.cpu() - before).as_secs_f64() * 1e6 / events;
        let start = Instant::now();
        (0..each).for_each(|_| store.commit(callers));
        // The first round warms up.
        if round > 0 {
            rates.push(rate);
            cpu.push(used);
            bare.push(events / start.elapsed().as_secs_f64());
        }
    }
    println!("durable publish, {callers} callers: events per second");
    println!(
        "{:>22} {}",
        "Updraft, by socket",
        Spread::of(rates.iter().copied())
    );
    println!("{:>22} {}", "bare store", Spread::of(bare.iter().copied()));
    println!("{:>22} {}", "ratio", Spread::of_ratios(&rates, &bare));
    println!("{:>22} {} µs", "server CPU per publish", Spread::of(cpu));
}

/// Live events to many subscribers, so many published at once, beside room emits of socketioxide.
pub(crate) async fn fan_out(burst: usize, size: Size) {
    let data = directory();
    let server = updraft(&data, 0, KEYS);
    let mut ours = FanOut::start(server, r#"{"topics":{"board":null}}"#, 2, size.subscribers).await;
    let bare = ServerProcess::start(&["bare"]);
    let mut theirs = FanOut::start(bare, "", 0, size.subscribers).await;
    let bursts = (64 / burst).max(4);
    let (mut updraft, mut bare) = (Vec::new(), Vec::new());
    for round in 0..=size.rounds {
        let taken = (ours.run(bursts, burst).await, theirs.run(bursts, burst).await);
        if round > 0 {
            updraft.push(taken.0);
            bare.push(taken.1);
        }
    }
    println!(
        "live to {} subscribers, {burst} at once: server CPU per delivery, µs",
        size.subscribers
    );
    println!(
        "{:>22} {}",
        "Updraft, durable",
        Spread::of(updraft.iter().copied())
    );
    println!("{:>22} {}", "bare room emit", Spread::of(bare.iter().copied()));
    println!("{:>22} {}", "ratio", Spread::of_ratios(&updraft, &bare));
}

struct FanOut {
    server: ServerProcess,
    publisher: Client,
    subscribers: Vec<Client>,
}

impl FanOut {
    /// Subscribers who have heard the first `greetings`.
    async fn start(server: ServerProcess, auth: &str, greetings: usize, subscribers: usize) -> Self {
        let mut all = Vec::new();
        for _ in 0..subscribers {
            let mut client = Client::connect(server.address, auth).await;
            for _ in 0..greetings {
                client.text().await;
            }
            all.push(client);
        }
        Self {
            publisher: Client::connect(server.address, "").await,
            server,
            subscribers: all,
        }
    }

    /// Server CPU per delivery, in µs.
    async fn run(&mut self, bursts: usize, burst: usize) -> f64 {
        let before = self.server.cpu();
        for _ in 0..bursts {
            for number in 0..burst {
                self.publisher.feed(&publish(number, number));
            }
            self.publisher.flush().await;
            let mut acks = 0;
            while acks < burst {
                // The bare room has its publisher in it too.
                acks += usize::from(self.publisher.text().await.starts_with("43"));
            }
            join_all(self.subscribers.iter_mut().map(async |subscriber| {
                for _ in 0..burst {
                    let text = subscriber.text().await;
                    assert!(
                        text.starts_with(r#"42["event",{"event":"card.changed""#),
                        "{text}"
                    );
                }
            }))
            .await;
        }
        let deliveries = bursts * burst * self.subscribers.len();
        (self.server.cpu() - before).as_secs_f64() * 1e6 / deliveries as f64
    }
}

/// A large backlog to one fast client.
pub(crate) async fn backlog(size: Size) {
    let data = directory();
    let mut server = updraft(&data, size.backlog * 2, size.backlog);
    let (mut rates, mut cpu, mut load) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        let (before, own) = (server.cpu(), process::cpu());
        let start = Instant::now();
        let mut client = Client::connect(server.address, r#"{"topics":{"board":null}}"#).await;
        let mut events = 0;
        assert!(client.text().await.contains("topic.start"));
        while !client.text().await.contains("topic.live") {
            events += 1;
        }
        assert_eq!(events, size.backlog);
        rates.push(events as f64 / start.elapsed().as_secs_f64());
        cpu.push((server.cpu() - before).as_secs_f64() * 1e6 / events as f64);
        load.push((process::cpu() - own).as_secs_f64() / start.elapsed().as_secs_f64());
    }
    println!(
        "backlog of {} keys to one client: events per second",
        size.backlog
    );
    println!("{:>22} {}", "Updraft", Spread::of(rates));
    println!("{:>22} {} µs", "server CPU per event", Spread::of(cpu));
    println!("{:>22} {} of a core", "the client's own", Spread::of(load));
}

/// What a server holds in memory with a large journal and many subscribers.
pub(crate) async fn memory(size: Size) {
    /// Keys of the events, so that the backlog of each subscriber is short.
    const FEW: usize = 100;
    let data = directory();
    drop(updraft(&data, size.memory, FEW));
    let server = updraft(&data, 0, FEW);
    let megabytes = |server: &ServerProcess| server.memory() as f64 / f64::from(1 << 20);
    let alone = megabytes(&server);
    let all = FanOut::start(server, r#"{"topics":{"board":null}}"#, FEW + 2, size.subscribers).await;
    println!("memory with {} events in the journal, in MB", size.memory);
    println!("{:>22} {alone:.1}", "without clients");
    println!(
        "{:>22} {:.1}",
        format!("{} subscribers", size.subscribers),
        megabytes(&all.server)
    );
    drop(all);
    let journal = std::fs::metadata(Path::new(data.path()).join("journal.db")).expect("a journal");
    println!(
        "{:>22} {:.1}",
        "the file",
        journal.len() as f64 / f64::from(1 << 20)
    );
}
