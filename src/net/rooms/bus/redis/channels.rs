//! The channels of a namespace, as the official adapter names them, and two of Updraft's own.

use std::sync::Arc;

use super::membership::Membership;

/// What is said on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// Emits.
    Broadcasts,
    /// All else that one server says to the others.
    Requests,
    /// What they answer.
    Responses,
    /// What Updraft's nodes ask and answer each other.
    Nodes,
}

/// The names of channels.
pub(super) struct Channels {
    prefix: String,
    uid: String,
}

/// What a node subscribes to for a namespace.
pub(super) struct Subscriptions {
    pub(super) patterns: Vec<(String, Topic)>,
    pub(super) channels: Vec<(String, Topic)>,
}

impl Channels {
    pub(super) fn new(prefix: &str, uid: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            uid: uid.to_owned(),
        }
    }

    /// Where emits go: those to exactly one room have a channel of its own.
    pub(super) fn broadcast(&self, namespace: &str, rooms: &[String]) -> String {
        let all = format!("{}#{namespace}#", self.prefix);
        match rooms {
            [room] => format!("{all}{room}#"),
            _ => all,
        }
    }

    /// The room that a channel of emits is of, where it is of one.
    pub(super) fn room<'a>(&self, namespace: &str, broadcasts: &'a str) -> Option<&'a str> {
        let all = self.broadcast(namespace, &[]);
        broadcasts.strip_prefix(&*all)?.strip_suffix('#')
    }

    pub(super) fn requests(&self, namespace: &str) -> String {
        format!("{}-request#{namespace}#", self.prefix)
    }

    pub(super) fn responses(&self, namespace: &str) -> String {
        format!("{}-response#{namespace}#", self.prefix)
    }

    /// Where Updraft's nodes ask and answer each other: each of them subscribes to it, so its subscribers are their number.
    pub(super) fn nodes(&self, namespace: &str) -> String {
        format!("{}-updraft#{namespace}#", self.prefix)
    }

    /// Whose subscribers are those nodes that Node servers count. Nothing is said there.
    pub(super) fn members(&self, namespace: &str) -> String {
        format!("{}-updraft-members#{namespace}#", self.prefix)
    }

    /// What is subscribed to for a namespace. Node servers wait for an answer of each subscriber of its channel of requests: a
    /// pattern's are not counted.
    pub(super) fn of(&self, namespace: &Arc<str>, membership: Membership) -> Subscriptions {
        let requests = self.requests(namespace);
        let responses = self.responses(namespace);
        let broadcasts = format!("{}*", escaped(&self.broadcast(namespace, &[])));
        let mut patterns = vec![(broadcasts, Topic::Broadcasts)];
        let mut channels = vec![
            (format!("{responses}{}#", self.uid), Topic::Responses),
            (responses, Topic::Responses),
            (self.nodes(namespace), Topic::Nodes),
        ];
        match membership {
            Membership::Member => channels.extend([
                (requests, Topic::Requests),
                (self.members(namespace), Topic::Nodes),
            ]),
            Membership::Listener => patterns.push((escaped(&requests), Topic::Requests)),
        }
        Subscriptions { patterns, channels }
    }
}

/// A pattern that this name alone matches.
fn escaped(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len());
    for character in name.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
