//! Changes of members that wait to be published: of each member the last one, so that none is dropped, and there are no more of
//! them than members.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::Member;
use crate::{error::Result, event::Body};

/// What becomes of a member.
pub(super) enum Change {
    /// It is there, until its socket has gone.
    Enter(Body, CancellationToken),
    Leave,
}

pub(super) type Reply = oneshot::Sender<Result<()>>;

/// The last change of a member, and those that wait for it or for one before.
pub(super) struct Waiting {
    pub(super) change: Change,
    pub(super) replies: Vec<Reply>,
}

#[derive(Default)]
pub(super) struct Changes {
    waiting: Mutex<HashMap<Member, Waiting>>,
    added: Notify,
}

impl Changes {
    pub(super) fn add(&self, member: Member, change: Change, reply: Option<Reply>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut replies = waiting
            .remove(&member)
            .map_or_else(Vec::new, |before| before.replies);
        // Those that gave up.
        replies.retain(|reply| !reply.is_closed());
        replies.extend(reply);
        waiting.insert(member, Waiting { change, replies });
        self.added.notify_one();
    }

    /// A member leaves, where nothing has become of it since.
    pub(super) fn leave_unless_changed(&self, member: Member) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(member).or_insert_with(|| Waiting {
            change: Change::Leave,
            replies: Vec::new(),
        });
        self.added.notify_one();
    }

    /// Waits until there are some.
    pub(super) async fn added(&self) {
        self.added.notified().await;
    }

    /// All that there are.
    pub(super) fn take(&self) -> Vec<(Member, Waiting)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.drain().collect()
    }
}
