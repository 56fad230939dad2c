//! A call that was begun: its answer, or what is left of it.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use futures_util::future::{BoxFuture, Either};

use super::{
    ending::{Ending, panicked},
    payload::Name,
    reply::Reply,
    started::{Started, first_poll},
};
use crate::{
    error::{CallError, Code, Result},
    trace::{self, Span},
};

/// What an answer says: for which event, and with what result.
pub struct Answer {
    /// The event's name as the client wrote it, at most [`MAX_NAME`](crate::MAX_NAME) bytes of it; empty where there was none.
    pub event: Name,
    /// What the function returned, or why there is nothing.
    pub result: Result<Reply>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = self.result.as_ref().map(Option::is_some);
        f.debug_struct("Answer")
            .field("event", &self.event)
            .field("result", &result)
            .finish()
    }
}

/// What is left of a call: of its function, or of what comes before that.
pub(super) type Rest = Either<Started, BoxFuture<'static, Result<Reply>>>;

/// A call that was begun.
pub(crate) enum Begun {
    /// It is done, as most are.
    Done(Answer),
    Waits(Turn, Waiting),
}

/// Whether a call that waits counts among those of its socket that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Kept,
    /// Its client streams to it for as long as it likes, which is counted by itself.
    GivenBack,
}

/// A call that waits for something. It may be awaited wherever its socket is.
pub(crate) struct Waiting {
    pub(super) ending: Ending,
    pub(super) rest: Rest,
    /// Apart, as few calls have one.
    pub(super) span: Option<Box<Span>>,
}

impl Waiting {
    /// What comes of it.
    pub(crate) async fn answer(self) -> Answer {
        let result = self.ending.of(self.rest).await;
        if let Some(span) = self.span {
            span.end(failure(&result));
        }
        Answer {
            result,
            event: self.ending.event,
        }
    }
}

/// Why there is no reply.
fn failure(result: &Result<Reply>) -> Option<Code> {
    result.as_ref().err().map(CallError::code)
}

impl Begun {
    pub(super) fn refused(event: Name, error: CallError) -> Self {
        Self::Done(Answer {
            event,
            result: Err(error),
        })
    }

    /// Ends the span of its call with it.
    pub(super) fn traced(self, span: Span) -> Self {
        match self {
            Self::Done(answer) => {
                span.end(failure(&answer.result));
                Self::Done(answer)
            }
            Self::Waits(turn, Waiting { ending, rest, .. }) => {
                let rest: BoxFuture<'_, _> = Box::pin(trace::poll_within(Some(&span), rest));
                let (rest, span) = (Either::Right(rest), Some(Box::new(span)));
                Self::Waits(turn, Waiting { ending, rest, span })
            }
        }
    }
}

/// Begins what comes of a call, as far as that goes without waiting.
pub(super) fn begin_with(
    turn: Turn,
    ending: Ending,
    work: impl Future<Output = Result<Reply>> + Send + 'static,
) -> Begun {
    let begin = AssertUnwindSafe(|| {
        let mut rest: BoxFuture<'_, _> = Box::pin(work);
        first_poll(&mut rest).map_or_else(|| Either::Right(rest), Either::Left)
    });
    let begun =
        catch_unwind(begin).unwrap_or_else(|panic| Either::Left(Err(panicked(&ending.event, &*panic))));
    match begun {
        Either::Left(result) => Begun::Done(Answer {
            event: ending.event,
            result,
        }),
        Either::Right(rest) => {
            let rest = Either::Right(rest);
            let span = None;
            Begun::Waits(turn, Waiting { ending, rest, span })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_waits_holds_little_beside_its_function() {
        fn held<T, F>(_: impl FnOnce(T) -> F) -> usize {
            size_of::<F>()
        }
        let answer = held(Waiting::answer);
        assert!(answer <= 512, "{answer} bytes");
    }
}
