//! One budget for what is held for all clients together: calls that come in, wait and run, what they unpack to, and
//! answers that wait for their clients. Who holds much finds none left before those who hold little do.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use prometheus_client::metrics::counter::Counter;
use serde_json::json;
use tokio::sync::Notify;

use crate::error::{CallError, Code};

/// Bytes that a queue or a buffer of one client may hold uncounted, and the steps in which more is counted: what is small
/// and soon gone costs no count that all cores share.
pub(crate) const STEP: usize = 16 << 10;

/// When one that found no room may find it: a guess, as nobody knows when others take their answers.
const AFTER_MS: u64 = 1000;

/// The last quarter is for clients that hold no more than their part of it.
const PARTS: usize = 4;

/// What may be held for all clients together.
#[derive(Debug)]
pub(crate) struct Budget {
    most: usize,
    held: AtomicUsize,
    /// Clients for whom something is held.
    holders: AtomicUsize,
    refused: Counter,
    freed: Notify,
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
        })
    }

    pub(crate) fn most(&self) -> usize {
        self.most
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Clients for whom something is held.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn holders(&self) -> usize {
        self.holders.load(Ordering::Relaxed)
    }

    /// What one may hold in all who holds so much then.
    fn limit(&self, own: usize) -> usize {
        let last = self.most / PARTS;
        let fair = last / self.holders.load(Ordering::Relaxed).max(1);
        match own <= fair {
            true => self.most,
            false => self.most - last,
        }
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

    /// Why something is not taken in, as its caller is told.
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

    /// Holds no more than that.
    pub(crate) fn settle(&self, bytes: usize) {
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
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    fn budget(most: usize) -> Arc<Budget> {
        Budget::new(most, Counter::default())
    }

    #[test]
    fn who_holds_little_is_served_when_those_who_hold_much_are_not() {
        let budget = budget(1600);
        let (greedy, modest) = (Holder::new(budget.clone()), Holder::new(budget.clone()));
        let much = greedy.hold();
        assert!(!much.take(1201), "the last quarter is for others");
        assert!(much.take(1200));
        assert!(!much.take(1));
        let little = modest.hold();
        assert!(!little.take(201), "two hold: a half of the last quarter each");
        assert!(little.take(200));
        assert!(!little.take(1));
        drop(much);
        assert!(little.take(1000));
        drop(little);
        assert_eq!((budget.held(), budget.holders.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn a_queue_counts_in_steps_and_nothing_while_it_is_short() {
        let budget = budget(10 * STEP);
        let queue = Holder::new(budget.clone()).hold();
        assert!(queue.cover(STEP));
        assert_eq!(budget.held(), 0);
        assert!(queue.cover(STEP + 1) && queue.cover(10));
        assert_eq!(budget.held(), 2 * STEP);
        let handed_on = queue.split(0);
        assert_eq!(budget.held(), 2 * STEP);
        assert!(queue.cover(3 * STEP) && !queue.cover(8 * STEP));
        queue.settle(0);
        assert_eq!(budget.held(), 2 * STEP);
        drop(handed_on);
        assert_eq!(budget.held(), 0);
    }

    #[tokio::test]
    async fn those_who_wait_hear_that_something_was_given_back() {
        let holder = Holder::new(budget(100));
        let held = holder.hold();
        assert!(held.take(10));
        let freed = holder.freed();
        drop(held);
        freed.await;
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Take(usize),
        GiveBack(usize),
        Cover(usize),
        Settle(usize),
        Split(usize),
        Drop,
    }

    fn step() -> impl Strategy<Value = Step> {
        let bytes = || 0..5 * STEP;
        prop_oneof![
            bytes().prop_map(Step::Take),
            bytes().prop_map(Step::GiveBack),
            bytes().prop_map(Step::Cover),
            bytes().prop_map(Step::Settle),
            bytes().prop_map(Step::Split),
            Just(Step::Drop),
        ]
    }

    fn play(holder: &Arc<Holder>, steps: &[Step], most: usize) {
        let mut held = holder.hold();
        let mut handed_on = Vec::new();
        for step in steps {
            match *step {
                Step::Take(bytes) => drop(held.take(bytes)),
                Step::GiveBack(bytes) => held.give_back(bytes),
                Step::Cover(bytes) => {
                    let has = held.cover(bytes);
                    assert!(!has || held.bytes() >= counted(bytes));
                }
                Step::Settle(bytes) => {
                    held.settle(bytes);
                    assert!(held.bytes() <= counted(bytes));
                }
                Step::Split(bytes) => handed_on.push(held.split(bytes)),
                Step::Drop => held = holder.hold(),
            }
            assert!(holder.budget.held() <= most);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever clients do at the same time, no more is held than may be, and nothing when all have gone.
        #[test]
        fn it_is_never_exceeded_and_never_leaks(
            clients in proptest::collection::vec(proptest::collection::vec(step(), 0..40), 1..5),
            most in 0..12 * STEP,
        ) {
            let budget = budget(most);
            thread::scope(|scope| {
                for steps in &clients {
                    // Two threads for each client: its calls and its queue are on different ones.
                    let holder = Holder::new(budget.clone());
                    let same = holder.clone();
                    scope.spawn(move || play(&holder, steps, most));
                    scope.spawn(move || play(&same, steps, most));
                }
            });
            prop_assert_eq!(budget.held(), 0);
            prop_assert_eq!(budget.holders.load(Ordering::Relaxed), 0);
        }
    }
}
