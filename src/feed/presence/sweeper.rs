//! Ends the members of nodes that are gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytestring::ByteString;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use super::{LEFT, lease_of, node_of};
use crate::{
    event::Event,
    feed::{
        channels::{Channel, wait_for_journal},
        follower::Follower,
        lease::{EVERY, TTL},
    },
    journal::{Append, JournalError, Record},
};

/// Members that are ended together.
const TOGETHER: usize = 256;

/// Looks after one presence.
pub(super) struct Sweeper {
    channel: Arc<Channel>,
    /// The name of this node.
    life: watch::Receiver<Option<Arc<str>>>,
}

/// The keys of a presence, by the nodes of their members.
#[derive(Default)]
struct Members(BTreeMap<String, BTreeSet<ByteString>>);

impl Members {
    fn fold(&mut self, record: &Record) {
        let Some((key, node)) = record.key.as_ref().and_then(|key| Some((key, node_of(key)?))) else {
            return;
        };
        if !record.is_tombstone() {
            self.0.entry(node.to_owned()).or_default().insert(key.clone());
        } else if let Some(keys) = self.0.get_mut(node) {
            keys.remove(key);
            if keys.is_empty() {
                self.0.remove(node);
            }
        }
    }
}

impl Sweeper {
    pub(super) fn new(channel: Arc<Channel>, life: watch::Receiver<Option<Arc<str>>>) -> Self {
        Self { channel, life }
    }

    /// Ends the members of nodes that are gone by now.
    pub(super) async fn sweep_once(&self) -> Result<(), JournalError> {
        let (_, members) = self.read().await?;
        self.sweep(&members).await
    }

    /// Does so for ever.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            match self.read().await {
                Ok((follower, members)) => self.watch(follower, members).await,
                Err(error) => wait_for_journal("a presence", &error).await,
            }
        }
    }

    async fn read(&self) -> Result<(Follower, Members), JournalError> {
        let mut follower = Follower::new(self.channel.clone(), 0);
        let mut members = Members::default();
        follower.backlog(|record| members.fold(record)).await?;
        Ok((follower, members))
    }

    /// Goes on until compaction overtakes it.
    async fn watch(&self, mut follower: Follower, mut members: Members) {
        let mut looks = interval(EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let heard = tokio::select! {
                heard = follower.next_of_all() => heard,
                _ = looks.tick() => self.sweep(&members).await.map(|()| Some(Vec::new())),
            };
            match heard {
                Ok(Some(page)) => page.iter().for_each(|record| members.fold(record)),
                Ok(None) => return,
                Err(error) => wait_for_journal("a presence", &error).await,
            }
        }
    }

    /// A node whose lease another one gets is gone. It cannot come back by that name, while its members are ended.
    async fn sweep(&self, members: &Members) -> Result<(), JournalError> {
        let here = self.life.borrow().clone();
        for (node, keys) in &members.0 {
            if here.as_deref() == Some(node.as_str()) {
                continue;
            }
            let journal = &self.channel.journal;
            if journal.lease(&lease_of(node), TTL).await?.is_none() {
                continue;
            }
            let topic = &*self.channel.topic.name;
            tracing::info!(topic, "a node is gone: {} members of a presence end", keys.len());
            let keys: Vec<_> = keys.iter().cloned().collect();
            for keys in keys.chunks(TOGETHER) {
                let end = |key: &ByteString| Event::tombstone(LEFT, key.clone());
                let append = Append {
                    topic: topic.to_owned(),
                    events: keys.iter().map(end).collect(),
                    ..Append::default()
                };
                match journal.append(append).await {
                    Ok(_) => {}
                    Err(away @ (JournalError::Unavailable(_) | JournalError::Broken(_))) => return Err(away),
                    // Others are not to wait for what is refused for good.
                    Err(refused) => tracing::error!(topic, "members of a presence do not end: {refused}"),
                }
            }
        }
        Ok(())
    }
}
