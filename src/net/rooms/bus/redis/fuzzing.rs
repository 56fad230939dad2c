//! Messages for the fuzzer.

use super::{
    channels::{Channels, Topic},
    decode::{self, Said},
    encode::Writer,
    membership::Membership,
    of_node,
};
use crate::net::socketio::ROOT;

const TOPICS: [Topic; 4] = [Topic::Broadcasts, Topic::Requests, Topic::Responses, Topic::Nodes];

/// What can be read of a message is written so that it can be read again, and is then the same.
pub(in crate::net) fn replay(message: &[u8]) {
    let uid = "EzJs2i";
    let writer = Writer {
        uid: uid.to_owned(),
        channels: Channels::new("socket.io", uid),
        membership: Membership::Member,
    };
    for said in TOPICS
        .into_iter()
        .filter_map(|topic| read(topic, message).ok().flatten())
    {
        // JSON that nests too deep, or a number that no double holds, goes no further.
        for written in writer.write(ROOT, &said.message).unwrap_or_default() {
            let topic = topic(&written.channel);
            let again = read(topic, &written.payload);
            assert!(again.is_ok(), "what was written is read: {again:?}");
            // The answer to a request of another server refers to that.
            if let (Topic::Broadcasts | Topic::Nodes, Ok(Some(again))) = (topic, again) {
                let twice = writer.write(ROOT, &again.message).unwrap_or_default();
                let is_same = twice.iter().any(|twice| twice.payload == written.payload);
                assert!(is_same, "it is written as it was");
            }
        }
    }
}

fn topic(channel: &str) -> Topic {
    let begins = |kind: &str| channel.starts_with(kind);
    match channel {
        _ if begins("socket.io#") => Topic::Broadcasts,
        _ if begins("socket.io-request#") => Topic::Requests,
        _ if begins("socket.io-response#") => Topic::Responses,
        _ => Topic::Nodes,
    }
}

fn read(topic: Topic, payload: &[u8]) -> serde_json::Result<Option<Said>> {
    match topic {
        Topic::Broadcasts => decode::broadcast(payload, ROOT),
        Topic::Requests => decode::request(payload, Membership::Member),
        Topic::Responses => decode::response(payload),
        Topic::Nodes => of_node(payload),
    }
}
