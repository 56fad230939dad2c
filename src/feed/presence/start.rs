//! The presences of an app, from its start.

use std::sync::Arc;

use tokio::sync::watch;

use super::{
    changes::Changes,
    entry::Presences,
    node::{Node, live},
    sweeper::Sweeper,
};
use crate::{
    error::{CallError, Result},
    event::Epoch,
    feed::{channels::Feed, lease::on_one_node},
    journal::JournalError,
};

/// Begins to tell of the members of this node, after those of nodes that are gone were ended; `None` where the app has no
/// presence.
pub(crate) async fn start_presences(feed: &Feed) -> Result<Option<Arc<Presences>>> {
    let channels = feed.presences();
    if channels.is_empty() {
        return Ok(None);
    }
    let name = Epoch::random().map_err(CallError::internal)?;
    let journal = feed.journal();
    let (lives, life) = watch::channel(None);
    let changes = Arc::<Changes>::default();
    let mut topics = Vec::new();
    for channel in channels {
        let topic = channel.topic.name.clone();
        let lease = format!("presence:{topic}");
        topics.push(topic);
        let sweeper = Arc::new(Sweeper::new(channel, life.clone()));
        sweeper.sweep_once().await.map_err(JournalError::refusal)?;
        feed.spawn(on_one_node(journal.clone(), lease, move || sweeper.clone().run()));
    }
    feed.spawn(live(journal.clone(), name, lives));
    feed.spawn(Node::new(journal.clone(), changes.clone()).run(life));
    Ok(Some(Arc::new(Presences { topics, changes })))
}
