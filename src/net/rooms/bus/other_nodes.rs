//! The other nodes, as rooms see them: what they are told, and asked.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::timeout;

use super::{
    Bus, Nodes,
    message::{AcksWanted, Answer, Message, NamedEvent},
    requests::{Answered, Requests, Waiting},
};
use crate::{
    call::{
        hub::{Change, RemoteSocket},
        payload::Arguments,
        peer::{Ack, SocketId},
        target::Target,
    },
    error::{CallError, Code, Result},
};

/// How long other nodes have for their answers. Socket.IO's adapters give as long.
const ANSWER: Duration = Duration::from_secs(5);

/// How often it is looked whether a node that is waited for is still there.
const LOOK: Duration = Duration::from_millis(250);

/// Most sockets of other nodes that an event with acks waits for: their counts are what a message says.
const MOST_ASKED: usize = 1 << 20;

/// The other nodes that share the rooms of a server.
pub(in crate::net) struct OtherNodes {
    bus: Arc<dyn Bus>,
    requests: Requests,
}

/// Those nodes that a request waits for.
struct Expected<'a> {
    nodes: &'a OtherNodes,
    namespace: &'a str,
    /// Those that were there when it began.
    first: Nodes,
    answered: Nodes,
    until: Instant,
}

impl OtherNodes {
    pub(in crate::net) fn new(bus: Arc<dyn Bus>) -> Self {
        Self {
            bus,
            requests: Requests::default(),
        }
    }

    /// What carries the messages.
    pub(in crate::net) fn bus(&self) -> &Arc<dyn Bus> {
        &self.bus
    }

    /// Emits to their sockets.
    pub(in crate::net) async fn emit(&self, namespace: &str, target: &Target, event: NamedEvent) {
        let emit = Message::Emit {
            target: target.clone(),
            event,
            acks: None,
        };
        self.bus.publish(namespace, emit).await;
    }

    /// Emits to their sockets and collects the acks, in the order in which they come; none where it is not known how many nodes
    /// there are, as on a Redis Cluster.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub(in crate::net) async fn ask(
        &self,
        namespace: &str,
        target: &Target,
        event: NamedEvent,
        wait: Duration,
    ) -> Result<Vec<Ack<Arguments>>> {
        let joined = self.join(namespace);
        let Ok(nodes) = self.bus.nodes(&joined.namespace).await else {
            // Nobody knows how many acks to wait for: their sockets get it all the same.
            self.emit(namespace, target, event).await;
            return Ok(Vec::new());
        };
        if nodes.count() == 0 {
            return Ok(Vec::new());
        }
        let mut waiting = self.requests.begin()?;
        let request = waiting.id.clone();
        let emit = Message::Emit {
            target: target.clone(),
            event,
            acks: Some(AcksWanted { request, wait }),
        };
        let deadline = Instant::now() + wait;
        self.bus.publish(namespace, emit).await;
        let mut expected = self.expected(namespace, nodes, wait.min(ANSWER));
        let mut acks = Acks::default();
        while Instant::now() < deadline && (acks.are_missing() || expected.are_missing().await) {
            let Some(Answered { from, answer }) = next(&mut waiting, deadline).await else {
                continue;
            };
            match answer {
                Answer::Asked { sockets, ids } => {
                    let is_first = expected.answers(from);
                    if is_first {
                        acks.asked(sockets, ids);
                    }
                }
                Answer::Acked { socket, arguments } => acks.acked(socket.as_deref(), arguments),
                _ => {}
            }
        }
        Ok(acks.all())
    }

    /// Changes their sockets.
    pub(in crate::net) async fn change(&self, namespace: &str, target: &Target, change: Change<'_>) {
        let target = target.clone();
        let message = match change {
            Change::Join(room) => Message::Join {
                target,
                rooms: vec![room.to_owned()],
            },
            Change::Leave(room) => Message::Leave {
                target,
                rooms: vec![room.to_owned()],
            },
            Change::Disconnect => Message::Disconnect {
                target,
                closes: false,
            },
            Change::Close => Message::Disconnect { target, closes: true },
        };
        self.bus.publish(namespace, message).await;
    }

    /// Their sockets that are meant.
    ///
    /// # Errors
    /// [`Code::Unavailable`] where one of the nodes does not answer in time, and while the bus is away.
    pub(in crate::net) async fn sockets(
        &self,
        namespace: &str,
        target: &Target,
    ) -> Result<Vec<RemoteSocket>> {
        let list = |request| Message::List {
            target: target.clone(),
            request,
        };
        let mut found = Vec::new();
        let take = |answer| {
            if let Answer::Sockets(sockets) = answer {
                found.extend(sockets);
            }
        };
        self.gather(namespace, list, take).await?;
        Ok(found)
    }

    /// Announces an event to the nodes themselves.
    pub(in crate::net) async fn announce(&self, namespace: &str, event: NamedEvent) {
        let announce = Message::Announce { event, request: None };
        self.bus.publish(namespace, announce).await;
    }

    /// The same, and what each of them answers.
    ///
    /// # Errors
    /// As [`OtherNodes::sockets`].
    pub(in crate::net) async fn announce_with_ack(
        &self,
        namespace: &str,
        event: NamedEvent,
    ) -> Result<Vec<Arguments>> {
        let announce = |request| Message::Announce {
            event,
            request: Some(request),
        };
        let mut answers = Vec::new();
        let take = |answer| {
            if let Answer::Heeded(answer) = answer {
                answers.push(answer);
            }
        };
        self.gather(namespace, announce, take).await?;
        Ok(answers)
    }

    /// A node answers a request of this one.
    pub(in crate::net) fn answered(&self, request: &str, from: Option<String>, answer: Answer) {
        self.requests.answer(request, Answered { from, answer });
    }

    /// One answer of each node.
    async fn gather(
        &self,
        namespace: &str,
        message: impl FnOnce(String) -> Message,
        mut take: impl FnMut(Answer),
    ) -> Result<()> {
        let joined = self.join(namespace);
        let nodes = self.bus.nodes(&joined.namespace).await?;
        let count = nodes.count();
        if count == 0 {
            return Ok(());
        }
        let mut waiting = self.requests.begin()?;
        let mut expected = self.expected(namespace, nodes, ANSWER);
        self.bus.publish(namespace, message(waiting.id.clone())).await;
        while expected.are_missing().await {
            if let Some(Answered { from, answer }) = next(&mut waiting, expected.until).await
                && expected.answers(from)
            {
                take(answer);
            }
        }
        match expected.missing().await {
            0 => Ok(()),
            missing => {
                let message = format!("{missing} of {count} other nodes did not answer in time");
                Err(CallError::new(Code::Unavailable, message))
            }
        }
    }

    /// Hears a namespace for as long as something is asked there, whether this node has sockets in it or not.
    fn join(&self, namespace: &str) -> Joined<'_> {
        let namespace: Arc<str> = namespace.into();
        self.bus.join(&namespace);
        Joined {
            bus: &*self.bus,
            namespace,
        }
    }

    fn expected<'a>(&'a self, namespace: &'a str, first: Nodes, wait: Duration) -> Expected<'a> {
        Expected {
            nodes: self,
            namespace,
            first,
            answered: Nodes::default(),
            until: Instant::now() + wait,
        }
    }
}

/// A namespace that is heard until this is dropped.
struct Joined<'a> {
    bus: &'a dyn Bus,
    namespace: Arc<str>,
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        self.bus.leave(&self.namespace);
    }
}

impl Expected<'_> {
    /// A node answers; whether that is its first answer.
    fn answers(&mut self, from: Option<String>) -> bool {
        match from {
            Some(node) => self.answered.named.insert(node),
            None => {
                self.answered.unnamed += 1;
                true
            }
        }
    }

    /// Nodes that have not answered, and are not known to be gone.
    async fn missing(&self) -> usize {
        // Which of them are gone is not known.
        let unnamed = self.first.unnamed.saturating_sub(self.answered.unnamed);
        let unanswered: Vec<_> = self.first.named.difference(&self.answered.named).collect();
        if unanswered.is_empty() {
            return unnamed;
        }
        let there = self.nodes.bus.nodes(self.namespace).await.ok();
        let is_there = |node: &&&String| there.as_ref().is_none_or(|there| there.named.contains(**node));
        unnamed + unanswered.iter().filter(is_there).count()
    }

    /// Whether there are some, and they have time left.
    async fn are_missing(&self) -> bool {
        Instant::now() < self.until && self.missing().await > 0
    }
}

/// The next answer, or nothing after a while.
async fn next(waiting: &mut Waiting, until: Instant) -> Option<Answered> {
    let left = until.saturating_duration_since(Instant::now());
    timeout(left.min(LOOK), waiting.answers.recv())
        .await
        .ok()
        .flatten()
}

/// The acks that come of an event, and those that do not.
#[derive(Default)]
struct Acks {
    come: Vec<Ack<Arguments>>,
    asked: usize,
    /// Of those that were asked, as far as their ids are known.
    silent: HashSet<String>,
}

impl Acks {
    fn asked(&mut self, sockets: usize, ids: Vec<String>) {
        self.asked = self.asked.saturating_add(sockets).min(MOST_ASKED);
        let come = |id: &String| self.come.iter().any(|ack| ack.socket.as_str() == id);
        self.silent.extend(ids.into_iter().filter(|id| !come(id)));
    }

    fn acked(&mut self, socket: Option<&str>, arguments: Arguments) {
        let id = socket.map_or_else(SocketId::unknown, SocketId::of_other_node);
        self.silent.remove(id.as_str());
        self.come.push(Ack {
            socket: id,
            result: Ok(arguments),
        });
    }

    fn are_missing(&self) -> bool {
        self.come.len() < self.asked
    }

    /// One of each socket.
    fn all(self) -> Vec<Ack<Arguments>> {
        let (mut all, missing) = (self.come, self.asked);
        let ids = self.silent.iter().map(|id| SocketId::of_other_node(id));
        let silent = ids.chain(std::iter::repeat_with(SocketId::unknown));
        let silent = silent.take(missing.saturating_sub(all.len()));
        all.extend(silent.map(|socket| Ack {
            socket,
            result: Err(CallError::new(Code::Timeout, "no ack in time")),
        }));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_no_node_has_takes_no_memory_to_speak_of() {
        let mut acks = Acks::default();
        for _ in 0..3 {
            acks.asked(usize::MAX, vec!["one".to_owned()]);
        }
        acks.acked(Some("two"), Arguments::default());
        let all = acks.all();
        assert_eq!(all.len(), MOST_ASKED);
        assert!(all[0].result.is_ok(), "what came is not lost");
    }
}
