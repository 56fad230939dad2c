//! What may happen to a session, read from arbitrary bytes: each string of bytes is a story, and most are different ones.

use std::time::Duration;

use crate::net::engineio::{packet::Protocol, session::Transport};

/// Longest that a step waits, in milliseconds.
const WAITS: [u64; 8] = [1, 20, 150, 1_000, 6_000, 15_000, 26_000, 60_000];

/// Sizes of what the server says, in bytes.
const SIZES: [usize; 4] = [0, 300, 3_000, 40_000];

/// Something that happens to a session: its client does it, the server, the network or the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The client abandons the session that it has, and begins another.
    Open(Protocol, Transport),
    Poll,
    /// A poll beside the one that there is.
    PollTwice,
    /// The connection of the poll is lost.
    LosePoll,
    /// So many messages by POST.
    Post(u32),
    /// The head of a POST and a part of its body.
    PostPart,
    /// The connection of the POST is lost.
    LosePost,
    /// A WebSocket that is to take the session over.
    OpenWebSocket,
    Probe,
    /// The client says that it comes, once its polls and POSTs are over.
    Upgrade,
    /// The same, whatever else it has begun.
    UpgradeInHaste,
    /// The connection of the WebSocket is lost.
    LoseWebSocket,
    /// The client reads the WebSocket, or leaves it unread.
    ReadWebSocket(bool),
    /// So many messages over the WebSocket that carries the session.
    Send(u32),
    /// Bytes that may be no packet, by whatever carries the session.
    Junk(Vec<u8>),
    /// The same over a WebSocket, whatever that is for.
    JunkOnWebSocket(Vec<u8>),
    /// The server says so many messages of so many bytes.
    Say(u32, usize),
    /// The same, as it is written out for many.
    Publish,
    /// The client answers heartbeats, or is silent.
    Beat(bool),
    /// The server reads no more of it for a while.
    Pause,
    Resume,
    ClientClose,
    /// The WebSocket's own farewell.
    CloseFrame,
    ServerClose,
    ServerCloseInPeace,
    /// Time passes: nothing else happens, but that the client goes on polling and answers heartbeats.
    Wait(Duration),
}

impl Step {
    /// Whether a session may be over for it, though its client keeps the order.
    pub(crate) fn may_end_a_session(&self) -> bool {
        matches!(
            self,
            Self::Beat(false)
                | Self::ReadWebSocket(false)
                | Self::ClientClose
                | Self::CloseFrame
                | Self::ServerClose
                | Self::ServerCloseInPeace
        )
    }
}

/// A step, and how often all others have their turn before the next.
pub(crate) type Timed = (Step, u8);

/// Reads steps: two bytes each, and the bytes of those that say any.
pub(crate) fn steps(mut bytes: &[u8]) -> Vec<Timed> {
    let mut steps = Vec::new();
    while let [kind, argument, rest @ ..] = bytes {
        bytes = rest;
        let junk = usize::from(argument / 8).min(rest.len());
        let step = step(*kind, *argument, &rest[..junk]);
        if let Step::Junk(_) | Step::JunkOnWebSocket(_) = step {
            bytes = &rest[junk..];
        }
        steps.push((step, argument % 8));
    }
    steps
}

fn step(kind: u8, argument: u8, junk: &[u8]) -> Step {
    let argument = argument / 8;
    let count = u32::from(argument) + 1;
    let one_of = |many: usize| usize::from(argument) % many;
    match kind % 44 {
        0 => Step::Open(protocol(argument), Transport::Polling),
        1 => Step::Open(protocol(argument), Transport::WebSocket),
        2..=6 => Step::Poll,
        7..=10 => Step::Post(count.min(16)),
        11..=14 => Step::Send(count),
        15..=18 => Step::Say(count.min(20), SIZES[one_of(SIZES.len())]),
        19 => Step::Publish,
        20..=22 => Step::OpenWebSocket,
        23..=26 => Step::Probe,
        27..=30 => Step::Upgrade,
        31 => Step::UpgradeInHaste,
        32 => Step::LoseWebSocket,
        33 => Step::ReadWebSocket(argument.is_multiple_of(2)),
        34 => Step::Beat(argument.is_multiple_of(2)),
        35 => Step::Pause,
        36 => Step::Resume,
        37..=39 => Step::Wait(Duration::from_millis(WAITS[one_of(WAITS.len())])),
        40 => Step::PostPart,
        41 => Step::Junk(junk.to_vec()),
        42 => Step::JunkOnWebSocket(junk.to_vec()),
        _ => ending(argument),
    }
}

fn protocol(argument: u8) -> Protocol {
    match argument.is_multiple_of(3) {
        true => Protocol::V3,
        false => Protocol::V4,
    }
}

fn ending(argument: u8) -> Step {
    match argument % 7 {
        0 => Step::PollTwice,
        1 => Step::LosePoll,
        2 => Step::LosePost,
        3 => Step::ClientClose,
        4 => Step::CloseFrame,
        5 => Step::ServerClose,
        _ => Step::ServerCloseInPeace,
    }
}
