//! A function that was started: here, under watch, or on another runtime (`conduct`).

use std::{
    future::{self, Future, Ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Either},
    poll,
};
use tokio::{runtime::Handle, sync::oneshot, task::unconstrained};
use tokio_util::task::AbortOnDropHandle;

use super::{
    conduct::{Conduct, Watched, given_up},
    reply::Reply,
};
use crate::{error::Result, trace};

/// A function's future.
type Running = BoxFuture<'static, Result<Reply>>;

/// A function that was started, and ends where this is dropped.
pub(super) struct Started(Progress);

enum Progress {
    Here(Watched<Result<Reply>>),
    /// It was done when it had begun.
    Done(Ready<Result<Reply>>),
    Apart(AbortOnDropHandle<Result<Reply>>),
}

impl Started {
    /// Here, and now: what it does is done as this is polled.
    ///
    /// # Errors
    /// Those of `start`.
    pub(super) fn here(
        conduct: &Arc<Conduct>,
        now: Instant,
        start: impl FnOnce() -> Result<Running>,
    ) -> Result<Self> {
        let refuse = |error| conduct.watch(now, || error);
        let watched = Watched {
            work: start().map_err(refuse)?,
            conduct: conduct.clone(),
            started: Some(now),
        };
        Ok(Self(Progress::Here(watched)))
    }

    /// The same, and does what comes before the function's first wait: what it returned, as most do then, or what is left.
    pub(super) fn at_once(
        conduct: &Arc<Conduct>,
        now: Instant,
        start: impl FnOnce() -> Result<Running>,
    ) -> Either<Result<Reply>, Self> {
        conduct.watch(now, || {
            let mut work = match start() {
                Ok(work) => work,
                Err(refused) => return Either::Left(Err(refused)),
            };
            match first_poll(&mut work) {
                Some(result) => Either::Left(result),
                None => Either::Right(Self(Progress::Here(Watched {
                    work,
                    conduct: conduct.clone(),
                    started: None,
                }))),
            }
        })
    }

    /// On another runtime. Completes when it has done what it does before its first wait; most are done by then, and are
    /// answered before another begins.
    pub(super) async fn apart(
        runtime: &Handle,
        conduct: Arc<Conduct>,
        start: impl FnOnce() -> Result<Running> + Send + 'static,
    ) -> Self {
        conduct.one_less();
        let (done, begun) = oneshot::channel();
        let work = async move {
            let mut function = match Started::here(&conduct, Instant::now(), start) {
                Ok(function) => function,
                Err(refused) => return hand(done, Err(refused)),
            };
            if let Poll::Ready(result) = poll!(&mut function) {
                return hand(done, result);
            }
            drop(done);
            function.await
        };
        let running = AbortOnDropHandle::new(runtime.spawn(trace::carried(work)));
        Self(match begun.await {
            Ok(result) => Progress::Done(future::ready(result)),
            Err(_) => Progress::Apart(running),
        })
    }
}

/// Does what comes before a first wait, right here.
pub(super) fn first_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    // Unconstrained, since a reader that has used up its budget would have calls wait for nothing, and overtaken.
    unconstrained(future).now_or_never()
}

impl Future for Started {
    type Output = Result<Reply>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut self.0 {
                Progress::Here(function) => match function.poll(cx) {
                    Either::Left(polled) => return polled,
                    Either::Right(rest) => self.0 = Progress::Apart(AbortOnDropHandle::new(rest)),
                },
                Progress::Done(result) => return Pin::new(result).poll(cx),
                Progress::Apart(running) => {
                    let ended = ready!(Pin::new(running).poll(cx));
                    return Poll::Ready(ended.unwrap_or_else(given_up));
                }
            }
        }
    }
}

/// A waiting task gets the result; else it is kept.
fn hand(done: oneshot::Sender<Result<Reply>>, result: Result<Reply>) -> Result<Reply> {
    done.send(result).map_or_else(|unheard| unheard, |()| Ok(None))
}
