//! What one subject may take, over all its sockets: so many of these at once, and so many calls in a second. Where nodes share a
//! database, over all of them: each socket is confirmed by that (`over_nodes`), and calls are shared out evenly among the nodes
//! that the subject is connected to.

mod calls;
mod share;
mod verdict;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::Shared};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

pub(super) use self::verdict::Verdict;
use self::{calls::Calls, share::Share};
use super::rate::Rates;
use crate::{
    config::Config,
    error::{CallError, Code, Result},
    net::metrics::{Limit, Metrics},
};

/// Retry time for a subject with no free connection: a guess, as disconnects cannot be foreseen.
const AFTER_FULL: Duration = Duration::from_secs(5);

/// Subjects that are kept before those without sockets are looked for.
const FEW: usize = 1024;

/// A subject, however long it is: its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SubjectKey(pub(super) [u8; 32]);

impl SubjectKey {
    fn of(subject: &str) -> Self {
        Self(Sha256::digest(subject).into())
    }
}

/// The shares of all subjects.
#[derive(Clone)]
pub(in crate::net) struct Shares(Arc<All>);

struct All {
    most: usize,
    rates: Rates,
    /// Time without calls after which the whole burst is available again.
    recovery: Duration,
    known: Mutex<Known>,
    metrics: Arc<Metrics>,
    /// Where other nodes count too: their sockets are to be confirmed there.
    asks: OnceLock<mpsc::UnboundedSender<Ask>>,
}

/// A socket of a subject is to be confirmed.
pub(super) struct Ask {
    pub(super) subject: SubjectKey,
    number: u64,
    /// Whether it may stay. Where nothing is answered, it may.
    reply: oneshot::Sender<bool>,
}

#[derive(Default)]
struct Known {
    by_subject: HashMap<SubjectKey, Share>,
    /// So many, and those that have recovered without a socket go.
    sweep_at: usize,
    /// Subjects of whose sockets other nodes know another number.
    changed: HashSet<SubjectKey>,
    /// No other node can be asked.
    is_alone: bool,
    /// The last that was asked.
    asks: u64,
}

impl Shares {
    pub(in crate::net) fn new(config: &Config, metrics: &Arc<Metrics>) -> Self {
        let (rate, burst) = (
            config.limits.call_rate_per_subject.max(1),
            config.limits.call_burst_per_subject,
        );
        Self(Arc::new(All {
            most: config.limits.max_connections_per_subject,
            rates: Rates::new(rate, burst),
            recovery: Duration::from_secs_f64(f64::from(burst) / f64::from(rate)),
            known: Mutex::default(),
            metrics: metrics.clone(),
            asks: OnceLock::new(),
        }))
    }

    /// Sockets are to be confirmed from now on: what is to be asked.
    pub(super) fn asks(&self) -> mpsc::UnboundedReceiver<Ask> {
        let (asks, asked) = mpsc::unbounded_channel();
        // They are asked of one database.
        let _ = self.0.asks.set(asks);
        asked
    }

    pub(super) fn most(&self) -> usize {
        self.0.most
    }

    /// Subjects of whose sockets other nodes know another number, and that number; so many of them. They are told.
    pub(super) fn take_changed(&self, most: usize) -> Vec<(SubjectKey, usize)> {
        let mut known = self.0.known();
        let Known {
            by_subject, changed, ..
        } = &mut *known;
        let taken: Vec<_> = changed.iter().take(most).copied().collect();
        let told = taken.into_iter().filter_map(|subject| {
            changed.remove(&subject);
            let share = by_subject.get_mut(&subject).filter(|share| !share.is_told())?;
            share.told = share.count();
            Some((subject, share.told))
        });
        told.collect()
    }

    /// Whether there is more to tell.
    pub(super) fn has_changed(&self) -> bool {
        !self.0.known().changed.is_empty()
    }

    /// Other nodes know nothing of what there is.
    pub(super) fn tell_again(&self) {
        let mut known = self.0.known();
        let Known {
            by_subject, changed, ..
        } = &mut *known;
        changed.clear();
        for (subject, share) in by_subject {
            share.told = 0;
            if !share.is_told() {
                changed.insert(*subject);
            }
        }
    }

    /// Answers what was asked.
    pub(super) fn answer(&self, ask: Ask, verdict: Verdict) {
        let mut known = self.0.known();
        if verdict == Verdict::Granted {
            // Its socket may be gone so long that nothing is kept of the subject: the place is given back then.
            known.share(ask.subject, &self.0.rates).told += 1;
        }
        known.change(ask.subject, |share| {
            // One that is refused is not counted while it goes.
            if verdict != Verdict::Refused {
                share.is_asked_no_more(ask.number);
            }
        });
        drop(known);
        if verdict != Verdict::Unknown {
            // A socket that has gone gave its place back.
            let _ = ask.reply.send(verdict == Verdict::Granted);
        }
    }

    /// Other nodes can be asked, or not: then each counts for itself.
    pub(super) fn set_alone(&self, is_alone: bool) {
        let mut known = self.0.known();
        known.is_alone = is_alone;
        if is_alone {
            for share in known.by_subject.values() {
                share.calls.share_out(1, &self.0.rates);
            }
        }
    }

    /// A subject is connected to so many nodes.
    pub(super) fn share_out(&self, subject: SubjectKey, nodes: u32) {
        if let Some(share) = self.0.known().by_subject.get(&subject) {
            share.calls.share_out(nodes, &self.0.rates);
        }
    }

    fn take(&self, subject: SubjectKey) -> Result<Taken> {
        let mut known = self.0.known();
        known.sweep(self.0.recovery);
        let is_alone = known.is_alone;
        known.asks += 1;
        let number = known.asks;
        let share = known.share(subject, &self.0.rates);
        if share.sockets >= self.0.most {
            return Err(self.0.refuse());
        }
        let asks = self
            .0
            .asks
            .get()
            .filter(|_| !is_alone && share.count() >= share.told);
        let confirmation = asks.and_then(|asks| {
            let (reply, replied) = oneshot::channel();
            asks.send(Ask {
                subject,
                number,
                reply,
            })
            .ok()?;
            share.asked.push(number);
            Some(replied.shared())
        });
        let calls = share.calls.clone();
        known.change(subject, |share| share.sockets += 1);
        Ok(Taken {
            calls,
            subject,
            number,
            standing: confirmation.map_or(Standing::Confirmed, Standing::Asked),
            all: self.0.clone(),
        })
    }
}

impl Known {
    fn share(&mut self, subject: SubjectKey, rates: &Rates) -> &mut Share {
        self.by_subject
            .entry(subject)
            .or_insert_with(|| Share::new(rates.of_one()))
    }

    fn sweep(&mut self, recovery: Duration) {
        if self.by_subject.len() < self.sweep_at {
            return;
        }
        self.by_subject
            .retain(|_, share| share.sockets > 0 || share.told > 0 || share.left.elapsed() < recovery);
        self.sweep_at = FEW.max(self.by_subject.len() * 2);
    }

    fn change(&mut self, subject: SubjectKey, change: impl FnOnce(&mut Share)) {
        if let Some(share) = self.by_subject.get_mut(&subject) {
            change(share);
            match share.is_told() {
                true => self.changed.remove(&subject),
                false => self.changed.insert(subject),
            };
        }
    }
}

impl All {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self) -> CallError {
        self.metrics.refused(Limit::ConnectionsPerSubject);
        self.full()
    }

    fn full(&self) -> CallError {
        let most = self.most;
        let message = format!("a subject has {most} connections at most");
        let details = json!({ "most": most, "after_ms": AFTER_FULL.as_millis() as u64 });
        CallError::new(Code::RateLimited, message).with_details(details)
    }
}

/// One socket's part of its subject's share, until it is dropped.
struct Taken {
    calls: Arc<Calls>,
    subject: SubjectKey,
    /// As it is asked for.
    number: u64,
    standing: Standing,
    all: Arc<All>,
}

/// Whether all nodes together have room for a socket.
enum Standing {
    Confirmed,
    Asked(Shared<oneshot::Receiver<bool>>),
    /// It goes.
    Refused,
}

impl Taken {
    /// It is known whether the socket may stay.
    fn settle(&mut self, may_stay: bool) -> Result<()> {
        if may_stay {
            self.standing = Standing::Confirmed;
            return Ok(());
        }
        match std::mem::replace(&mut self.standing, Standing::Refused) {
            Standing::Refused => Err(self.all.full()),
            _ => Err(self.all.refuse()),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.all.known().change(self.subject, |share| {
            share.sockets -= 1;
            share.is_asked_no_more(self.number);
            share.left = Instant::now();
        });
    }
}

/// What one socket has of its subject's share; nothing where it is anonymous.
#[derive(Default)]
pub(in crate::net) struct Part {
    taken: Mutex<Option<Taken>>,
    /// Whether it has some, so that calls of anonymous sockets lock nothing.
    is_taken: AtomicBool,
}

impl Part {
    /// The socket is this subject's from now on, as far as this node knows: [`Part::confirm`] asks the others.
    ///
    /// # Errors
    /// Where the subject has as many sockets as it may have. It stays whose it was.
    pub(in crate::net) fn of(&self, shares: &Shares, subject: Option<&str>) -> Result<()> {
        let subject = subject.map(SubjectKey::of);
        let mut taken = self.taken();
        if taken.as_ref().map(|taken| taken.subject) != subject {
            *taken = subject.map(|subject| shares.take(subject)).transpose()?;
            self.is_taken.store(taken.is_some(), Ordering::Release);
        }
        Ok(())
    }

    /// Whether it is to be confirmed.
    pub(in crate::net) fn is_unconfirmed(&self) -> bool {
        self.taken()
            .as_ref()
            .is_some_and(|taken| !matches!(taken.standing, Standing::Confirmed))
    }

    /// Waits until it is known whether the subject may have the socket, over all nodes. Several may wait for that.
    ///
    /// # Errors
    /// Where it has as many as it may have.
    pub(in crate::net) async fn confirm(&self) -> Result<()> {
        let (number, confirmation) = match &*self.taken() {
            None => return Ok(()),
            Some(taken) => match &taken.standing {
                Standing::Confirmed => return Ok(()),
                Standing::Refused => return Err(taken.all.full()),
                Standing::Asked(confirmation) => (taken.number, confirmation.clone()),
            },
        };
        let may_stay = confirmation.await.unwrap_or(true);
        match &mut *self.taken() {
            // It may be another subject's by now, or the same one's anew.
            Some(taken) if taken.number == number => taken.settle(may_stay),
            _ => Ok(()),
        }
    }

    /// Counts one call more of the subject.
    ///
    /// # Errors
    /// Where there were too many: how long until the next may come.
    pub(in crate::net) fn count(&self) -> Result<(), Duration> {
        if !self.is_taken.load(Ordering::Acquire) {
            return Ok(());
        }
        self.taken().as_ref().map_or(Ok(()), |taken| taken.calls.count())
    }

    fn taken(&self) -> MutexGuard<'_, Option<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
