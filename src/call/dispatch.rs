//! One call from its packet to its answer: decode, look up, take the arguments, run, answer. Whatever goes
//! wrong on the way, there is exactly one answer.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::Either;
use tokio::{runtime::Handle, time};

pub(crate) use super::ending::said;

use super::{
    begun::{Answer, Begun, Turn, Waiting, begin_with},
    called::{Called, Guarded},
    context::Context,
    ending::{Ending, end_of, panicked},
    guard::Guards,
    idempotency::Idempotency,
    in_turn::InTurn,
    memory::Account,
    payload::{Allowance, Arrived, Call, Limits, Name},
    peer::{HeldCalls, Peer},
    per_core::PerCore,
    registered::Registered,
    registry::Registry,
    rights::Rights,
    states::States,
    stream::{self, Opening, TakenIn, begin_anew, open_stream::OpenStream, streaming::Streaming},
    table::Table,
    unknown_event::{shortened, unknown},
};
use crate::{
    error::Result,
    journal::Journal,
    trace::{self, Tracer},
};

/// The app's functions and what they share, ready to answer calls.
#[derive(Debug)]
pub struct Dispatcher {
    registry: Registry,
    states: PerCore<States>,
    limits: Limits,
    time_limit: Duration,
    idempotency: Option<Arc<Idempotency>>,
    apart: Option<Handle>,
    streaming: Arc<Streaming>,
    tracer: Tracer,
}

/// Time after a call's time-out to store its answer for retries.
const TO_KEEP: Duration = Duration::from_secs(5);

impl Dispatcher {
    /// A dispatcher over a table; a function that takes longer than `time_limit` is dropped and answered
    /// with [`Code::Timeout`](crate::Code::Timeout).
    pub fn new(registry: Registry, states: States, limits: Limits, time_limit: Duration) -> Self {
        Self {
            registry,
            states: PerCore::new(|| states.clone()),
            limits,
            time_limit,
            idempotency: None,
            apart: None,
            streaming: Arc::new(Streaming::none()),
            tracer: Tracer::off(),
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

    /// Opens streams within these limits.
    #[must_use]
    pub(crate) fn streaming_by(self, streaming: Arc<Streaming>) -> Self {
        Self { streaming, ..self }
    }

    /// Begins the spans of calls by this.
    #[must_use]
    pub(crate) fn traced_by(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    /// What begins the spans.
    pub(crate) fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// What all its streams share.
    pub(crate) fn streaming(&self) -> &Arc<Streaming> {
        &self.streaming
    }

    /// The table of functions.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What is done for a socket beside its calls is done as if this event had been called.
    pub(crate) fn context(&self, peer: Arc<dyn Peer>, event: &'static str) -> Context {
        Context::new(peer, self.states.here().clone(), Name::new(event))
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
        let event = Name::new("connect");
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
            Begun::Waits(_, waiting) => waiting.answer().await,
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
            Err(error) => return Begun::refused(Name::default(), error),
        };
        let Some(function) = called.function(&self.registry, call.event()) else {
            return Begun::refused(Name::new(shortened(call.event())), unknown(call.event()));
        };
        let (event, parent) = (function.registered.name.as_str(), call.traceparent());
        match self.tracer.call(event, called.namespace(), parent) {
            None => self.begin_function(function, call, peer),
            Some(span) => {
                let begin = || self.begin_function(function, call, peer);
                trace::within(Some(&span), begin).traced(span)
            }
        }
    }

    fn begin_function(&self, function: Guarded<'_>, call: Call, peer: Arc<dyn Peer>) -> Begun {
        if function.registered.streams() {
            return self.stream(function, call, peer);
        }
        let context = Context::new(peer, self.states.here().clone(), call.event_name());
        match self.comes_first(function, &call) {
            false => self.start(function.registered, call, context),
            true => self.start_in_turn(function, call, context),
        }
    }

    /// Takes in what a client says of one of its open streams.
    pub(crate) fn take_in(
        &self,
        called: Called<'_>,
        arrived: Arrived,
        account: Account,
        peer: &dyn Peer,
    ) -> TakenIn {
        match called.decode(arrived, &Allowance::of(self.limits, account)) {
            Ok(call) => stream::take_in(call, peer),
            Err(_) => TakenIn::Useless,
        }
    }

    /// Whether anything is to be done before the function of a call begins, or it runs apart.
    fn comes_first(&self, function: Guarded<'_>, call: &Call) -> bool {
        let is_apart = self.apart.is_some() && function.registered.is_long();
        is_apart || !function.guards().is_empty() || (self.idempotency.is_some() && call.id().is_some())
    }

    fn ending(&self, event: Name, latest: time::Instant) -> Ending {
        Ending {
            event,
            latest,
            limit: self.time_limit,
        }
    }

    /// Starts a call's function, which most functions need no more for.
    fn start(&self, registered: &Registered, call: Call, context: Context) -> Begun {
        let now = Instant::now();
        let start = AssertUnwindSafe(|| registered.start(now, &call, &context));
        let started =
            catch_unwind(start).unwrap_or_else(|panic| Either::Left(Err(panicked(call.event(), &*panic))));
        let event = context.into_event_name();
        match started {
            Either::Left(result) => Begun::Done(Answer { event, result }),
            Either::Right(function) => Begun::Waits(
                Turn::Kept,
                Waiting {
                    ending: self.ending(event, end_of(self.time_limit, now)),
                    rest: Either::Left(function),
                    span: None,
                },
            ),
        }
    }

    /// Starts what comes before a call's function, and that, as far as they go without waiting.
    fn start_in_turn(&self, function: Guarded<'_>, call: Call, context: Context) -> Begun {
        let event = call.event_name();
        let latest = end_of(self.time_limit, Instant::now());
        let idempotency = self.idempotency.as_ref().filter(|_| call.id().is_some());
        let ending = self.ending(
            event,
            match idempotency {
                Some(_) => latest + TO_KEEP,
                None => latest,
            },
        );
        let in_turn = self.in_turn(latest, function, idempotency.cloned(), call, context);
        begin_with(Turn::Kept, ending, in_turn.run())
    }

    /// The same of a function that gives or takes frames: the call opens a stream.
    fn stream(&self, function: Guarded<'_>, call: Call, peer: Arc<dyn Peer>) -> Begun {
        let (event, frames) = (call.event_name(), function.registered.frames);
        let opened = Opening::of(call).and_then(|(opening, call)| {
            if opening.is_resumed() && !frames.resumes {
                return Err(begin_anew());
            }
            let conduct = function.registered.streaming_conduct(self.apart.as_ref());
            let stream = OpenStream::open(peer.clone(), &self.streaming, conduct, opening)?;
            Ok((stream, call))
        });
        let (stream, call) = match opened {
            Ok(opened) => opened,
            Err(refused) => return Begun::refused(event, refused),
        };
        let context = Context::new(peer, self.states.here().clone(), event.clone());
        let now = Instant::now();
        let latest = end_of(self.time_limit, now);
        let in_turn = self.in_turn(latest, function, None, call, context.streaming(stream.clone()));
        let (turn, end) = match frames.takes {
            true => (Turn::GivenBack, end_of(Duration::MAX, now)),
            false => (Turn::Kept, latest),
        };
        begin_with(turn, self.ending(event, end), stream.opened_by(in_turn.run()))
    }

    fn in_turn(
        &self,
        latest: time::Instant,
        function: Guarded<'_>,
        idempotency: Option<Arc<Idempotency>>,
        call: Call,
        context: Context,
    ) -> InTurn {
        InTurn {
            registered: function.registered.clone(),
            of_namespace: function.of_namespace.cloned(),
            idempotency,
            runtime: self.apart.clone(),
            hold: HeldCalls::new(context.peer().clone()),
            ending: self.ending(call.event_name(), latest),
            call,
            context,
        }
    }
}
