//! How long a function keeps its core to itself. A core serves many sockets, so a function that computes or blocks for
//! long runs apart from then on, where no socket waits for it, until it has been brief for a good while.

use std::{
    future::{self, Future, poll_fn},
    panic::resume_unwind,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, Either};
use tokio::{
    runtime::Handle,
    task::{JoinError, JoinHandle},
};
use tokio_util::task::AbortOnDropHandle;

use super::run_delay::Stretch;
use crate::{
    error::{CallError, Code, Result},
    trace,
};

/// A function that does not wait for so long keeps others waiting. Not less, as what is said to many from apart costs more:
/// other cores begin to write before all is said. What the system takes from the thread meanwhile is not the function's.
const LONG: Duration = Duration::from_millis(20);

/// Calls in a row that must be brief before a function that was not is trusted again.
const TRUSTED_AFTER: u32 = 200;

/// What is known of a function.
#[derive(Debug, Default)]
pub(super) struct Conduct {
    /// Calls until it is trusted again.
    apart: AtomicU32,
    /// Where its work goes on that has kept its thread for long, where it streams, and may last for hours.
    offload: OnceLock<Handle>,
}

impl Conduct {
    /// Whether it is to run apart.
    pub(super) fn is_long(&self) -> bool {
        self.apart.load(Ordering::Relaxed) > 0
    }

    /// Its work goes on there from when it keeps its thread for long.
    pub(super) fn offload_to(&self, runtime: &Handle) {
        self.offload.get_or_init(|| runtime.clone());
    }

    /// Begins what it leaves to be done when its call has its answer, in a task of its own.
    pub(super) fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let mut watched = Watched {
            work: Box::pin(work),
            conduct: self.clone(),
            started: None,
        };
        tokio::spawn(trace::carried(poll_fn(move |cx| match watched.poll(cx) {
            Either::Left(polled) => polled,
            // The rest of it is a task, too.
            Either::Right(_) => Poll::Ready(()),
        })));
    }

    /// Does a part of its work that began then, and remembers whether that took long.
    pub(super) fn watch<T>(&self, begun: Instant, work: impl FnOnce() -> T) -> T {
        self.watch_closely(begun, work).0
    }

    /// The same; whether it took long.
    fn watch_closely<T>(&self, begun: Instant, work: impl FnOnce() -> T) -> (T, bool) {
        let stretch = Stretch::begin(begun);
        let done = work();
        let is_long = stretch.took_longer_than(LONG);
        if is_long {
            self.apart.store(TRUSTED_AFTER, Ordering::Relaxed);
        }
        (done, is_long)
    }

    /// It runs apart once more. Of two concurrent counts one may be lost.
    pub(super) fn one_less(&self) {
        let left = self.apart.load(Ordering::Relaxed).saturating_sub(1);
        self.apart.store(left, Ordering::Relaxed);
    }
}

/// Work of a function under watch.
pub(super) struct Watched<T> {
    pub(super) work: BoxFuture<'static, T>,
    pub(super) conduct: Arc<Conduct>,
    /// When it was started, until it is polled: that is one part of its work.
    pub(super) started: Option<Instant>,
}

impl<T: Send + 'static> Watched<T> {
    /// Does some of it here; or what does the rest of it elsewhere.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Either<Poll<T>, JoinHandle<T>> {
        let begun = self.started.take().unwrap_or_else(Instant::now);
        let poll = || self.work.as_mut().poll(cx);
        let (polled, is_long) = self.conduct.watch_closely(begun, poll);
        if polled.is_pending()
            && is_long
            && let Some(runtime) = self.conduct.offload.get()
        {
            let rest = std::mem::replace(&mut self.work, Box::pin(future::pending()));
            return Either::Right(runtime.spawn(trace::carried(rest)));
        }
        Either::Left(polled)
    }
}

/// Does work that keeps its thread on another runtime.
pub(super) async fn apart<T: Send + 'static>(
    runtime: &Handle,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = AbortOnDropHandle::new(runtime.spawn(async move { work() }));
    done.await.unwrap_or_else(given_up)
}

pub(super) fn given_up<T>(ended: JoinError) -> Result<T> {
    match ended.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Err(CallError::new(Code::Unavailable, "the server is stopping")),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::AtomicBool,
        thread::{self, available_parallelism, sleep},
    };

    use super::*;

    /// Computes for so long, by the clock on the wall.
    fn compute(time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {}
    }

    #[test]
    fn a_function_that_took_long_is_trusted_again_when_it_has_been_brief_for_long() {
        let conduct = Conduct::default();
        conduct.watch(Instant::now(), || ());
        assert!(!conduct.is_long());
        conduct.watch(Instant::now(), || sleep(2 * LONG));
        for _ in 0..TRUSTED_AFTER {
            assert!(conduct.is_long());
            conduct.one_less();
        }
        assert!(!conduct.is_long());
        conduct.one_less();
        assert!(!conduct.is_long());
    }

    /// A thread that has to give way to all others is made to wait for far longer than a function may take. What a hypervisor
    /// takes counts as the function's, so a wait may be misjudged now and then.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_brief_function_is_not_taken_for_long_where_the_system_takes_its_thread() {
        const BRIEF: Duration = Duration::from_millis(2);
        const WAITS: usize = 5;
        /// Whether a brief function was taken for long, once its thread had to wait.
        fn is_misjudged() -> bool {
            let conduct = Conduct::default();
            loop {
                let begun = Instant::now();
                conduct.watch(begun, || compute(BRIEF));
                if begun.elapsed() > LONG {
                    return conduct.is_long();
                }
            }
        }
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 * available_parallelism().unwrap().get() {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            let last = scope.spawn(|| {
                rustix::process::nice(10).unwrap();
                (0..WAITS).filter(|_| is_misjudged()).count()
            });
            let misjudged = last.join();
            done.store(true, Ordering::Relaxed);
            assert!(misjudged.unwrap() <= WAITS / 2);
        });
    }

    #[test]
    fn a_function_that_computes_for_long_is_known_at_once() {
        let conduct = Conduct::default();
        conduct.watch(Instant::now(), || compute(Duration::from_secs(1)));
        assert!(conduct.is_long());
    }
}
