//! A server under all kinds of use for as long as `UPDRAFT_SOAK` says (seconds; `make soak` for an hour): clients that connect, leave
//! and drop, topics with compaction, streams, uploads, rooms, kills and restarts on one journal. Each event that was acknowledged reaches
//! each reader once, in order; and memory, open files and journal stay as they are.

mod app;
mod line;
mod readers;
mod samples;
mod visitors;
mod writers;

use std::{
    env,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::{readers::Reader, samples::Samples, visitors::Member};
use super::{DATA, PORT, SERVES, is_server, serve, wait_for};
use crate::support::{Again, Running, open_files};

const WRITERS: usize = 4;
const READERS: usize = 3;
const VISITORS: usize = 6;
const MEMBERS: usize = 2;

/// Shares of the time that each process of the server lives until it is killed; the longest is measured.
const LIVES: [f64; 5] = [0.08, 0.08, 0.68, 0.08, 0.08];

/// Samples in all, at most.
const SAMPLES: u32 = 400;

fn time() -> Duration {
    let asked = env::var("UPDRAFT_SOAK").ok();
    Duration::from_secs(asked.map_or(8, |seconds| {
        seconds.parse().expect("UPDRAFT_SOAK is a number of seconds")
    }))
}

/// A server on the journal of those before it, at their port; and where it listens.
fn start(data: &Path, port: &str) -> (Running, String) {
    let mut server = Again::new("proof::soak::a_server_stays_as_it_is_under_use_and_kills_and_loses_nothing")
        .env(SERVES, "1")
        .env(PORT, port)
        .env(DATA, data)
        .start();
    let mut lines = BufReader::new(server.stdout()).lines();
    let url = lines
        .by_ref()
        .map(|line| line.expect("UTF-8"))
        .find_map(|line| Some(line.split_once("listens on ")?.1.to_owned()))
        .expect("it says where it listens");
    std::thread::spawn(move || lines.for_each(drop));
    (server, url)
}

/// A port that is free now, and that the system gives to no connection while the server is gone.
fn port() -> u16 {
    const FIRST: u16 = 11_000;
    const PORTS: u16 = 1_000;
    // Another test program begins elsewhere.
    let begin = u16::try_from(process::id() % u32::from(PORTS)).unwrap();
    let mut ports = (0..PORTS).map(|number| FIRST + (begin + number) % PORTS);
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("a free port")
}

#[test]
fn a_server_stays_as_it_is_under_use_and_kills_and_loses_nothing() {
    if is_server() {
        serve(app::app(), app::config());
    }
    let data = tempfile::tempdir().unwrap();
    let port = port().to_string();
    let (mut server, url) = start(data.path(), &port);
    let url: Arc<str> = url.into();
    let time = time();
    wait_for(async {
        let over = CancellationToken::new();
        let (mut writers, mut visitors, mut members) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
        let mut readers = Vec::new();
        for number in 0..READERS {
            readers.push(tokio::spawn(Reader::new(number, url.clone()).read(over.clone())));
        }
        for number in 0..WRITERS {
            writers.spawn(writers::write(number, url.clone(), over.clone()));
        }
        for number in 0..VISITORS {
            visitors.spawn(visitors::visit(number, url.clone(), over.clone()));
        }
        for _ in 0..MEMBERS {
            members.spawn(Member::default().hear(url.clone(), over.clone()));
        }

        let mut samples = Samples::new(time);
        for (life, share) in LIVES.into_iter().enumerate() {
            let end = Instant::now() + time.mul_f64(share);
            while Instant::now() < end {
                samples.take(life, server.pid(), data.path(), &url).await;
                tokio::time::sleep((time / SAMPLES).max(Duration::from_millis(200))).await;
                assert!(!over.is_cancelled(), "a client failed");
            }
            if life + 1 < LIVES.len() {
                server.kill();
                server = start(data.path(), &port).0;
            }
        }
        over.cancel();
        let acked: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
        let visits: usize = visitors.join_all().await.into_iter().sum();
        let heard: usize = members.join_all().await.into_iter().sum();
        assert!(!acked.is_empty() && visits > 0 && heard > 0, "{visits}, {heard}");
        let kills = LIVES.len() - 1;
        for reader in readers {
            let reader = reader.await.expect("it reads");
            reader.catch_up(&acked).await.has_all(&acked);
        }
        println!(
            "{} s, {kills} kills: {} events acknowledged, each once and in order at {READERS} readers; {visits} visits, {heard} emits heard; \
             {} files open at the end",
            time.as_secs(),
            acked.len(),
            open_files(server.pid()),
        );
        samples.report(LIVES.iter().position(|share| *share > 0.5).expect("a long life"));
    });
}
