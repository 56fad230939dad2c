//! One budget for what is held for all clients together: calls that come in, wait and run, what they unpack to, and
//! answers that wait for their clients. Clients that hold much reach the limit before clients that hold little.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use prometheus_client::metrics::counter::Counter;
use serde_json::json;
use tokio::sync::{Mutex as Turns, Notify};

use crate::error::{CallError, Code};

/// Bytes that a queue or a buffer of one client may hold uncounted, and the steps in which more is counted: what is small
/// and soon gone costs no count that all cores share.
pub(crate) const STEP: usize = 16 << 10;

/// Retry time of a call that found no memory: a guess, as it depends on when other clients read.
const AFTER_MS: u64 = 1000;

/// The last quarter is for clients that hold no more than their part of it.
const PARTS: usize = 4;

/// What may be held for all clients together.
#[derive(Debug)]
pub(crate) struct Budget {
    most: usize,
    held: AtomicUsize,
    /// Clients with held bytes.
    holders: AtomicUsize,
    refused: Counter,
    freed: Notify,
    /// Held by the client that is next to get what it waits for.
    turn: Turns<()>,
}

impl Budget {
    /// A budget of so many bytes; what is refused because of it is counted there.
    pub(crate) fn new(most: usize, refused: Counter) -> Arc<Self> {
        Arc::new(Self {
            most,
            held: AtomicUsize::new(0),
            holders: AtomicUsize::new(0),
            refused,
            freed: Notify::new(),
            turn: Turns::default(),
        })
    }

    pub(crate) fn most(&self) -> usize {
        self.most
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Clients with held bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn holders(&self) -> usize {
        self.holders.load(Ordering::Relaxed)
    }

    /// The largest that is granted to a client that waits for it, however much others hold that hold little.
    pub(crate) fn largest(&self) -> usize {
        self.most / 2
    }

    /// The most that a client with so many held bytes may hold.
    fn limit(&self, own: usize) -> usize {
        match self.is_little(own) {
            true => self.most,
            false => self.most - self.most / PARTS,
        }
    }

    /// Whether a client that holds so much has no more than its part of the last quarter.
    fn is_little(&self, own: usize) -> bool {
        own <= self.most / PARTS / self.holders.load(Ordering::Relaxed).max(1)
    }
}

/// One client, as the budget sees it.
#[derive(Debug)]
pub(crate) struct Holder {
    budget: Arc<Budget>,
    held: AtomicUsize,
}

impl Holder {
    pub(crate) fn new(budget: Arc<Budget>) -> Arc<Self> {
        Arc::new(Self {
            budget,
            held: AtomicUsize::new(0),
        })
    }

    /// Nothing yet.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        Held {
            holder: self.clone(),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Completes when something was given back to the budget after this was called.
    pub(crate) fn freed(&self) -> impl Future<Output = ()> + '_ {
        self.budget.freed.notified()
    }

    /// The error of a call without memory.
    pub(crate) fn refuse(&self) -> CallError {
        self.budget.refused.inc();
        CallError::new(
            Code::Overloaded,
            "the server holds as much for its clients as it may",
        )
        .with_details(json!({ "after_ms": AFTER_MS }))
    }

    fn take(&self, bytes: usize) -> bool {
        let own = self.held.fetch_add(bytes, Ordering::AcqRel);
        if own == 0 {
            self.budget.holders.fetch_add(1, Ordering::AcqRel);
        }
        let limit = self.budget.limit(own.saturating_add(bytes));
        let more = |held: usize| held.checked_add(bytes).filter(|held| *held <= limit);
        let held = &self.budget.held;
        let is_taken = held
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, more)
            .is_ok();
        if !is_taken {
            self.own_less(bytes);
        }
        is_taken
    }

    fn give_back(&self, bytes: usize) {
        self.budget.held.fetch_sub(bytes, Ordering::AcqRel);
        self.own_less(bytes);
        self.budget.freed.notify_waiters();
    }

    fn own_less(&self, bytes: usize) {
        if self.held.fetch_sub(bytes, Ordering::AcqRel) == bytes {
            self.budget.holders.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Bytes that are held for a client, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    holder: Arc<Holder>,
    bytes: AtomicUsize,
}

impl Held {
    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Holds so many more, where the budget has them.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let is_taken = bytes == 0 || self.holder.take(bytes);
        if is_taken {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        is_taken
    }

    /// Holds so many less, as far as it holds any.
    pub(crate) fn give_back(&self, bytes: usize) {
        let less = |held: usize| Some(held.saturating_sub(bytes));
        let held = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .unwrap_or_default();
        match bytes.min(held) {
            0 => {}
            bytes => self.holder.give_back(bytes),
        }
    }

    /// Holds at least what a queue of so many bytes counts; whether the budget has it.
    pub(crate) fn cover(&self, bytes: usize) -> bool {
        self.take(counted(bytes).saturating_sub(self.bytes()))
    }

    /// Holds the same as `cover` does, as soon as the budget has it, after those that asked before; clients that hold little then do
    /// not wait for those that do not. A client that waits should hold nothing that it gives back only afterwards: so those that were
    /// granted theirs come to an end, and all others get theirs, where none asks for more than [`Budget::largest`].
    pub(crate) async fn granted(&self, bytes: usize) {
        let budget = &self.holder.budget;
        let more = counted(bytes).saturating_sub(self.bytes());
        let is_little = || budget.is_little(self.holder.held.load(Ordering::Relaxed).saturating_add(more));
        if is_little() && self.cover(bytes) {
            return;
        }
        let turn = budget.turn.lock();
        tokio::pin!(turn);
        let mut is_next = None;
        loop {
            let freed = budget.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if (is_next.is_some() || is_little()) && self.cover(bytes) {
                return;
            }
            tokio::select! {
                next = &mut turn, if is_next.is_none() => is_next = Some(next),
                () = freed => {}
            }
        }
    }

    /// Whether it holds what a queue of so many bytes counts.
    pub(crate) fn covers(&self, bytes: usize) -> bool {
        self.bytes() >= counted(bytes)
    }

    /// Holds no more than that.
    pub(crate) fn shrink_to(&self, bytes: usize) {
        self.give_back(self.bytes().saturating_sub(counted(bytes)));
    }

    /// The same, and hands on what it held beyond.
    pub(crate) fn split(&self, bytes: usize) -> Self {
        let beyond = self.bytes().saturating_sub(counted(bytes));
        self.bytes.fetch_sub(beyond, Ordering::Relaxed);
        Self {
            holder: self.holder.clone(),
            bytes: AtomicUsize::new(beyond),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        match self.bytes() {
            0 => {}
            bytes => self.holder.give_back(bytes),
        }
    }
}

/// What counts of so many bytes.
fn counted(bytes: usize) -> usize {
    match bytes <= STEP {
        true => 0,
        false => bytes.checked_next_multiple_of(STEP).unwrap_or(bytes),
    }
}

/// What is held for one call, from when it comes until it is answered; nothing counts for one that is small, whatever it
/// unpacks to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account(Option<Arc<Held>>);

/// A smaller call unpacks to a quarter of a megabyte at most, and is not worth its account.
const WORTH: usize = 256;

impl Account {
    /// The account of a call of so many bytes.
    pub(crate) fn of(holder: &Arc<Holder>, call: usize) -> Self {
        Self((call >= WORTH).then(|| Arc::new(holder.hold())))
    }

    /// Holds so many bytes more.
    ///
    /// # Errors
    /// [`Code::Overloaded`] where the budget does not have them.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), CallError> {
        match &self.0 {
            Some(held) if !held.take(bytes) => Err(held.holder.refuse()),
            _ => Ok(()),
        }
    }

    /// Holds so many bytes less.
    pub(crate) fn give_back(&self, bytes: usize) {
        if let Some(held) = &self.0 {
            held.give_back(bytes);
        }
    }

    /// Holds nothing any more.
    pub(crate) fn give_back_all(&self) {
        if let Some(held) = &self.0 {
            held.shrink_to(0);
        }
    }
}

#[cfg(test)]
mod tests;
