//! What is to be said on a channel, as a notification or a row.

use std::collections::HashMap;

use crate::net::rooms::bus::cluster::encode::{Encoded, stand_in};

/// Messages of one statement.
pub(super) const TOGETHER: usize = 512;

/// PostgreSQL takes notifications of less than 8000 bytes. Some are left for what tells equal ones apart.
const SHORT: usize = 7992;

/// What is to be said on a channel.
pub(super) struct Outgoing {
    pub(super) channel: String,
    /// The notification, or what stands before the row's number in it.
    pub(super) head: String,
    pub(super) tail: &'static str,
    pub(super) row: Option<Vec<u8>>,
}

impl Outgoing {
    /// A message on a channel; none where it cannot be written.
    pub(super) fn new(channel: String, message: Encoded, uid: &str) -> Option<Self> {
        let is_short = message.buffers.is_empty() && message.text.len() < SHORT;
        let (head, tail, row) = match is_short {
            true => (message.text, "", None),
            false => {
                let (head, tail) = stand_in(uid, message.kind).ok()?;
                (head, tail, Some(message.to_msgpack().ok()?))
            }
        };
        Some(Self {
            channel,
            head,
            tail,
            row,
        })
    }

    /// Bytes that it holds.
    pub(super) fn size(&self) -> usize {
        self.head.len() + self.row.as_ref().map_or(0, Vec::len)
    }
}

/// PostgreSQL says only once what is said twice in one transaction; white space makes a difference to it, and none to readers.
pub(super) fn tell_apart(queued: &mut [Outgoing]) {
    const SPACES: [char; 4] = [' ', '\n', '\t', '\r'];
    let mut said: HashMap<(&str, &str), usize> = HashMap::new();
    let times = queued.iter().map(|message| {
        let before = said.entry((&message.channel, &message.head)).or_default();
        *before += 1;
        *before - 1
    });
    let times: Vec<usize> = times.collect();
    for (message, mut before) in queued.iter_mut().zip(times) {
        if message.row.is_some() {
            continue;
        }
        while before > 0 {
            before -= 1;
            message.head.push(SPACES[before % SPACES.len()]);
            before /= SPACES.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_is_said_often_in_one_statement_stays_short_and_is_said_each_time() {
        let message = |head: &str| Outgoing {
            channel: "socket.io#/".to_owned(),
            head: head.to_owned(),
            tail: "",
            row: None,
        };
        let longest = "x".repeat(SHORT - 1);
        let mut queued: Vec<_> = (0..TOGETHER).map(|_| message(&longest)).collect();
        queued.push(message("another"));
        tell_apart(&mut queued);
        let heads: HashSet<_> = queued.iter().map(|message| &message.head).collect();
        assert_eq!(heads.len(), TOGETHER + 1);
        assert!(heads.iter().all(|head| head.len() < 8000));
        assert_eq!(queued[0].head, longest);
        assert_eq!(queued[TOGETHER].head, "another");
    }
}
