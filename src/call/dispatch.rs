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
    future::{BoxFuture, Either},
    poll,
};
use tokio::{runtime::Handle, time};

pub(crate) use super::ending::said;

use super::{
    called::{Called, Guarded},
    conduct::{self, Started, first_poll},
    context::Context,
    ending::{Ending, end_of, panicked},
    guard::{Guard, Guards},
    idempotency::Idempotency,
    idempotent_call::IdempotentCall,
    identity::Identity,
    memory::Account,
    payload::{Allowance, Arrived, Call, Limits},
    peer::{HeldCalls, Peer},
    per_core::PerCore,
    registered::Registered,
    registry::Registry,
    reply::Reply,
    rights::Rights,
    states::States,
    table::Table,
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
    states: PerCore<States>,
    limits: Limits,
    time_limit: Duration,
    idempotency: Option<Arc<Idempotency>>,
    apart: Option<Handle>,
}

/// Time after a call's time-out to store its answer for retries.
const TO_KEEP: Duration = Duration::from_secs(5);

/// Bytes of a call that may say much, as gzip packs a thousand times as many.
const LARGE: usize = 1 << 10;

/// What is left of a call: of its function, or of what comes before that.
type Rest = Either<Started, BoxFuture<'static, Result<Reply>>>;

/// A call that was begun.
pub(crate) enum Begun {
    /// It is done, as most are.
    Done(Answer),
    Waits(Waiting),
}

/// A call that waits for something. It may be awaited wherever its socket is.
pub(crate) struct Waiting {
    ending: Ending,
    rest: Rest,
}

impl Waiting {
    /// What comes of it.
    pub(crate) async fn answer(self) -> Answer {
        Answer {
            result: self.ending.of(self.rest).await,
            event: self.ending.event,
        }
    }
}

impl Begun {
    fn refused(event: ByteString, error: CallError) -> Self {
        Self::Done(Answer {
            event,
            result: Err(error),
        })
    }
}

impl Dispatcher {
    /// A dispatcher over a table; a function that takes longer than `time_limit` is dropped and its caller
    /// told [`Code::Timeout`].
    pub fn new(registry: Registry, states: States, limits: Limits, time_limit: Duration) -> Self {
        Self {
            registry,
            states: PerCore::new(|| states.clone()),
            limits,
            time_limit,
            idempotency: None,
            apart: None,
        }
    }

    /// Applies calls with an idempotency key once: those that ran are known to this journal.
    #[must_use]
    pub fn remembering(self, journal: Arc<dyn Journal>) -> Self {
        Self {
            idempotency: Some(Arc::new(Idempotency::new(journal))),
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
        Context::new(peer, self.states.here().clone(), ByteString::from_static(event))
    }

    /// Runs a hook of a namespace for one of its sockets, for so long.
    ///
    /// # Errors
    /// What it returns, and what there is instead where it panics or takes too long.
    pub(crate) async fn hook(&self, hook: &Registered, peer: Arc<dyn Peer>, limit: Duration) -> Result<()> {
        let run = async {
            let call = Call::of_hook(hook.event());
            let context = Context::new(peer, self.states.here().clone(), hook.event());
            let rights = Rights::ask(Guards::NONE, &call, &context).await?;
            let apart = self.apart.as_ref().filter(|_| hook.is_long());
            hook.start_at(apart, call, context, rights).await?.await
        };
        Ending::within(limit, hook.event()).of(run).await.map(drop)
    }

    /// Whether a namespace's guards let a socket through.
    ///
    /// # Errors
    /// Theirs, and what there is instead where one panics or takes too long.
    pub(crate) async fn ask_guards(&self, table: &Table, context: &Context, limit: Duration) -> Result<()> {
        let event = ByteString::from_static("connect");
        let guards = Guards {
            of_namespace: &table.guards,
            own: &[],
        };
        let call = Call::of_hook(event.clone());
        let asked = Rights::ask(guards, &call, context);
        Ending::within(limit, event).of(asked).await.map(drop)
    }

    /// Answers a call. The first poll decodes it and runs the function up to its first wait.
    pub async fn answer(&self, arrived: Arrived, peer: Arc<dyn Peer>) -> Answer {
        match self.begin(Called::by_event(), arrived, Account::default(), peer) {
            Begun::Done(answer) => answer,
            Begun::Waits(waiting) => waiting.answer().await,
        }
    }

    /// Decodes a call, whose memory counts, and runs its function up to its first wait.
    pub(crate) fn begin(
        &self,
        called: Called<'_>,
        arrived: Arrived,
        account: Account,
        peer: Arc<dyn Peer>,
    ) -> Begun {
        let call = match called.decode(arrived, &Allowance::of(self.limits, account)) {
            Ok(call) => call,
            Err(error) => return Begun::refused(ByteString::new(), error),
        };
        let Some(function) = called.function(&self.registry, call.event()) else {
            return Begun::refused(shortened(call.event()), unknown(call.event()));
        };
        let context = Context::new(peer, self.states.here().clone(), call.event_name());
        match self.comes_first(function, &call) {
            false => self.start(function.registered, call, &context),
            true => self.start_in_turn(function, call, context),
        }
    }

    /// Whether anything is to be done before the function of a call begins, or it runs apart.
    fn comes_first(&self, function: Guarded<'_>, call: &Call) -> bool {
        let is_apart = self.apart.is_some() && function.registered.is_long();
        is_apart || !function.guards().is_empty() || (self.idempotency.is_some() && call.id().is_some())
    }

    fn ending(&self, event: ByteString, latest: time::Instant) -> Ending {
        Ending {
            event,
            latest,
            limit: self.time_limit,
        }
    }

    /// Starts a call's function, which most functions need no more for.
    fn start(&self, registered: &Registered, call: Call, context: &Context) -> Begun {
        let now = Instant::now();
        let start = AssertUnwindSafe(|| registered.start(now, &call, context));
        let started =
            catch_unwind(start).unwrap_or_else(|panic| Either::Left(Err(panicked(call.event(), &*panic))));
        let event = call.into_event_name();
        match started {
            Either::Left(result) => Begun::Done(Answer { event, result }),
            Either::Right(function) => Begun::Waits(Waiting {
                ending: self.ending(event, end_of(self.time_limit, now)),
                rest: Either::Left(function),
            }),
        }
    }

    /// Starts what comes before a call's function, and that, as far as they go without waiting.
    fn start_in_turn(&self, function: Guarded<'_>, call: Call, context: Context) -> Begun {
        let event = call.event_name();
        let latest = end_of(self.time_limit, Instant::now());
        let idempotency = self.idempotency.as_ref().filter(|_| call.id().is_some());
        let end = match idempotency {
            Some(_) => latest + TO_KEEP,
            None => latest,
        };
        let in_turn = InTurn {
            registered: function.registered.clone(),
            of_namespace: function.of_namespace.cloned(),
            idempotency: idempotency.cloned(),
            runtime: self.apart.clone(),
            hold: HeldCalls::new(context.peer().clone()),
            ending: self.ending(event.clone(), latest),
            call,
            context,
        };
        let begin = AssertUnwindSafe(|| {
            let mut rest: BoxFuture<'_, _> = Box::pin(in_turn.run());
            first_poll(&mut rest).map_or_else(|| Either::Right(rest), Either::Left)
        });
        let begun = catch_unwind(begin).unwrap_or_else(|panic| Either::Left(Err(panicked(&event, &*panic))));
        match begun {
            Either::Left(result) => Begun::Done(Answer { event, result }),
            Either::Right(rest) => Begun::Waits(Waiting {
                ending: self.ending(event, end),
                rest: Either::Right(rest),
            }),
        }
    }
}

/// A call of whose socket others begin later than it, however long that takes.
struct InTurn {
    registered: Arc<Registered>,
    of_namespace: Option<Arc<[Guard]>>,
    idempotency: Option<Arc<Idempotency>>,
    /// Where runs what keeps its thread for long.
    runtime: Option<Handle>,
    call: Call,
    context: Context,
    hold: HeldCalls,
    ending: Ending,
}

impl InTurn {
    async fn run(self) -> Result<Reply> {
        let Self {
            registered,
            of_namespace,
            idempotency,
            runtime,
            call,
            context,
            hold,
            ending,
        } = self;
        let guards = Guards {
            of_namespace: of_namespace.as_deref().unwrap_or_default(),
            own: &registered.guards,
        };
        let apart = runtime.as_ref().filter(|_| registered.is_long());
        let rights = ending.in_time(Rights::ask(guards, &call, &context)).await?;
        if let Some(idempotency) = idempotency
            && let Some(once) = ending
                .in_time(once(runtime.as_ref(), &call, rights.identity()))
                .await?
        {
            let once = Arc::new(once);
            let context = context.applied_once(once.clone());
            let start = async {
                let rights = rights.ask_again(guards, &call, &context).await?;
                registered.start_at(apart, call, context, rights).await
            };
            return idempotency.apply(&once, hold, start, &ending).await;
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

/// A call with an idempotency key. To compare what a large one says takes a while, in which no other socket is to wait.
async fn once(runtime: Option<&Handle>, call: &Call, caller: &Identity) -> Result<Option<IdempotentCall>> {
    let is_long = call.id().is_some() && call.size() > LARGE;
    let Some(runtime) = runtime.filter(|_| is_long) else {
        return IdempotentCall::of(call, caller);
    };
    let (call, caller) = (call.clone(), caller.clone());
    conduct::apart(runtime, move || IdempotentCall::of(&call, &caller)).await
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
        fn held<T, F>(_: impl FnOnce(T) -> F) -> usize {
            size_of::<F>()
        }
        let answer = held(Waiting::answer);
        assert!(answer <= 512, "{answer} bytes");
    }
}
