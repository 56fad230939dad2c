//! One at a time of each key: the others wait in line.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytestring::ByteString;
use tokio::sync::OwnedMutexGuard;

/// The keys whose turn is taken or waited for; of others nothing is kept.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<ByteString, Line>>);

/// The lock of a key's turn; it is fair.
type Line = Arc<tokio::sync::Mutex<()>>;

impl Turns {
    /// Waits for the key's turn, and has it until this is dropped.
    pub(crate) async fn take(&self, key: &ByteString) -> Turn<'_> {
        let line = self.lines().entry(key.clone()).or_default().clone();
        // Made first, so that a cancelled wait leaves nothing behind.
        let mut turn = Turn {
            turns: self,
            key: key.clone(),
            held: None,
        };
        turn.held = Some(line.lock_owned().await);
        turn
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<ByteString, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many keys are taken or waited for.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lines().len()
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Turns({} keys)", self.lines().len())
    }
}

/// A key's turn.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    key: ByteString,
    held: Option<OwnedMutexGuard<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.held = None;
        let mut lines = self.turns.lines();
        // If only the table holds the line, it is empty.
        if lines
            .get(&self.key)
            .is_some_and(|line| Arc::strong_count(line) == 1)
        {
            lines.remove(&self.key);
        }
    }
}
