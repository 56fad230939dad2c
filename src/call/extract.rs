//! What a function may take as arguments: each type says how it comes out of a call.

use std::{any::type_name, ops::Deref, sync::Arc};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{
    args::{Args, FromArguments},
    context::Context,
    payload::{Call, Data},
    states::States,
};
use crate::{
    error::{CallError, Result},
    event::EventName,
};

/// An argument of a function: made from the call and its context before the function starts.
///
/// ```
/// use updraft::{Call, CallError, Code, Context, FromCall, Module};
///
/// /// The version that the client speaks, one of those we know.
/// struct Version(u32);
///
/// impl FromCall for Version {
///     fn from_call(call: &Call, _: &Context) -> Result<Self, CallError> {
///         match call.version().unwrap_or(1) {
///             version @ 1..=2 => Ok(Self(version)),
///             _ => Err(CallError::new(Code::UnsupportedVersion, "this event speaks versions 1 and 2")),
///         }
///     }
/// }
///
/// async fn describe(version: Version) -> String {
///     format!("you speak version {}", version.0)
/// }
/// let module = Module::new("api.test").on("describe", describe);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from a call",
    label = "this function has an argument of type `{Self}`",
    note = "to read the call's `data` as one, take `Json<{Self}>`; a value that the app shares is `State<{Self}>`",
    note = "arguments are `Json<T>`, `Bytes`, `String`, `Data`, `Args<…>`, `Call`, `Envelope<T>`, `Context`, `State<T>`, `EventName`, `Handshake`, `Left`, `Incoming<T>`, `After`, `Option` of the first four, `Result` of any, or a type of yours that implements `FromCall`"
)]
pub trait FromCall: Sized {
    /// Whether it is made of the call's `data`, which one argument of a function may take.
    const TAKES_DATA: bool = false;

    /// What beside a call it comes out of: not every function has that.
    #[doc(hidden)]
    const ORIGIN: Origin = Origin::Call;

    /// Takes the argument out of the call.
    ///
    /// # Errors
    /// The error that the caller gets; the function then does not run.
    fn from_call(call: &Call, context: &Context) -> Result<Self>;

    /// Checks at start that the app has what this argument needs.
    ///
    /// # Errors
    /// What is missing, as an error at start.
    fn check(states: &States) -> Result<(), MissingState> {
        let _ = states;
        Ok(())
    }
}

/// What an argument comes out of.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The call, its socket, the app.
    Call,
    /// The socket's handshake.
    Handshake,
    /// How the socket left.
    Left,
    /// The frames of a stream.
    Stream,
    /// Where a stream goes on.
    After,
}

/// The name of the event, as the client wrote it: for a function that hears several, as
/// [`Namespace::fallback`](crate::Namespace::fallback) does.
impl FromCall for EventName {
    fn from_call(call: &Call, _: &Context) -> Result<Self> {
        Ok(Self::as_written(call.event()))
    }
}

/// Several arguments.
impl<T: FromArguments> FromCall for Args<T> {
    const TAKES_DATA: bool = true;

    fn from_call(call: &Call, _: &Context) -> Result<Self> {
        T::from_arguments(&call.arguments()?).map(Self)
    }
}

/// A state that a function takes and the app does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MissingState {
    /// There is none of this type.
    #[error("takes State<{0}>, and the app has no such state: add .state(…)")]
    Nowhere(&'static str),
    /// There is no projection into this type.
    #[error("takes State<{0}>, and the app has no such projection: add .project(…)")]
    NoProjection(&'static str),
    /// It was registered in an `Arc` of its own.
    #[error(
        "takes State<{0}>, and the app has an Arc of it, which is another type: register the value itself, as .state(…) shares \
         it already, or take State<Arc<…>>"
    )]
    InArc(&'static str),
    /// It is asked for in an `Arc`, and was registered without one.
    #[error(
        "takes State<{0}>, and the app has what is in that Arc: take it as it is, as State is an Arc already"
    )]
    WithoutArc(&'static str),
}

impl MissingState {
    fn of<T: Send + Sync + 'static>(states: &States) -> Self {
        let name = type_name::<T>();
        let inner = name.strip_prefix(ARC).and_then(|name| name.strip_suffix('>'));
        match inner {
            Some(inner) if states.names().any(|name| name == inner) => Self::WithoutArc(name),
            _ if states.has::<Arc<T>>() => Self::InArc(name),
            _ if name.starts_with(PROJECTION) => Self::NoProjection(name),
            _ => Self::Nowhere(name),
        }
    }
}

/// What the name of such a type begins with.
const ARC: &str = "alloc::sync::Arc<";

/// The same of what `App::project` shares.
const PROJECTION: &str = "updraft::feed::follower::projection::Projection<";

/// `data` as a type; and, returned from a function, a value as JSON. Data that does not fit is answered with
/// [`Code::InvalidData`](crate::Code::InvalidData), and the function does not run; missing data is `null`.
///
/// ```
/// use serde::Deserialize;
/// use updraft::{Json, Module};
///
/// #[derive(Deserialize)]
/// struct Person { name: String }
///
/// async fn greeting(Json(person): Json<Person>) -> String {
///     format!("You're welcome {}", person.name)
/// }
/// let module = Module::new("api.hello").on("greeting", greeting);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromCall for Json<T> {
    const TAKES_DATA: bool = true;

    fn from_call(call: &Call, _: &Context) -> Result<Self> {
        call.json().map(Self)
    }
}

/// The whole call as a type: `event`, `data` and the fields beside them.
///
/// ```
/// use serde::Deserialize;
/// use updraft::{Module, Envelope};
///
/// #[derive(Deserialize)]
/// struct Greeting { name: Option<String> }
///
/// // Reads `name` in {"event": "api.hello.greeting", "name": "Ada"}.
/// async fn greeting(Envelope(greeting): Envelope<Greeting>) -> Option<String> {
///     greeting.name
/// }
/// let module = Module::new("api.hello").on("greeting", greeting);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope<T>(pub T);

impl<T: DeserializeOwned> FromCall for Envelope<T> {
    fn from_call(call: &Call, _: &Context) -> Result<Self> {
        call.whole().map(Self)
    }
}

/// A value that the app shares with its functions, by type: one that [`App::state`](crate::App::state) was given, a
/// [`Projection`](crate::Projection), or one of the library's own: [`Emitter`](crate::Emitter), [`Feed`](crate::Feed),
/// [`Subjects`](crate::Subjects), [`EventNames`](crate::EventNames). Where the app has none of this type, it does not start
/// ([`MissingState`]).
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use updraft::{App, Json, Module, State};
///
/// async fn next(State(counter): State<AtomicU64>) -> Json<u64> {
///     Json(counter.fetch_add(1, Ordering::Relaxed))
/// }
/// let app = App::new()
///     .state(AtomicU64::new(0))
///     .module(Module::new("api.counter").on("next", next));
/// ```
#[derive(Debug)]
pub struct State<T>(pub Arc<T>);

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + Sync + 'static> FromCall for State<T> {
    fn from_call(_: &Call, context: &Context) -> Result<Self> {
        context
            .state()
            .map(Self)
            .ok_or_else(|| CallError::internal(MissingState::Nowhere(type_name::<T>())))
    }

    fn check(states: &States) -> Result<(), MissingState> {
        match states.has::<T>() {
            true => Ok(()),
            false => Err(MissingState::of::<T>(states)),
        }
    }
}

impl FromCall for Context {
    fn from_call(_: &Call, context: &Context) -> Result<Self> {
        Ok(context.clone())
    }
}

impl FromCall for Call {
    fn from_call(call: &Call, _: &Context) -> Result<Self> {
        Ok(call.clone())
    }
}

impl FromCall for Data {
    const TAKES_DATA: bool = true;

    fn from_call(call: &Call, _: &Context) -> Result<Self> {
        call.data()
    }
}

impl FromCall for Bytes {
    const TAKES_DATA: bool = true;

    fn from_call(call: &Call, _: &Context) -> Result<Self> {
        call.bytes()
    }
}

impl FromCall for String {
    const TAKES_DATA: bool = true;

    fn from_call(call: &Call, _: &Context) -> Result<Self> {
        call.text()
    }
}

/// An argument that comes out of the call's data, so that it can be missing with it (`Option<T>`), and be a frame of a stream
/// ([`Incoming<T>`](crate::Incoming)). For an argument of your own that is made of data:
///
/// ```
/// use updraft::{Call, Context, FromCall, FromData, Module, Result};
///
/// struct Words(Vec<String>);
///
/// impl FromCall for Words {
///     const TAKES_DATA: bool = true;
///
///     fn from_call(call: &Call, _: &Context) -> Result<Self> {
///         Ok(Self(call.text()?.split(' ').map(str::to_owned).collect()))
///     }
/// }
///
/// impl FromData for Words {}
///
/// async fn first(words: Option<Words>) -> Option<String> {
///     words?.0.into_iter().next()
/// }
/// let module = Module::new("api.text").on("first", first);
/// ```
#[diagnostic::on_unimplemented(
    message = "`Option<{Self}>` cannot be taken from a call",
    note = "what may be missing is what is made of the call's `data`: `Option` of `Json<T>`, `Data`, `Bytes`, `String`, or of a type of yours that implements `FromData`"
)]
pub trait FromData: FromCall {}

impl<T: DeserializeOwned> FromData for Json<T> {}
impl FromData for Data {}
impl FromData for Bytes {}
impl FromData for String {}

/// `None` where the call has no data, or `null`; data that does not fit is an error all the same.
impl<T: FromData> FromCall for Option<T> {
    const TAKES_DATA: bool = true;

    fn from_call(call: &Call, context: &Context) -> Result<Self> {
        match call.has_no_data() {
            true => Ok(None),
            false => T::from_call(call, context).map(Some),
        }
    }

    fn check(states: &States) -> Result<(), MissingState> {
        T::check(states)
    }
}

/// The argument, or why it cannot be taken: for a function that answers that in a form of its own. Without it, the caller is
/// answered by the error, and the function does not run.
///
/// ```
/// # use updraft::testing::TestApp;
/// use serde::Deserialize;
/// use serde_json::{Value, json};
/// use updraft::{App, Identity, Json, Namespace, Result};
///
/// #[derive(Deserialize)]
/// struct Todo { title: String }
///
/// async fn create(todo: Result<Json<Todo>>) -> Json<Value> {
///     match todo {
///         Ok(Json(todo)) => Json(json!({"data": todo.title})),
///         Err(error) => Json(json!({"error": "invalid payload", "errorDetails": error.details()})),
///     }
/// }
/// let app = App::new().namespace(Namespace::new("/").on("todo:create", create));
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let app = TestApp::start(app).await;
/// # let socket = app.connect(Identity::ANONYMOUS);
/// # let created = socket.emit("todo:create", json!({"title": "fly"})).await.data::<Value>();
/// # assert_eq!(created, json!({"data": "fly"}));
/// # let refused = socket.emit("todo:create", json!({"title": 1})).await.data::<Value>();
/// # assert_eq!((&refused["error"], &refused["errorDetails"]["path"]), (&json!("invalid payload"), &json!("data.title")));
/// # });
/// ```
impl<T: FromCall> FromCall for Result<T> {
    const TAKES_DATA: bool = T::TAKES_DATA;
    const ORIGIN: Origin = T::ORIGIN;

    fn from_call(call: &Call, context: &Context) -> Result<Self> {
        Ok(T::from_call(call, context))
    }

    fn check(states: &States) -> Result<(), MissingState> {
        T::check(states)
    }
}
