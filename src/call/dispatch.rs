//! One call from its packet to its answer: decode, look up, take the arguments, run, answer. Whatever goes
//! wrong on the way, there is exactly one answer.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use bytestring::ByteString;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Either},
    poll,
};
use tokio::{
    runtime::Handle,
    time::{self, timeout_at},
};

pub(crate) use super::ending::said;

use super::{
    conduct::{self, Started},
    context::Context,
    ending::{Ending, panicked, too_late},
    identity::Identity,
    memory::Account,
    once::OnceCall,
    payload::{Allowance, Arrived, Call, Limits},
    peer::{Hold, Peer},
    registry::{Registered, Registry},
    repeats::Repeats,
    reply::Reply,
    rights::Rights,
    states::States,
};
use crate::{
    error::{CallError, Code, Result},
    event::MAX_NAME,
    journal::Journal,
};

/// What an answer says: for which event, and with what result.
pub struct Answer {
    /// The event's name as the client wrote it, at most [`MAX_NAME`] bytes of it; empty where there was none.
    pub event: ByteString,
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

/// The app's functions and what they share, ready to answer calls.
#[derive(Debug)]
pub struct Dispatcher {
    registry: Registry,
    states: Arc<States>,
    limits: Limits,
    time_limit: Duration,
    repeats: Option<Repeats>,
    apart: Option<Handle>,
}

/// As long as the clock can count for sure.
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// What is left after a call's time to keep its answer for those who try it again.
const TO_KEEP: Duration = Duration::from_secs(5);

/// Bytes of a call that may say much, as gzip packs a thousand times as many.
const LARGE: usize = 1 << 10;

/// A call's function, started, or what comes before.
type Running<'a> = Either<Started<'a>, BoxFuture<'a, Result<Reply>>>;

impl Dispatcher {
    /// A dispatcher over a table; a function that takes longer than `time_limit` is dropped and its caller
    /// told [`Code::Timeout`].
    pub fn new(registry: Registry, states: States, limits: Limits, time_limit: Duration) -> Self {
        Self {
            registry,
            states: Arc::new(states),
            limits,
            time_limit,
            repeats: None,
            apart: None,
        }
    }

    /// Applies calls with an idempotency key once: those that ran are known to this journal.
    #[must_use]
    pub fn remembering(self, journal: Arc<dyn Journal>) -> Self {
        Self {
            repeats: Some(Repeats::new(journal)),
            ..self
        }
    }

    /// Runs functions that keep their thread for long on this runtime.
    #[must_use]
    pub(crate) fn apart_on(self, runtime: Handle) -> Self {
        Self {
            apart: Some(runtime),
            ..self
        }
    }

    /// The table of functions.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What is done for a socket beside its calls is done as if this event had been called.
    pub(crate) fn context(&self, peer: Arc<dyn Peer>, event: &'static str) -> Context {
        Context::new(peer, self.states.clone(), ByteString::from_static(event))
    }

    /// Answers a call. The first poll decodes it and runs the function up to its first wait.
    pub fn answer(&self, arrived: Arrived, peer: Arc<dyn Peer>) -> impl Future<Output = Answer> {
        self.answer_within(arrived, Account::default(), peer)
    }

    /// The same, of a call whose memory counts.
    pub(crate) async fn answer_within(
        &self,
        arrived: Arrived,
        account: Account,
        peer: Arc<dyn Peer>,
    ) -> Answer {
        let (event, begun) = self.begin(arrived, account, peer);
        let (latest, running) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                return Answer {
                    event,
                    result: Err(error),
                };
            }
        };
        // A block of its own, so that a panic is caught too of what a late function leaves half-way.
        let timed = async {
            let ended = timeout_at(latest, running).await;
            ended.unwrap_or_else(|_| Err(too_late(self.time_limit)))
        };
        let ended = AssertUnwindSafe(timed).catch_unwind().await;
        let result = ended.unwrap_or_else(|panic| Err(panicked(&event, &*panic)));
        Answer { event, result }
    }

    /// When a function takes too long that is called now.
    fn too_late_after(&self, now: Instant) -> time::Instant {
        let latest = now.checked_add(self.time_limit);
        latest.unwrap_or_else(|| now + NEVER).into()
    }

    /// Whether a call is one that is applied once.
    fn is_kept(&self, call: &Call) -> bool {
        self.repeats.is_some() && call.id().is_some()
    }

    /// Decodes a call and starts its function; until when it may run. Apart from what is awaited: a future would hold the
    /// call for as long as it waits, and take twice the memory.
    fn begin(
        &self,
        arrived: Arrived,
        account: Account,
        peer: Arc<dyn Peer>,
    ) -> (ByteString, Result<(time::Instant, Running<'_>)>) {
        let call = match Call::decode_within(arrived, &Allowance::of(self.limits, account)) {
            Ok(call) => call,
            Err(error) => return (ByteString::new(), Err(error)),
        };
        let event = call.event_name();
        let Some(registered) = self.registry.find(&event) else {
            return (shortened(&event), Err(unknown(&event)));
        };
        let now = Instant::now();
        let latest = self.too_late_after(now);
        let end = if self.is_kept(&call) {
            latest + TO_KEEP
        } else {
            latest
        };
        let run = AssertUnwindSafe(|| self.run(now, latest, registered, call, peer));
        let begun = catch_unwind(run).unwrap_or_else(|panic| Err(panicked(&event, &*panic)));
        (event, begun.map(|running| (end, running)))
    }

    /// Starts a call's function, which most functions need no more for.
    fn run<'a>(
        &'a self,
        now: Instant,
        latest: time::Instant,
        registered: &'a Registered,
        call: Call,
        peer: Arc<dyn Peer>,
    ) -> Result<Running<'a>> {
        let context = Context::new(peer.clone(), self.states.clone(), call.event_name());
        let apart = self.apart.as_ref().filter(|_| registered.is_long());
        if registered.guards.is_empty() && apart.is_none() && !self.is_kept(&call) {
            return registered.start(now, &call, &context).map(Either::Left);
        }
        let ending = Ending {
            event: call.event_name(),
            latest,
            limit: self.time_limit,
        };
        // Boxed, so that the many calls that need none of it have less to move.
        let in_turn = self.run_in_turn(registered, call, context, Hold::new(peer), apart, ending);
        Ok(Either::Right(Box::pin(in_turn)))
    }

    /// A call with an idempotency key. To compare what a large one says takes a while, in which no other socket is to wait.
    async fn once(&self, call: &Call, caller: &Identity) -> Result<Option<OnceCall>> {
        let is_long = call.id().is_some() && call.size() > LARGE;
        let Some(runtime) = self.apart.as_ref().filter(|_| is_long) else {
            return OnceCall::of(call, caller);
        };
        let (call, caller) = (call.clone(), caller.clone());
        conduct::apart(runtime, move || OnceCall::of(&call, &caller)).await
    }

    /// Runs a call of whose socket others begin later than it, however long that takes.
    async fn run_in_turn(
        &self,
        registered: &Registered,
        call: Call,
        context: Context,
        hold: Hold,
        apart: Option<&Handle>,
        ending: Ending,
    ) -> Result<Reply> {
        let guards = &registered.guards;
        let rights = ending.in_time(Rights::ask(guards, &call, &context)).await?;
        if let Some(repeats) = &self.repeats
            && let Some(once) = ending.in_time(self.once(&call, rights.identity())).await?
        {
            let once = Arc::new(once);
            let context = context.applied_once(once.clone());
            let start = async {
                let rights = rights.ask_again(guards, &call, &context).await?;
                registered.start_at(apart, call, context, rights).await
            };
            return repeats.apply(&once, hold, start, &ending).await;
        }
        let mut function = registered.start_at(apart, call, context, rights).await?;
        let begun = poll!(&mut function);
        drop(hold);
        match begun {
            Poll::Ready(result) => result,
            Poll::Pending => function.await,
        }
    }
}

/// The text that existing clients compare with: the last part of the name, its first letter in upper case, and nothing
/// appended to it.
fn unknown(event: &str) -> CallError {
    let event = shortened(event);
    let function = event.rsplit('.').next().unwrap_or_default();
    let mut letters = function.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let name: String = first.chain(letters).collect();
    CallError::new(Code::UnknownEvent, format!("{name} doesn't exist"))
}

/// No registered name is longer than this; a longer one is not sent back whole.
pub(crate) fn shortened(event: &str) -> ByteString {
    let mut end = event.len().min(MAX_NAME);
    while !event.is_char_boundary(end) {
        end -= 1;
    }
    ByteString::from(&event[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_event_is_told_as_existing_clients_compare_it() {
        for (event, message) in [
            ("api.service.test.testFuncFn", "TestFuncFn doesn't exist"),
            ("api.services.testFunc", "TestFunc doesn't exist"),
            ("status", "Status doesn't exist"),
            ("api.", " doesn't exist"),
            ("api.élan", "Élan doesn't exist"),
        ] {
            assert_eq!(unknown(event).message(), message);
        }
    }

    #[test]
    fn a_name_of_a_megabyte_is_not_sent_back() {
        assert!(unknown(&"ü".repeat(1 << 19)).message().len() <= MAX_NAME + 20);
    }

    #[test]
    fn a_call_that_waits_holds_little_beside_its_function() {
        fn held<A, B, C, F>(_: impl FnOnce(A, B, C) -> F) -> usize {
            size_of::<F>()
        }
        let answer = |dispatcher: &'static Dispatcher, call, peer| dispatcher.answer(call, peer);
        assert!(held(answer) <= 512, "{} bytes", held(answer));
    }
}
