//! How a call runs and is answered: most are done when they have begun, and are answered right there.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures_util::{FutureExt, future::BoxFuture};

use super::{
    super::{call_queue::Incoming, dialect::Dialect},
    ClientSocket,
};
use crate::{
    call::{
        begun::{Answer, Begun, Turn},
        called::Called,
        memory::Account,
    },
    error::{CallError, Code, Result},
};

impl ClientSocket {
    /// Starts a call: what is left of it becomes a task. Whether others wait.
    pub(super) fn start(self: &Arc<Self>, incoming: Incoming<Arc<Self>>) -> bool {
        let begun = catch_unwind(AssertUnwindSafe(|| self.run(incoming)));
        match begun.unwrap_or_else(|_| panicked()) {
            None => self.call_queue.ended(),
            Some((turn, rest)) => {
                let others_wait = match turn {
                    Turn::Kept => self.call_queue.begun(),
                    Turn::GivenBack => self.call_queue.ended(),
                };
                self.go_on(turn, rest);
                others_wait
            }
        }
    }

    /// Starts nothing, as no client receives an answer.
    pub(super) fn give_up(&self) -> bool {
        self.shared.metrics.answered(Some(Code::Unauthenticated));
        self.call_queue.ended()
    }

    /// Runs a call of this socket up to its first wait; what is left of it.
    fn run(self: &Arc<Self>, incoming: Incoming<Arc<Self>>) -> Option<(Turn, BoxFuture<'static, ()>)> {
        let Incoming {
            socket,
            route,
            arrived,
            ack,
            in_flight,
            account,
        } = incoming;
        let called = Called::in_namespace(&self.place.table, route);
        let dialect = Dialect::of(&self.place.table, route);
        let dispatcher = &self.shared.dispatcher;
        match dispatcher.begin(called, arrived, account.clone(), socket) {
            Begun::Done(answer) => {
                let unsaid = self.try_answer(dialect, ack, answer)?;
                let this = self.clone();
                let mut rest = async move {
                    let _until_answered = in_flight;
                    this.answer(dialect, ack, unsaid, &account).await;
                }
                .boxed();
                // So that it has its place before those that come after it.
                let is_left = (&mut rest).now_or_never().is_none();
                is_left.then_some((Turn::Kept, rest))
            }
            Begun::Waits(turn, waiting) => {
                let this = self.clone();
                let rest = async move {
                    let _until_answered = in_flight;
                    let answer = waiting.answer().await;
                    this.answer(dialect, ack, answer, &account).await;
                };
                Some((turn, rest.boxed()))
            }
        }
    }

    /// Runs what is left of a call as a task. Others that it held back start as soon as they may.
    fn go_on(self: &Arc<Self>, turn: Turn, rest: BoxFuture<'static, ()>) {
        let this = self.clone();
        let mut rest = AssertUnwindSafe(rest).catch_unwind();
        tokio::spawn(poll_fn(move |context| {
            let polled = rest.poll_unpin(context).map(|ended| {
                ended.unwrap_or_else(|_| panicked());
                if turn == Turn::Kept {
                    this.call_queue.finished();
                }
            });
            if this.call_queue.was_released() || polled.is_ready() {
                this.start_waiting();
            }
            polled
        }));
    }

    async fn answer(&self, dialect: Dialect, ack: Option<u64>, answer: Answer, call: &Account) {
        let mut unsaid = Some(answer);
        while let Some(answer) = unsaid {
            let said = self.sender.answer(dialect, ack, &answer, call).await;
            unsaid = self.unsaid(answer, said.map(|()| true));
        }
    }

    /// Answers where there is room; what is still to be said.
    fn try_answer(&self, dialect: Dialect, ack: Option<u64>, answer: Answer) -> Option<Answer> {
        let said = self.sender.try_answer(dialect, ack, &answer);
        self.unsaid(answer, said)
    }

    /// What is still to be said when an answer was tried: the same, where there was no room; an apology, where it cannot be
    /// written.
    fn unsaid(&self, answer: Answer, said: Result<bool>) -> Option<Answer> {
        let failure = answer.result.as_ref().err().map(CallError::code);
        match said {
            Ok(true) => {}
            Ok(false) => return Some(answer),
            Err(error) if error.code() == Code::Internal && failure.is_none() => {
                return Some(Answer {
                    event: answer.event,
                    result: Err(error),
                });
            }
            Err(error) => tracing::debug!(%error, "an answer did not reach its client"),
        }
        self.shared.metrics.answered(failure);
        None
    }
}

fn panicked<T: Default>() -> T {
    tracing::error!("what a call left behind panicked");
    T::default()
}
