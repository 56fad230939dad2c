//! What Updraft holds in memory with a large journal and many subscribers.

use std::fs;

use super::room::{Room, Source};
use crate::{measure::Size, peers::Peer};

/// Keys of the events, so that the backlog of each subscriber is short.
const KEYS: usize = 100;

/// In a sentence.
pub(crate) async fn measure(size: Size) -> String {
    let mut server = Peer::Updraft.start_with(size.memory, KEYS);
    let directory = server.data.take().expect("a journal");
    drop(server);
    let files = fs::read_dir(directory.path()).expect("a journal").flatten();
    let journal = files
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .sum();
    let server = Peer::Updraft.start_in(directory, 0, KEYS);
    let alone = server.memory();
    let room = Room::connect(&server, Source::Topic, size.many).await;
    let all = server.memory();
    drop(room);
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / f64::from(1 << 20));
    format!(
        "Updraft with {} events of {KEYS} keys in a journal of {} holds {} in memory, {} with {} subscribers.",
        size.memory,
        megabytes(journal),
        megabytes(alone),
        megabytes(all),
        size.many
    )
}
