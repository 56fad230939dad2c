//! One call with an idempotency key: the key is stored in the commit of what the call publishes.

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytestring::ByteString;
use sha2::{Digest, Sha256};

use super::{identity::Identity, payload::Call};
use crate::{
    error::{CallError, Code, Result},
    journal::{Appended, JournalError, Once},
};

/// One call with an idempotency key, as what it publishes sees it.
#[derive(Debug)]
pub(crate) struct OnceCall {
    pub(super) key: ByteString,
    pub(super) digest: u64,
    applied: Mutex<Applied>,
}

/// Whether a call's key stands in the journal.
#[derive(Debug, Default)]
pub(super) enum Applied {
    /// It does not.
    #[default]
    No,
    /// It may: an append that carries it did not tell yet, or never will.
    Unknown,
    /// It does, with this answer, or none but the position.
    At { last: u64, answer: Option<String> },
}

impl OnceCall {
    /// `None` where the call has no key. A subject's keys are its own: nobody else's call has the same.
    pub(super) fn of(call: &Call, caller: &Identity) -> Result<Option<Self>> {
        let Some(key) = call.id() else {
            return Ok(None);
        };
        Ok(Some(Self {
            key: scoped(key, caller),
            digest: call.digest()?,
            applied: Mutex::default(),
        }))
    }

    /// Appends with the key, where it does not stand in the journal yet; without it where it does.
    ///
    /// # Errors
    /// Those of the append; [`Code::Unavailable`] where it is not known whether the key stands in the journal: the
    /// caller may try the whole call again.
    pub(crate) async fn append<A>(
        &self,
        answer: Option<String>,
        append: impl FnOnce(Option<Once>) -> A,
    ) -> Result<Appended>
    where
        A: Future<Output = Result<Appended, JournalError>>,
    {
        let once = self.begin(answer.clone())?;
        let with_key = once.is_some();
        let outcome = append(once).await;
        if with_key {
            self.end(&outcome, answer);
        }
        outcome.map_err(JournalError::refusal)
    }

    fn begin(&self, answer: Option<String>) -> Result<Option<Once>> {
        let mut applied = self.applied();
        match &*applied {
            Applied::At { .. } => return Ok(None),
            Applied::Unknown => {
                return Err(CallError::new(
                    Code::Unavailable,
                    "an earlier publish of this call has not told what became of it",
                ));
            }
            Applied::No => *applied = Applied::Unknown,
        }
        Ok(Some(Once {
            key: self.key.to_string(),
            digest: self.digest,
            answer,
        }))
    }

    fn end(&self, outcome: &Result<Appended, JournalError>, answer: Option<String>) {
        let applied = match outcome {
            Ok(appended) => Applied::At {
                last: appended.last,
                answer,
            },
            Err(JournalError::Expectation { .. } | JournalError::OtherBody) => Applied::No,
            Err(JournalError::Unavailable(_)) => return,
        };
        *self.applied() = applied;
    }

    /// What became of the key, once the call is done.
    pub(super) fn take_applied(&self) -> Applied {
        std::mem::take(&mut *self.applied())
    }

    fn applied(&self) -> MutexGuard<'_, Applied> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key as it is stored. With a subject it is longer than any that a client may choose, so that no choice of one who
/// is anonymous is that of a subject.
fn scoped(key: &str, caller: &Identity) -> ByteString {
    match caller.subject() {
        None => key.into(),
        Some(subject) => format!("subject:{}:{key}", hex(&Sha256::digest(subject))).into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::payload::MAX_ID;

    #[test]
    fn keys_of_a_subject_are_nobody_elses() {
        let (ada, bob) = (Identity::of("ada"), Identity::of("bob"));
        let key = scoped("k", &ada);
        assert_eq!(key, scoped("k", &ada));
        assert_ne!(key, scoped("k", &bob));
        assert_eq!(scoped("k", &Identity::ANONYMOUS), "k");
        assert!(scoped("", &ada).len() > MAX_ID, "no client can choose it");
    }
}
