//! Known damage of the journal in a directory: logged once, and reported by `health` while it lasts.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::{Error, ErrorCode};

use crate::journal::contract::Health;

/// What is known. Damage stays known until the program is started again.
#[derive(Default)]
pub(super) struct Condition {
    health: Mutex<Health>,
    any_damage: AtomicBool,
}

/// Whether a failure says that the file is not what was written: SQLite finds it malformed, or a value is none that a
/// journal holds there.
pub(super) fn is_damage(error: &Error) -> bool {
    match error {
        Error::SqliteFailure(failure, _) => {
            matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        }
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::Utf8Error(..)
        | Error::InvalidColumnType(..) => true,
        _ => false,
    }
}

impl Condition {
    /// Damage was met in a topic, or outside of any.
    pub(super) fn damaged(&self, topic: Option<&str>, what: &str) {
        if self.is_known_to_be_damaged(topic, what) {
            return;
        }
        match topic {
            Some(topic) => tracing::error!(
                topic,
                "the journal is damaged: {what}; `log verify` lists all of it"
            ),
            None => tracing::error!("the journal is damaged: {what}; `log verify` lists all of it"),
        }
    }

    /// Whether there was damage before, where this is.
    fn is_known_to_be_damaged(&self, topic: Option<&str>, what: &str) -> bool {
        let mut health = self.health();
        self.any_damage.store(true, Ordering::Relaxed);
        let Some(topic) = topic else {
            let is_known = health.damaged_beside.is_some();
            health.damaged_beside.get_or_insert_with(|| what.to_owned());
            return is_known;
        };
        let is_known = health.damaged.contains_key(topic);
        if !is_known {
            health.damaged.insert(topic.to_owned(), what.to_owned());
        }
        is_known
    }

    /// Whether damage was met in a topic.
    pub(super) fn is_damaged(&self, topic: &str) -> bool {
        self.any_damage() && self.health().damaged.contains_key(topic)
    }

    pub(super) fn any_damage(&self) -> bool {
        self.any_damage.load(Ordering::Relaxed)
    }

    /// The files are not there any more.
    pub(super) fn lost(&self, what: String) {
        let before = self.health().lost.replace(what.clone());
        if before.as_ref() != Some(&what) {
            tracing::error!("{what}");
        }
    }

    /// They are.
    pub(super) fn found(&self) {
        if self.health().lost.take().is_some() {
            tracing::info!("the journal's files are there again");
        }
    }

    pub(super) fn now(&self) -> Health {
        self.health().clone()
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
