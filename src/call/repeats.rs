//! Calls with an idempotency key: applied once, however often they are tried, and answered as the first time.
//!
//! The key is stored in the commit of what the call publishes. A call that published nothing changed nothing,
//! leaves no key behind, and runs again when it is tried again.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use bytestring::ByteString;
use futures_util::poll;

use super::{
    extract::Json,
    first_answer,
    once::{Applied, OnceCall},
    payload::Data,
    reply::Reply,
};
use crate::{
    error::Result,
    event::Position,
    journal::{Journal, JournalError, Recalled},
};

/// All calls with an idempotency key: those that run now, and through the journal those that ran.
pub(super) struct Repeats {
    journal: Arc<dyn Journal>,
    running: Mutex<HashMap<ByteString, Turn>>,
}

/// Whoever holds it runs the call of a key.
type Turn = Arc<tokio::sync::Mutex<()>>;

impl Repeats {
    pub(super) fn new(journal: Arc<dyn Journal>) -> Self {
        Self {
            journal,
            running: Mutex::default(),
        }
    }

    /// The first answer of a call that was applied before; else runs it. `hold` keeps later calls of its socket
    /// back until it has begun; where an earlier try still runs, until that is over.
    pub(super) async fn apply<F>(
        &self,
        call: &OnceCall,
        hold: impl Sized,
        start: impl Future<Output = Result<F>>,
    ) -> Result<Reply>
    where
        F: Future<Output = Result<Reply>> + Unpin,
    {
        let (_running, turn) = Running::enter(&self.running, &call.key);
        let _turn = turn.lock().await;
        if let Some(answer) = self.recall(call).await? {
            return answer;
        }
        let mut function = start.await?;
        let begun = poll!(&mut function);
        drop(hold);
        let result = match begun {
            Poll::Ready(result) => result,
            Poll::Pending => function.await,
        };
        self.keep(call, result).await
    }

    /// What the call came to, where it was applied before.
    async fn recall(&self, call: &OnceCall) -> Result<Option<Result<Reply>>> {
        let recalled = self.journal.recall(&call.key).await;
        let recalled = recalled.map_err(JournalError::refusal)?;
        Ok(recalled.map(|recalled| self.first_answer(call, recalled)))
    }

    /// Where the function told nothing before the server went down, the answer is what the journal knows of it:
    /// the position.
    fn first_answer(&self, call: &OnceCall, recalled: Recalled) -> Result<Reply> {
        if recalled.digest != call.digest {
            return Err(JournalError::OtherBody.refusal());
        }
        match recalled.answer {
            Some(answer) => first_answer::from_text(&answer),
            None => Ok(Some(Box::new(self.position(recalled.appended.last)))),
        }
    }

    /// Puts the answer of a call that published beside its key, unless that says the same already.
    async fn keep(&self, call: &OnceCall, result: Result<Reply>) -> Result<Reply> {
        let (last, answer) = match call.end().await {
            Applied::At { last, answer } => (last, answer),
            // An earlier try, which was given up here, went through all the same: its answer is the first.
            Applied::Earlier => return self.recall(call).await?.unwrap_or(result),
            Applied::No | Applied::Unknown | Applied::Over => return result,
        };
        if matches!(&result, Err(error) if error.code().may_be_retried()) {
            return result;
        }
        // Written out once: what is stored and what is sent cannot differ.
        let result = match result {
            Ok(reply) => Ok(reply.map(|reply| Data::new(&*reply)).transpose()?),
            Err(error) => Err(error),
        };
        let text = first_answer::to_text(&result)?;
        let known = match answer {
            Some(answer) => answer,
            None => first_answer::of(Json(self.position(last)))?,
        };
        if text != known {
            let stored = self.journal.answer(call.key.to_string(), text).await;
            stored.map_err(JournalError::refusal)?;
        }
        Ok(result?.map(|data| Box::new(data) as Box<_>))
    }

    fn position(&self, seq: u64) -> Position {
        Position {
            epoch: self.journal.epoch().clone(),
            seq,
        }
    }
}

impl fmt::Debug for Repeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeats").finish_non_exhaustive()
    }
}

/// A place among those who want to run the call of a key.
struct Running<'a> {
    all: &'a Mutex<HashMap<ByteString, Turn>>,
    key: &'a ByteString,
}

impl<'a> Running<'a> {
    fn enter(all: &'a Mutex<HashMap<ByteString, Turn>>, key: &'a ByteString) -> (Self, Turn) {
        let turn = lock(all).entry(key.clone()).or_default().clone();
        (Self { all, key }, turn)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut all = lock(self.all);
        // Its turn is given back by now; where only the table has it, nobody else waits.
        if all.get(self.key).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            all.remove(self.key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
