//! The members of this node: published, in the order of their changes, and anew where another node ended them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytestring::ByteString;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    ENTERED, LEFT, Member,
    changes::{Change, Changes, Reply, Waiting},
    lease_of,
};
use crate::{
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
    changes: Arc<Changes>,
    members: HashMap<Member, Present>,
}

struct Present {
    body: Body,
    _until_gone: AbortOnDropHandle<()>,
}

/// What is to be published of a member, and those that wait for that.
struct Publication {
    member: Member,
    event: Event,
    replies: Vec<Reply>,
}

impl Node {
    pub(super) fn new(journal: Arc<dyn Journal>, changes: Arc<Changes>) -> Self {
        Self {
            journal,
            changes,
            members: HashMap::new(),
        }
    }

    /// Publishes what changes, under the name that the node has.
    pub(super) async fn run(mut self, mut life: watch::Receiver<Option<Arc<str>>>) {
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
                () = self.changes.added(), if node.is_some() => {}
            }
            if let Some(node) = &node {
                self.carry_out(node).await;
            }
        }
    }

    async fn carry_out(&mut self, node: &str) {
        let mut publications = Vec::new();
        for (member, Waiting { change, replies }) in self.changes.take() {
            match self.change(node, &member, change) {
                Some(event) => publications.push(Publication {
                    member,
                    event,
                    replies,
                }),
                None => answer(replies, &Ok(())),
            }
        }
        self.publish_all(publications).await;
    }

    /// What is to be published of a change.
    fn change(&mut self, node: &str, member: &Member, change: Change) -> Option<Event> {
        let key = member.key(node);
        match change {
            Change::Enter(body, gone) if !gone.is_cancelled() => {
                match self.members.get_mut(member) {
                    Some(present) if present.body == body => return None,
                    Some(present) => present.body = body.clone(),
                    None => {
                        let present = Present {
                            body: body.clone(),
                            _until_gone: self.leave_after(member.clone(), gone),
                        };
                        self.members.insert(member.clone(), present);
                    }
                }
                Some(entered(key, body))
            }
            // Nothing tells again that the socket of one that enters has gone.
            Change::Leave | Change::Enter(..) => {
                self.members.remove(member).map(|_| Event::tombstone(LEFT, key))
            }
        }
    }

    /// A member leaves when its socket has gone.
    fn leave_after(&self, member: Member, gone: CancellationToken) -> AbortOnDropHandle<()> {
        let changes = self.changes.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            gone.cancelled_owned().await;
            changes.add(member, Change::Leave, None);
        }))
    }

    /// Publishes all members, under the name that the node has now.
    async fn enter_again(&mut self, node: &str) {
        let publications = self.members.iter().map(|(member, present)| Publication {
            member: member.clone(),
            event: entered(member.key(node), present.body.clone()),
            replies: Vec::new(),
        });
        let publications = publications.collect();
        self.publish_all(publications).await;
    }

    /// Publishes some at a time, by their topics.
    async fn publish_all(&mut self, publications: Vec<Publication>) {
        let mut topics = BTreeMap::<Arc<str>, Vec<Publication>>::new();
        for publication in publications {
            let of_topic = topics.entry(publication.member.topic.clone()).or_default();
            of_topic.push(publication);
        }
        for (topic, mut rest) in topics {
            while !rest.is_empty() {
                let some = rest.drain(..rest.len().min(TOGETHER)).collect();
                self.publish(&topic, some).await;
            }
        }
    }

    /// Publishes until it is done. Of some that the journal refuses together, each is tried alone.
    async fn publish(&mut self, topic: &str, mut some: Vec<Publication>) {
        let Err(refused) = self.append(topic, &mut some).await else {
            return some.into_iter().for_each(|one| answer(one.replies, &Ok(())));
        };
        if some.len() == 1 {
            return some.into_iter().for_each(|one| self.refuse(one, &refused));
        }
        for one in some {
            let mut one = vec![one];
            match self.append(topic, &mut one).await {
                Ok(()) => one.into_iter().for_each(|one| answer(one.replies, &Ok(()))),
                Err(refused) => one.into_iter().for_each(|one| self.refuse(one, &refused)),
            }
        }
    }

    /// Tries until it is known what the journal does. Callers are told where it takes longer.
    async fn append(&self, topic: &str, some: &mut [Publication]) -> Result<(), JournalError> {
        let append = Append {
            topic: topic.to_owned(),
            events: some.iter().map(|one| one.event.clone()).collect(),
            ..Append::default()
        };
        loop {
            match self.journal.append(append.clone()).await {
                Ok(_) => return Ok(()),
                Err(error @ (JournalError::Unavailable(_) | JournalError::Broken(_))) => {
                    for one in &mut *some {
                        answer(one.replies.drain(..), &Err(error.clone()));
                    }
                    wait_for_journal("a presence", &error).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What the journal does not take is not there, and what was there of it before goes.
    fn refuse(&mut self, Publication { member, replies, .. }: Publication, why: &JournalError) {
        tracing::error!(
            topic = &*member.topic,
            socket = %member.socket,
            "a member of a presence is not there: {why}"
        );
        answer(replies, &Err(why.clone()));
        if let Some(present) = self.members.get_mut(&member) {
            // Of no member: entering with the same again is refused again, too.
            present.body = Body::Tombstone;
            self.changes.leave_unless_changed(member);
        }
    }
}

/// Callers may have given up.
fn answer(replies: impl IntoIterator<Item = Reply>, outcome: &Result<(), JournalError>) {
    for reply in replies {
        let _ = reply.send(outcome.clone().map_err(JournalError::refusal));
    }
}

fn entered(key: ByteString, body: Body) -> Event {
    Event {
        body,
        ..Event::new(ENTERED).key(key)
    }
}
