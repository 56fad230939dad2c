//! A namespace: what happens when a client connects to it and leaves it, and the functions that its events are for.

use std::{fmt, panic::Location};

use super::{
    guard::Guard,
    handler::{Handler, Signature},
    module::Registration,
    pattern::{MalformedNamespace, Pattern},
};

/// A namespace of Socket.IO: hooks for clients that come and go, and functions for events of any name.
///
/// A function takes what one of a [`Module`](crate::Module) takes, but that its data is the event's first argument, and
/// [`Args`](crate::Args) takes several. What it returns is the ack: `ack(value)`, `ack()` where it returns nothing, several values
/// as [`Args`](crate::Args), `ack({error: {code, message, retry}})` where it fails (or as [`Namespace::errors`] says). Without an
/// ack nothing is sent back. Order, limits, guards and that there is exactly one answer are as for calls by `event`.
///
/// ```
/// use updraft::{App, Context, Namespace, Result};
///
/// async fn arrived(cx: Context) -> Result<()> {
///     cx.join("lobby")
/// }
///
/// async fn chat(text: String, cx: Context) -> Result<()> {
///     cx.within("lobby").emit("chat message", &text).await
/// }
///
/// let app = App::new().namespace(Namespace::new("/").connect(arrived).on("chat message", chat));
/// ```
pub struct Namespace {
    pub(super) pattern: Result<Pattern, (String, MalformedNamespace)>,
    pub(super) place: &'static Location<'static>,
    pub(super) functions: Vec<Registration>,
    pub(super) fallback: Vec<Registration>,
    pub(super) connect: Vec<Registration>,
    pub(super) disconnect: Vec<Registration>,
    /// Asked before each of its functions.
    pub(super) guards: Vec<Guard>,
    pub(super) errors: Errors,
    pub(super) speaks_modules: bool,
    pub(super) authenticates: bool,
    /// Where a guard was put on the function before it, and there is none.
    pub(super) misplaced: Option<&'static Location<'static>>,
}

/// How the ack of an event says that its function failed.
///
/// ```
/// use updraft::{Errors, Json, Namespace};
///
/// async fn save(draft: String) -> updraft::Result<Json<usize>> {
///     Ok(Json(draft.len()))
/// }
/// // socket.emit("save", draft, (err, size) => …)
/// let namespace = Namespace::new("/").on("save", save).errors(Errors::first());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errors(pub(super) Style);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Object,
    First,
}

impl Errors {
    /// `ack({error: {code, message, retry, details?}})`; what a function returns is the ack as it is. The default.
    pub fn object() -> Self {
        Self(Style::Object)
    }

    /// As callbacks of Node have it: `ack({code, message, retry, details?})` for an error, `ack(null, …)` otherwise.
    pub fn first() -> Self {
        Self(Style::First)
    }

    /// Whether an error is the first argument, and `null` where there is none.
    pub(crate) fn are_first(self) -> bool {
        self.0 == Style::First
    }
}

impl Namespace {
    /// The namespace of this name, `/` or `/chat`. Names are checked when the app starts.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let pattern = Pattern::exact(&name).map_err(|problem| (name, problem));
        Self::of(pattern, Location::caller())
    }

    /// All namespaces of this pattern, made of data: `/game/{id}` is `/game/7` and `/game/8`, each with rooms of its own.
    /// [`Context::parameter`](crate::Context::parameter) says which. What there is of one goes with its last socket. A
    /// namespace that is declared by its name goes before.
    ///
    /// ```
    /// use updraft::{CallError, Code, Context, Namespace, Result};
    ///
    /// async fn arrived(cx: Context) -> Result<()> {
    ///     match cx.parameter("id").and_then(|id| id.parse::<u32>().ok()) {
    ///         Some(_) => Ok(()),
    ///         None => Err(CallError::new(Code::InvalidData, "games have numbers")),
    ///     }
    /// }
    /// let games = Namespace::matching("/game/{id}").connect(arrived);
    /// ```
    #[track_caller]
    pub fn matching(pattern: impl Into<String>) -> Self {
        let text = pattern.into();
        let pattern = Pattern::matching(&text).map_err(|problem| (text, problem));
        Self::of(pattern, Location::caller())
    }

    fn of(pattern: Result<Pattern, (String, MalformedNamespace)>, place: &'static Location<'static>) -> Self {
        let speaks_modules = pattern
            .as_ref()
            .is_ok_and(|pattern| pattern.as_str() == super::pattern::ROOT);
        Self {
            pattern,
            place,
            functions: Vec::new(),
            fallback: Vec::new(),
            connect: Vec::new(),
            disconnect: Vec::new(),
            guards: Vec::new(),
            errors: Errors::default(),
            speaks_modules,
            authenticates: false,
            misplaced: None,
        }
    }

    /// A function that runs when a client connects, before it is connected: an `Err` refuses it, and is its `connect_error`,
    /// `message` and `data` (`{code, message, retry, details?}`). What it emits reaches the client once it is connected; so do
    /// not wait for an ack of it here. It has `--guard-timeout`, and other packets of the same connection wait for it.
    ///
    /// It takes [`Handshake`](crate::Handshake), [`Context`](crate::Context) and [`State`](crate::State). The identity of the client was
    /// settled before, where the app asks ([`App::authenticate`](crate::App::authenticate), tokens);
    /// [`Context::identify`](crate::Context::identify) settles it here, or later.
    #[must_use]
    #[track_caller]
    pub fn connect<Args: 'static>(mut self, hook: impl Signature<Args> + Handler<Args>) -> Self {
        self.connect
            .push(Registration::new("connect", hook, Location::caller()));
        self
    }

    /// A function that runs when a socket has left, for whatever reason, once for each that was connected. It takes
    /// [`Left`](crate::Left): why, and the rooms that it was in until then; what it emits reaches others. It has `--call-timeout`;
    /// a server that stops waits for it.
    #[must_use]
    #[track_caller]
    pub fn disconnect<Args: 'static>(mut self, hook: impl Signature<Args> + Handler<Args>) -> Self {
        self.disconnect
            .push(Registration::new("disconnect", hook, Location::caller()));
        self
    }

    /// Registers a function for events of this name: any text of 1 to 128 bytes, but for those that Socket.IO keeps for itself
    /// (`connect`, `connect_error`, `disconnect`, `disconnecting`, `newListener`, `removeListener`) and those that begin with
    /// `topic.`, `stream.`, `server.` or `auth.`; where modules are called, `event` carries the calls.
    #[must_use]
    #[track_caller]
    pub fn on<Args: 'static>(
        mut self,
        name: impl Into<String>,
        function: impl Signature<Args> + Handler<Args>,
    ) -> Self {
        self.functions
            .push(Registration::new(name, function, Location::caller()));
        self
    }

    /// A function for all events that no other is registered for; [`EventName`](crate::EventName) says which.
    ///
    /// ```
    /// use updraft::{Args, Context, Data, EventName, Namespace, Result};
    ///
    /// async fn relay(name: EventName, args: Args<Data>, cx: Context) -> Result<()> {
    ///     cx.broadcast().emit(name.as_str(), &args).await
    /// }
    /// let namespace = Namespace::new("/").fallback(relay);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn fallback<Args: 'static>(mut self, function: impl Signature<Args> + Handler<Args>) -> Self {
        self.fallback
            .push(Registration::new("fallback", function, Location::caller()));
        self
    }

    /// Puts a [`Guard`], or an async function that is one, before all functions that are called here, those of modules too
    /// where they are. Several are asked in turn.
    #[must_use]
    pub fn guard<Args: 'static>(mut self, guard: impl Signature<Args> + Handler<Args>) -> Self {
        self.guards.push(Guard::new(guard));
        self
    }

    /// Puts a [`Guard`] before the function that was registered last by [`Namespace::on`]; it is asked after those of the
    /// namespace. Where there is no function yet, the app does not start.
    #[must_use]
    #[track_caller]
    pub fn guarded_by<Args: 'static>(mut self, guard: impl Signature<Args> + Handler<Args>) -> Self {
        match self.functions.last_mut() {
            Some(function) => function.guards.push(Guard::new(guard)),
            None => self.misplaced = Some(Location::caller()),
        }
        self
    }

    /// Its connect hook alone decides which clients may connect: the app's own authentication is not asked.
    #[must_use]
    pub(crate) fn authenticates(mut self) -> Self {
        self.authenticates = true;
        self
    }

    /// How acks say that a function failed.
    #[must_use]
    pub fn errors(mut self, errors: Errors) -> Self {
        self.errors = errors;
        self
    }

    /// Answers calls by `event` here too, and sends topics to their subscribers. In `/` this is so by itself.
    #[must_use]
    pub fn modules(mut self) -> Self {
        self.speaks_modules = true;
        self
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.functions.iter().map(|one| one.name.as_str()).collect();
        f.debug_struct("Namespace")
            .field("pattern", &self.pattern.as_ref().map(Pattern::as_str))
            .field("functions", &names)
            .finish_non_exhaustive()
    }
}
