//! Work that one node at a time does: a lease of the journal says which.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use tokio::time::{sleep_until, timeout};

use crate::journal::{Journal, JournalError, Lease};

/// So long after a node died its leases are free.
pub(super) const TTL: Duration = Duration::from_secs(6);

/// How often a lease is renewed, and asked for where another node has it.
pub(super) const EVERY: Duration = Duration::from_secs(2);

/// Does work while this node has the lease of this name; it begins anew whenever another node may have been at it.
///
/// Where the lease may have ended, since it could not be renewed or this process stood still, the work is not polled. It
/// goes on if no other node had the lease meanwhile; else it is dropped at the `await` that it has come to. (What was being polled
/// when the process stood still goes on to the next `await`.)
pub(super) async fn on_one_node<W: Future<Output = ()>>(
    journal: Arc<dyn Journal>,
    name: String,
    begin: impl Fn() -> W,
) {
    let mut holder = Holder::new(Instant::now());
    let mut work = None;
    loop {
        let ask = ask(&*journal, &name, holder.asks_at);
        let (asked, answer) = beside(ask, &mut work, || holder.holds(Instant::now())).await;
        tell(&mut holder, &name, &answer);
        match holder.answered(asked, answer) {
            Work::Same => {}
            Work::Anew => work = Some(Box::pin(begin())),
            Work::None => work = None,
        }
    }
}

/// Has the lease of this name until another node may have it. Says when it has begun to.
pub(super) async fn hold(journal: &dyn Journal, name: &str, begun: impl FnOnce()) {
    let mut holder = Holder::new(Instant::now());
    let mut begun = Some(begun);
    loop {
        let (asked, answer) = ask(journal, name, holder.asks_at).await;
        tell(&mut holder, name, &answer);
        match (holder.answered(asked, answer), begun.take()) {
            (Work::Anew, Some(begun)) => begun(),
            (Work::Same, not_yet) => begun = not_yet,
            (_, Some(not_yet)) => begun = Some(not_yet),
            (_, None) => return,
        }
    }
}

/// Asks for a lease when it is time to; the answer, and when that was.
async fn ask(
    journal: &dyn Journal,
    name: &str,
    at: Instant,
) -> (Instant, Result<Option<Lease>, JournalError>) {
    sleep_until(at.into()).await;
    let asked = Instant::now();
    let none = |_| Err(JournalError::Unavailable("it does not answer".to_owned()));
    let answer = timeout(EVERY, journal.lease(name, TTL)).await;
    (asked, answer.unwrap_or_else(none))
}

/// Logs that there is no answer: once, as the journal says itself that it is back.
fn tell(holder: &mut Holder, name: &str, answer: &Result<Option<Lease>, JournalError>) {
    if holder.is_news(answer)
        && let Err(error) = answer
    {
        tracing::warn!(lease = name, "a lease was not renewed: {error}");
    }
}

/// Does work, while `may_work`, until a question is answered.
async fn beside<T, W: Future<Output = ()>>(
    question: impl Future<Output = T>,
    work: &mut Option<Pin<Box<W>>>,
    may_work: impl Fn() -> bool,
) -> T {
    let mut question = pin!(question);
    poll_fn(|cx| {
        if let Poll::Ready(answer) = question.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        if let Some(at_work) = work
            && may_work()
            && at_work.as_mut().poll(cx).is_ready()
        {
            *work = None;
        }
        Poll::Pending
    })
    .await
}

/// What a node knows of a lease, and when it asks for it.
struct Holder {
    lease: Option<Lease>,
    asks_at: Instant,
    /// Whether there was no answer to the last question, which is told once.
    is_unanswered: bool,
}

/// What an answer means for the work.
#[derive(Debug, PartialEq, Eq)]
enum Work {
    /// That goes on, if there is some.
    Same,
    /// It begins. What was begun before is dropped: another node may have gone on with it.
    Anew,
    /// It is another node's.
    None,
}

impl Holder {
    fn new(now: Instant) -> Self {
        Self {
            lease: None,
            asks_at: now,
            is_unanswered: false,
        }
    }

    /// Whether no other node has it now.
    fn holds(&self, now: Instant) -> bool {
        self.lease.is_some_and(|lease| now < lease.until)
    }

    /// Whether an answer is the first in a row that is none.
    fn is_news(&mut self, answer: &Result<Option<Lease>, JournalError>) -> bool {
        let was_unanswered = std::mem::replace(&mut self.is_unanswered, answer.is_err());
        self.is_unanswered && !was_unanswered
    }

    fn answered(&mut self, asked: Instant, answer: Result<Option<Lease>, JournalError>) -> Work {
        self.asks_at = asked + EVERY;
        let Ok(answer) = answer else {
            return Work::Same;
        };
        let before = std::mem::replace(&mut self.lease, answer);
        match (before, answer) {
            (_, None) => Work::None,
            (Some(before), Some(now)) if before.token == now.token => Work::Same,
            (_, Some(_)) => Work::Anew,
        }
    }
}

#[cfg(test)]
mod tests;
