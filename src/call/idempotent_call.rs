//! One call with an idempotency key: the key is stored in the commit of what the call publishes.

use std::future::Future;

use bytestring::ByteString;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::{identity::Identity, payload::Call};
use crate::{
    error::{CallError, Code, Result},
    journal::{Appended, JournalError, Once},
};

/// One call with an idempotency key, as what it publishes sees it.
#[derive(Debug)]
pub(crate) struct IdempotentCall {
    pub(super) key: ByteString,
    pub(super) digest: u64,
    /// As journals of earlier versions have it.
    pub(super) digest_as_written: u64,
    /// Held while an append is under way: of two publishes at once the second waits to know of the first.
    applied: Mutex<Applied>,
}

/// Whether a call's key is in the journal.
#[derive(Debug)]
pub(super) enum Applied {
    /// It does not.
    No,
    /// Unknown: an append with it did not report its outcome.
    Unknown,
    /// It does, with this answer, or none but the position.
    At { last: u64, answer: Option<String> },
    /// It did before: an earlier try published, and its answer holds.
    Earlier,
    /// The call is over. What is published in its name from now on is no part of it.
    Over,
}

impl IdempotentCall {
    /// `None` where the call has no key. Keys are scoped to the subject.
    pub(super) fn of(call: &Call, caller: &Identity) -> Result<Option<Self>> {
        let Some(key) = call.id() else {
            return Ok(None);
        };
        Ok(Some(Self {
            key: scoped(key, caller),
            digest: call.digest()?,
            digest_as_written: call.digest_as_written()?,
            applied: Mutex::new(Applied::No),
        }))
    }

    /// Appends with the key, if it is not in the journal yet; else without it.
    ///
    /// # Errors
    /// Those of the append; [`Code::Unavailable`] where it is not known whether the key stands in the journal, or an
    /// earlier try put it there meanwhile: the caller may try the whole call again.
    pub(crate) async fn append<A>(
        &self,
        answer: Option<String>,
        append: impl FnOnce(Option<Once>) -> A,
    ) -> Result<Appended>
    where
        A: Future<Output = Result<Appended, JournalError>>,
    {
        let mut applied = self.applied.lock().await;
        match *applied {
            Applied::No => {}
            Applied::At { .. } | Applied::Over => {
                drop(applied);
                return append(None).await.map_err(JournalError::refusal);
            }
            Applied::Unknown | Applied::Earlier => {
                return Err(CallError::new(
                    Code::Unavailable,
                    "an earlier publish of this call may be done, or is",
                ));
            }
        }
        // Until it tells, and for ever where it is dropped before.
        *applied = Applied::Unknown;
        let once = Once {
            key: self.key.to_string(),
            digest: self.digest,
            answer: answer.clone(),
        };
        let outcome = append(Some(once)).await;
        *applied = match &outcome {
            Ok(appended) if appended.repeated => Applied::Earlier,
            Ok(appended) => Applied::At {
                last: appended.last,
                answer,
            },
            Err(JournalError::Unavailable(_) | JournalError::Broken(_)) => Applied::Unknown,
            Err(_) => Applied::No,
        };
        outcome.map_err(JournalError::refusal)
    }

    /// What became of the key, now that the call is over.
    pub(super) async fn end(&self) -> Applied {
        std::mem::replace(&mut *self.applied.lock().await, Applied::Over)
    }
}

/// A key as it is stored. With a subject it is longer than any key of a client, so an anonymous client cannot choose
/// a subject's key.
fn scoped(key: &str, caller: &Identity) -> ByteString {
    match caller.subject() {
        None => key.into(),
        Some(subject) => format!("subject:{}:{key}", sha256(subject)).into(),
    }
}

/// What stands for a text in keys: of one length, however long that is, and longer than any key that a client may choose.
pub(crate) fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
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
