//! Those that logged in, and need no password for a while: a page that is loaded anew shows the id that it was given.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// How long an id is good for, as in Node's store.
const LASTS: Duration = Duration::from_hours(24);

/// So many are kept; beyond that the oldest is forgotten.
const MOST: usize = 256;

/// Bytes of an id: as random as a key.
const ID: usize = 18;

/// Digests of ids, so that the time that a comparison takes says nothing of them, and when each ends: the oldest first.
#[derive(Default)]
pub(super) struct Sessions(Mutex<VecDeque<([u8; 32], Instant)>>);

impl Sessions {
    /// A new one; its id.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub(super) fn begin(&self) -> Result<String, getrandom::Error> {
        let mut id = [0; ID];
        getrandom::fill(&mut id)?;
        let id = BASE64_URL_SAFE_NO_PAD.encode(id);
        let mut sessions = self.current();
        if sessions.len() >= MOST {
            sessions.pop_front();
        }
        sessions.push_back((digest(&id), Instant::now() + LASTS));
        Ok(id)
    }

    /// Whether there is one of this id.
    pub(super) fn has(&self, id: &str) -> bool {
        let digest = digest(id);
        self.current().iter().any(|(known, _)| *known == digest)
    }

    /// Those that have not ended.
    fn current(&self) -> MutexGuard<'_, VecDeque<([u8; 32], Instant)>> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while sessions.pop_front_if(|(_, ends)| *ends <= now).is_some() {}
        sessions
    }
}

fn digest(id: &str) -> [u8; 32] {
    Sha256::digest(id).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_id_is_good_for_a_day_and_of_many_the_oldest_is_forgotten() {
        let sessions = Sessions::default();
        let first = sessions.begin().unwrap();
        assert!(sessions.has(&first) && !sessions.has("another"));
        tokio::time::advance(LASTS - Duration::from_secs(1)).await;
        assert!(sessions.has(&first));
        let second = sessions.begin().unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!sessions.has(&first) && sessions.has(&second));
        for _ in 0..MOST {
            assert!(sessions.0.lock().unwrap().len() <= MOST);
            sessions.begin().unwrap();
        }
        assert!(!sessions.has(&second));
        assert_eq!(sessions.0.lock().unwrap().len(), MOST);
    }
}
