//! What one subject may take, over all its sockets: so many of these at once, and so many calls in a second.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use super::rate::{Rate, Rates};
use crate::{
    config::Config,
    error::{CallError, Code, Result},
    net::metrics::{Limit, Metrics},
};

/// Retry time for a subject with no free connection: a guess, as disconnects cannot be foreseen.
const AFTER_FULL: Duration = Duration::from_secs(5);

/// Subjects that are kept before those without sockets are looked for.
const FEW: usize = 1024;

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
}

#[derive(Default)]
struct Known {
    by_subject: HashMap<Arc<str>, Share>,
    /// So many, and those that have recovered without a socket go.
    sweep_at: usize,
}

struct Share {
    rate: Arc<Rate>,
    sockets: usize,
    /// When its last socket disconnected. Its rate is kept for a while, so that a reconnect does not reset it.
    left: Instant,
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
        }))
    }

    fn take(&self, subject: &str) -> Result<Taken> {
        let mut known = self.0.known();
        if known.by_subject.len() >= known.sweep_at {
            let recovery = self.0.recovery;
            known
                .by_subject
                .retain(|_, share| share.sockets > 0 || share.left.elapsed() < recovery);
            known.sweep_at = FEW.max(known.by_subject.len() * 2);
        }
        let subject: Arc<str> = subject.into();
        let share = known.by_subject.entry(subject.clone()).or_insert_with(|| Share {
            rate: Arc::new(self.0.rates.of_one()),
            sockets: 0,
            left: Instant::now(),
        });
        if share.sockets >= self.0.most {
            self.0.metrics.refused(Limit::ConnectionsPerSubject);
            return Err(full(self.0.most));
        }
        share.sockets += 1;
        Ok(Taken {
            rate: share.rate.clone(),
            subject,
            all: self.0.clone(),
        })
    }
}

fn full(most: usize) -> CallError {
    let message = format!("a subject has {most} connections at most");
    let details = json!({ "most": most, "after_ms": AFTER_FULL.as_millis() as u64 });
    CallError::new(Code::RateLimited, message).with_details(details)
}

impl All {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One socket's part of its subject's share, until it is dropped.
struct Taken {
    rate: Arc<Rate>,
    subject: Arc<str>,
    all: Arc<All>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(share) = self.all.known().by_subject.get_mut(&self.subject) {
            share.sockets -= 1;
            share.left = Instant::now();
        }
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
    /// The socket is this subject's from now on.
    ///
    /// # Errors
    /// Where the subject has as many sockets as it may have. It stays whose it was.
    pub(in crate::net) fn of(&self, shares: &Shares, subject: Option<&str>) -> Result<()> {
        let mut taken = self.taken();
        if taken.as_ref().map(|taken| &*taken.subject) != subject {
            *taken = subject.map(|subject| shares.take(subject)).transpose()?;
            self.is_taken.store(taken.is_some(), Ordering::Release);
        }
        Ok(())
    }

    /// Counts one call more of the subject.
    ///
    /// # Errors
    /// Where there were too many: how long until the next may come.
    pub(in crate::net) fn count(&self) -> Result<(), Duration> {
        if !self.is_taken.load(Ordering::Acquire) {
            return Ok(());
        }
        self.taken().as_ref().map_or(Ok(()), |taken| taken.rate.count())
    }

    fn taken(&self) -> MutexGuard<'_, Option<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(most: usize, burst: u32) -> Shares {
        let config = Config {
            limits: crate::config::LimitsConfig {
                max_connections_per_subject: most,
                call_rate_per_subject: 1,
                call_burst_per_subject: burst,
                ..Default::default()
            },
            ..Config::default()
        };
        Shares::new(
            &config,
            &Arc::new(Metrics::new(
                None,
                &crate::call::stream::streaming::StreamCounts::default(),
                None,
            )),
        )
    }

    #[test]
    fn who_connects_anew_does_not_begin_anew() {
        let shares = shares(1, 2);
        let first = Part::default();
        first.of(&shares, Some("ada")).unwrap();
        assert!(Part::default().of(&shares, Some("ada")).is_err());
        assert!(first.count().is_ok() && first.count().is_ok() && first.count().is_err());
        drop(first);
        let second = Part::default();
        second.of(&shares, Some("ada")).unwrap();
        assert!(second.count().is_err());
        second.of(&shares, Some("bob")).unwrap();
        assert!(second.count().is_ok(), "somebody else");
        assert!(
            Part::default().of(&shares, Some("ada")).is_ok(),
            "the place came back"
        );
    }

    #[test]
    fn little_is_kept_of_those_who_are_gone() {
        let config = Config {
            limits: crate::config::LimitsConfig {
                call_burst_per_subject: 1,
                call_rate_per_subject: u32::MAX,
                ..Default::default()
            },
            ..Config::default()
        };
        let shares = Shares::new(
            &config,
            &Arc::new(Metrics::new(
                None,
                &crate::call::stream::streaming::StreamCounts::default(),
                None,
            )),
        );
        for number in 0..10 * FEW {
            let part = Part::default();
            part.of(&shares, Some(&number.to_string())).unwrap();
        }
        assert!(shares.0.known().by_subject.len() <= FEW);
    }
}
