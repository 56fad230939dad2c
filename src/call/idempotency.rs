//! Calls with an idempotency key: applied once, however often they are tried, and answered as the first time.
//!
//! The key is stored in the commit of what the call publishes. A call that published nothing changed nothing,
//! leaves no key behind, and runs again when it is tried again.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Poll,
};

use futures_util::poll;

use super::{
    ending::{Ending, said},
    extract::Json,
    idempotent_call::{Applied, IdempotentCall},
    payload::Data,
    reply::Reply,
    stored_reply,
    turns::Turns,
};
use crate::{
    error::{CallError, Result},
    event::Position,
    journal::{Journal, JournalError, StoredOutcome},
};

/// All calls with an idempotency key: those that run now, and through the journal those that ran.
pub(super) struct Idempotency {
    journal: Arc<dyn Journal>,
    /// The call that has a key's turn runs.
    running: Turns,
}

impl Idempotency {
    pub(super) fn new(journal: Arc<dyn Journal>) -> Self {
        Self {
            journal,
            running: Turns::default(),
        }
    }

    /// The first answer of a call that was applied before; else runs it. `hold` keeps later calls of its socket
    /// back until it has begun; where an earlier try still runs, until that is over.
    pub(super) async fn apply<F>(
        &self,
        call: &IdempotentCall,
        hold: impl Sized,
        start: impl Future<Output = Result<F>>,
        ending: &Ending,
    ) -> Result<Reply>
    where
        F: Future<Output = Result<Reply>> + Unpin,
    {
        let _turn = ending
            .in_time(async { Ok(self.running.take(&call.key).await) })
            .await?;
        if let Some(answer) = ending.in_time(self.stored_outcome(call)).await? {
            return answer;
        }
        let mut function = ending.in_time(start).await?;
        let running = async {
            let begun = poll!(&mut function);
            drop(hold);
            match begun {
                Poll::Ready(result) => result,
                Poll::Pending => function.await,
            }
        };
        let result = ending.of(running).await;
        self.keep(call, result).await
    }

    /// What the call came to, where it was applied before.
    async fn stored_outcome(&self, call: &IdempotentCall) -> Result<Option<Result<Reply>>> {
        let recalled = self.journal.stored_outcome(&call.key).await;
        let recalled = recalled.map_err(JournalError::refusal)?;
        Ok(recalled.map(|recalled| self.stored_reply(call, recalled)))
    }

    /// If the function had not answered before the server went down, the answer is what the journal knows of it:
    /// the position.
    fn stored_reply(&self, call: &IdempotentCall, recalled: StoredOutcome) -> Result<Reply> {
        if ![call.digest, call.digest_as_written].contains(&recalled.digest) {
            return Err(JournalError::OtherBody.refusal());
        }
        match recalled.answer {
            Some(answer) => stored_reply::from_text(&answer),
            None => Ok(Some(Box::new(self.position(recalled.appended.last)))),
        }
    }

    /// Puts the answer of a call that published beside its key, whatever kind it is, unless that says the same already.
    async fn keep(&self, call: &IdempotentCall, result: Result<Reply>) -> Result<Reply> {
        match call.end().await {
            Applied::At { last, answer } => {
                let first = written(result).map_err(CallError::for_good);
                let text = stored_reply::to_text(&first)?;
                let known = match answer {
                    Some(answer) => answer,
                    None => stored_reply::of(Json(self.position(last)))?,
                };
                if text != known {
                    self.store(call, text).await?;
                }
                first.map(boxed)
            }
            Applied::Unknown => self.keep_where_applied(call, written(result)).await,
            // An earlier try, which was given up here, went through all the same: its answer is the first.
            Applied::Earlier => self.stored_outcome(call).await?.unwrap_or(result),
            // So it may have, where the function refuses what it finds done already.
            Applied::No if result.is_err() => self.stored_outcome(call).await?.unwrap_or(result),
            Applied::No | Applied::Over => result,
        }
    }

    /// The same where it is not known whether the call published. The journal writes in order: when it has seen the answer,
    /// it has the key too, or never will.
    async fn keep_where_applied(&self, call: &IdempotentCall, result: Result<Option<Data>>) -> Result<Reply> {
        if result.as_ref().is_err_and(CallError::may_be_retried) {
            // No answer to keep: tried again, the call gets what was stored with what it published.
            return result.map(boxed);
        }
        let first = stored_reply::to_text(&result)?;
        if self.store(call, first).await.is_ok()
            && let Ok(Some(answer)) = self.stored_outcome(call).await
        {
            return answer;
        }
        result.map(boxed)
    }

    async fn store(&self, call: &IdempotentCall, text: String) -> Result<()> {
        let stored = self.journal.answer(call.key.to_string(), text).await;
        stored.map_err(JournalError::refusal)
    }

    fn position(&self, seq: u64) -> Position {
        Position {
            epoch: self.journal.epoch().clone(),
            seq,
        }
    }
}

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeats").finish_non_exhaustive()
    }
}

/// What a call came to, written out once: what is stored and what is sent cannot differ.
fn written(result: Result<Reply>) -> Result<Option<Data>> {
    let reply = result?;
    let write = || reply.map(|reply| Data::new(&*reply)).transpose();
    catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(|panic| {
        let said = said(&*panic);
        Err(CallError::internal(format_args!("an answer panicked: {said}")))
    })
}

fn boxed(data: Option<Data>) -> Reply {
    data.map(|data| Box::new(data) as Box<_>)
}

#[cfg(test)]
mod tests;
