//! The members of this node: published, in the order of their changes, and anew where another node ended them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytestring::ByteString;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Change, Command, ENTERED, LEFT, Member, lease_of};
use crate::{
    error::Result,
    event::{Body, Epoch, Event},
    feed::{channels::wait_for_journal, lease::hold},
    journal::{Append, Journal, JournalError},
};

/// Changes that are published together.
const TOGETHER: usize = 256;

/// Has a lease for the members of this node, under another name whenever it may have lost that: other nodes end the members of
/// the name that it had, and it publishes them under the new one.
pub(super) async fn live(journal: Arc<dyn Journal>, name: Epoch, lives: watch::Sender<Option<Arc<str>>>) {
    for life in 0_u64.. {
        let node: Arc<str> = format!("{name}-{life}").into();
        let begun = || {
            lives.send_replace(Some(node.clone()));
        };
        hold(&*journal, &lease_of(&node), begun).await;
        tracing::warn!("another node may have ended this one's members of presences: they enter anew");
    }
}

/// The members of this node, as they are published.
pub(super) struct Node {
    journal: Arc<dyn Journal>,
    /// For those that wait for the end of a socket.
    commands: mpsc::Sender<Command>,
    members: HashMap<Member, Present>,
}

struct Present {
    body: Body,
    _until_gone: AbortOnDropHandle<()>,
}

type Replies = Vec<oneshot::Sender<Result<()>>>;

impl Node {
    pub(super) fn new(journal: Arc<dyn Journal>, commands: mpsc::Sender<Command>) -> Self {
        Self {
            journal,
            commands,
            members: HashMap::new(),
        }
    }

    /// Carries commands out, under the name that the node has.
    pub(super) async fn run(
        mut self,
        mut life: watch::Receiver<Option<Arc<str>>>,
        mut waiting: mpsc::Receiver<Command>,
    ) {
        let mut commands = Vec::new();
        let mut node = None::<Arc<str>>;
        loop {
            tokio::select! {
                biased;
                changed = life.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    node = life.borrow_and_update().clone();
                    if let Some(node) = &node {
                        self.enter_again(node).await;
                    }
                }
                _ = waiting.recv_many(&mut commands, TOGETHER), if node.is_some() => {}
            }
            if let Some(node) = &node {
                self.carry_out(node, commands.drain(..)).await;
            }
        }
    }

    async fn carry_out(&mut self, node: &str, commands: impl Iterator<Item = Command>) {
        let mut batches = BTreeMap::<Arc<str>, Vec<Event>>::new();
        let mut replies = Replies::new();
        for Command {
            member,
            change,
            reply,
        } in commands
        {
            let topic = member.topic.clone();
            if let Some(event) = self.change(node, member, change) {
                batches.entry(topic).or_default().push(event);
            }
            replies.extend(reply);
        }
        for (topic, events) in batches {
            self.publish(&topic, events, &mut replies).await;
        }
        for reply in replies {
            // The caller may have given up.
            let _ = reply.send(Ok(()));
        }
    }

    /// What is to be published of a change.
    fn change(&mut self, node: &str, member: Member, change: Change) -> Option<Event> {
        let key = member.key(node);
        match change {
            Change::Leave => self.members.remove(&member).map(|_| Event::tombstone(LEFT, key)),
            Change::Enter(body, gone) => {
                match self.members.get_mut(&member) {
                    Some(present) if present.body == body => return None,
                    Some(present) => present.body = body.clone(),
                    None => {
                        let present = Present {
                            body: body.clone(),
                            _until_gone: self.leave_after(member.clone(), gone),
                        };
                        self.members.insert(member, present);
                    }
                }
                Some(entered(key, body))
            }
        }
    }

    /// A member leaves when its socket has gone.
    fn leave_after(&self, member: Member, gone: CancellationToken) -> AbortOnDropHandle<()> {
        let commands = self.commands.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            gone.cancelled_owned().await;
            let leave = Command {
                member,
                change: Change::Leave,
                reply: None,
            };
            // It fails when all ends.
            let _ = commands.send(leave).await;
        }))
    }

    /// Publishes all members, under the name that the node has now.
    async fn enter_again(&self, node: &str) {
        let mut batches = BTreeMap::<&str, Vec<Event>>::new();
        for (member, present) in &self.members {
            let event = entered(member.key(node), present.body.clone());
            batches.entry(&member.topic).or_default().push(event);
        }
        for (topic, events) in batches {
            for events in events.chunks(TOGETHER) {
                self.publish(topic, events.to_vec(), &mut Replies::new()).await;
            }
        }
    }

    /// Publishes until it is done. Callers are told where it takes longer.
    async fn publish(&self, topic: &str, events: Vec<Event>, replies: &mut Replies) {
        let append = Append {
            topic: topic.to_owned(),
            events,
            ..Append::default()
        };
        while let Err(error) = self.journal.append(append.clone()).await {
            for reply in replies.drain(..) {
                let _ = reply.send(Err(JournalError::refusal(error.clone())));
            }
            wait_for_journal("a presence", &error).await;
        }
    }
}

fn entered(key: ByteString, body: Body) -> Event {
    Event {
        body,
        ..Event::new(ENTERED).key(key)
    }
}
