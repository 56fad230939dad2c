//! A session with two transports, played in memory on a clock that runs as fast as it can: whatever its client, the server,
//! the network and the clock do, and in whichever order. The unit tests throw stories at it, and the fuzzer looks for more.

// It is a test, also where the fuzzer has it: what does not hold is a panic.
#![allow(clippy::expect_used, clippy::panic)]

mod client;
mod server;
mod step;
mod wire;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{runtime::Handle, task::yield_now, time::sleep};

use self::{
    client::Client,
    server::{Record, Records},
    step::{Step, Timed, steps},
    wire::{Ear, Network, lock},
};
use crate::{
    call::memory::Budget,
    net::engineio::{
        close_reason::CloseReason, http::routes, packet::Protocol, server::Server, session::Transport,
        settings::Settings,
    },
};

/// Each of the server's time limits.
const LIMIT: Duration = Duration::from_secs(10);

const PING_INTERVAL: Duration = Duration::from_secs(25);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest that a session may outlive its client: until it is missed, and its end was waited for.
const LONGEST: Duration = Duration::from_secs(2 * (25 + 20) + 3 * 10);

/// What may be held for all sessions together, in bytes.
const MEMORY: usize = 1 << 20;

/// How often a client that is left in peace may poll until it has heard all: also where one that was abandoned holds what there
/// is of memory until it is missed.
const PEACE: usize = 4000;

/// Plays what the bytes say.
pub(crate) fn play(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (is_peaceful, story) = match bytes.split_first() {
            Some((first, story)) => (first.is_multiple_of(2), story),
            None => (false, bytes),
        };
        let mut play = Play::new();
        for step in steps(story) {
            play.step(step).await;
        }
        if is_peaceful {
            play.calm().await;
        }
        play.end().await;
    });
}

/// A server, and the client of the day.
struct Play {
    server: Arc<Server>,
    memory: Arc<Budget>,
    network: Network,
    records: Records,
    client: Option<Client>,
}

impl Play {
    fn new() -> Self {
        let memory = Budget::new(MEMORY, Default::default());
        let (server, records) = server::server(Settings {
            ping_interval: PING_INTERVAL,
            ping_timeout: PING_TIMEOUT,
            max_message: 64 << 10,
            body_timeout: LIMIT,
            on_late_body: Box::new(|| {}),
            upgrade_timeout: LIMIT,
            send_timeout: LIMIT,
            memory: memory.clone(),
            traffic: None,
            node: "".into(),
            keep_heads: false,
            deflate: None,
        });
        Self {
            network: Network(routes(&server, &["/socket.io".to_owned()])),
            server,
            memory,
            records,
            client: None,
        }
    }

    /// A client whose session is there, and the one before is abandoned.
    async fn open(&mut self, protocol: Protocol, transport: Transport) {
        self.leave();
        let version = match protocol {
            Protocol::V3 => 3,
            Protocol::V4 => 4,
        };
        let (ear, name) = (
            Ear::default(),
            match transport {
                Transport::Polling => "polling",
                Transport::WebSocket => "websocket",
            },
        );
        let target = format!("/socket.io/?EIO={version}&transport={name}");
        let websocket = match transport {
            Transport::WebSocket => Some(self.network.websocket(&target, protocol, &ear)),
            Transport::Polling => {
                let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
                let asked = self.network.ask(request.into_bytes(), protocol, &ear).await;
                assert_eq!(asked.expect("an answer"), 200);
                None
            }
        };
        while lock(&ear).open.is_none() {
            sleep(Duration::from_millis(1)).await;
        }
        let open = lock(&ear).open.take().expect("it was there");
        let id = open.split('"').nth(3).expect("an id");
        let target = format!("{target}&sid={id}");
        let record = lock(&self.records).last().expect("a session").clone();
        self.client = Some(Client::new(
            &self.network,
            (protocol, target),
            record,
            ear,
            websocket,
        ));
    }

    /// The client goes without a word, and what it has heard is right.
    fn leave(&mut self) {
        if let Some(mut client) = self.client.take() {
            client.abandon();
            self::check(&client);
        }
    }

    async fn step(&mut self, (step, turns): Timed) {
        if self.client.as_ref().is_none_or(Client::is_over) && !matches!(step, Step::Open(..)) {
            let transport = match turns % 3 {
                0 => Transport::WebSocket,
                _ => Transport::Polling,
            };
            let protocol = match turns % 2 {
                0 => Protocol::V3,
                _ => Protocol::V4,
            };
            self.open(protocol, transport).await;
        }
        if let Step::Open(protocol, transport) = step {
            self.open(protocol, transport).await;
        } else if let Some(client) = &mut self.client {
            client.look();
            match step {
                Step::Wait(time) => wait(client, time).await,
                step => act(client, &step),
            }
        }
        for _ in 0..turns {
            yield_now().await;
        }
    }

    /// The client hears all, and closes its session.
    async fn calm(&mut self) {
        if let Some(client) = &mut self.client {
            resume(&client.record);
            hear_all(client, || {
                // Others may not be over yet.
                let is_alone = lock(&self.records)
                    .iter()
                    .filter(|record| !record.is_over())
                    .count()
                    == 1;
                !is_alone || self.memory.held() == 0
            })
            .await;
            client.may_be_over = true;
            client.packet("1");
            wait(client, Duration::from_secs(1)).await;
        }
    }

    /// All comes to its end, and nothing is left.
    async fn end(mut self) {
        for record in &*lock(&self.records) {
            resume(record);
        }
        self.leave();
        sleep(LONGEST).await;
        let sessions: Vec<Weak<_>> = self.server.sessions.all().iter().map(Arc::downgrade).collect();
        assert!(sessions.is_empty(), "{} sessions are stuck", sessions.len());
        for record in &*lock(&self.records) {
            assert_eq!(record.closed().len(), 1, "{:?}", record.closed());
            assert!(record.session().is_none(), "a session is held by nobody");
        }
        assert_eq!(self.memory.held(), 0, "bytes are held for nobody");
        assert_eq!(self.memory.holders(), 0, "somebody holds nothing");
        assert_eq!(
            Handle::current().metrics().num_alive_tasks(),
            0,
            "a task lives on"
        );
    }
}

fn resume(record: &Record) {
    if let Some(session) = record.session() {
        session.end_pause(session.pause_reading());
    }
}

fn act(client: &mut Client, step: &Step) {
    let record = client.record.clone();
    let session = record.session();
    client.may_be_over |= step.may_end_a_session();
    match step {
        Step::Poll => client.poll(),
        Step::PollTwice => client.poll_twice(),
        Step::LosePoll => client.lose_poll(),
        Step::Post(count) => client.post(*count),
        Step::PostPart => client.post_part(),
        Step::LosePost => client.lose_post(),
        Step::OpenWebSocket => client.open_websocket(),
        Step::Probe => client.probe(),
        Step::Upgrade => client.upgrade(),
        Step::UpgradeInHaste => client.upgrade_in_haste(),
        Step::LoseWebSocket => client.lose_websocket(),
        Step::ReadWebSocket(reads) => client.read_websocket(*reads),
        Step::Send(count) => client.send(*count),
        Step::Junk(junk) => client.junk(junk),
        Step::JunkOnWebSocket(junk) => client.junk_on_websocket(junk),
        Step::Say(count, size) => record.say(*count, *size),
        Step::Publish => record.publish(),
        Step::Beat(beats) => client.beats = *beats,
        Step::Pause => drop(session.as_ref().map(|session| session.pause_reading())),
        Step::Resume => resume(&record),
        Step::ClientClose => client.packet("1"),
        Step::CloseFrame => client.close_frame(),
        Step::ServerClose => session
            .iter()
            .for_each(|session| session.close(CloseReason::ForcedClose)),
        Step::ServerCloseInPeace => session
            .iter()
            .for_each(|session| session.close_gracefully(CloseReason::ForcedClose)),
        Step::Open(..) | Step::Wait(_) => {}
    }
}

/// Time passes, in which the client polls and answers heartbeats.
async fn wait(client: &mut Client, time: Duration) {
    const SLICE: Duration = Duration::from_secs(5);
    let mut left = time;
    while !left.is_zero() {
        client.look();
        if !client.is_over() {
            client.poll();
            client.beat();
        }
        let slice = left.min(SLICE);
        sleep(slice).await;
        left -= slice;
    }
    client.look();
}

/// Nothing disturbs the client until it has heard all, all that it sent was received, and nothing is held for it.
async fn hear_all(client: &mut Client, holds_nothing: impl Fn() -> bool) {
    client.beats = true;
    client.read_websocket(true);
    let record = client.record.clone();
    for _ in 0..PEACE {
        if client.is_over() || record.is_over() || !client.is_orderly {
            return;
        }
        let heard = lock(&client.ear).numbers.len();
        let has_heard = record.has_said_all() && heard == record.said() as usize;
        if has_heard && client.is_idle() && record.received() == client.sent() && holds_nothing() {
            return;
        }
        wait(client, Duration::from_millis(50)).await;
    }
    panic!(
        "of {} messages {} were heard; of {:?} {:?} were received; or something is held still",
        record.said(),
        lock(&client.ear).numbers.len(),
        client.sent(),
        record.received()
    );
}

/// What was heard and received is what was said and sent, in that order, from the first on.
fn check(client: &Client) {
    let heard = lock(&client.ear).numbers.clone();
    let received = client.record.received();
    let closed = client.record.closed();
    assert!(
        client.may_be_over || !client.is_orderly || closed.is_empty(),
        "it ended for nothing: {closed:?}"
    );
    if client.is_orderly {
        assert!(
            heard.len() <= client.record.said() as usize,
            "more was heard than said"
        );
        assert!(
            heard.iter().copied().eq(1..=heard.len() as u32),
            "heard: {heard:?}"
        );
        assert!(client.sent().starts_with(&received), "received: {received:?}");
    }
}

#[cfg(test)]
mod tests;
