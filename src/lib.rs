//! An event server that speaks Socket.IO: a client emits an event, a plain async function answers.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use serde::Deserialize;
//! use updraft::{App, Json, Module};
//!
//! #[derive(Deserialize)]
//! struct Person { name: String }
//!
//! async fn greeting(Json(person): Json<Person>) -> String {
//!     format!("You're welcome {}", person.name)
//! }
//!
//! fn main() -> ExitCode {
//!     App::new()
//!         .module(Module::new("api.hello").on("greeting", greeting))
//!         .run()
//! }
//! ```
//!
//! # Where to begin
//!
//! | what for | read |
//! |---|---|
//! | what an app consists of, and how it starts | [`App`]; [`Config`] for its settings; [`Server`] and [`Handle`] for one that a program starts itself |
//! | functions: what they take, and what they return | [`Handler`], [`Argument`], [`FromData`], [`IntoReply`]; [`Json`], [`Args`], [`State`], [`Data`] |
//! | events of any name, as a Node backend has them | [`Namespace`], [`Handshake`], [`Left`]; calls by the event `event`: [`Module`] |
//! | the socket that calls: emit, rooms, its identity | [`Context`], [`BroadcastTo`] |
//! | sockets from timers, routes and other tasks | [`Emitter`], [`RemoteSocket`] |
//! | who may do what | [`Identity`], [`Credentials`], [`require`], [`claim`], [`Guard`], [`Subjects`] |
//! | events that stay: published, read back, folded to state | [`Topic`], [`Event`], [`Publisher`], [`Projection`], [`Position`]; which sockets are there: [`Presence`] |
//! | streams | [`Frames`], [`Incoming`], [`After`] |
//! | tests | [`testing`] |
//! | what lies beneath topics | [`journal`] |
//!
//! # Errors
//!
//! A function that fails returns a [`CallError`] with one of the [codes](Code) of a closed list, and each call gets exactly one answer. Any
//! other error becomes [`Code::Internal`] by `?`: the client gets a number of the incident, the log has the rest. What is wrong with an
//! app itself, such as two functions of one name, is a [`StartError`] that names both places, before anything listens.
//!
//! # Panics
//!
//! A function that panics answers [`Code::Internal`], and its server goes on. Nothing here panics on what a client sends. The methods of
//! [`testing`] panic where a test is to fail.
//!
//! # Cancellation
//!
//! A call goes on when its client disconnects, so that what it began is not left half done; [`Context::cancelled`] tells a function that
//! nobody waits any more. It is dropped where it takes longer than [`LimitsConfig::call_timeout`], at one of its `await`s: what must not be left half
//! done then stands in a task of its own. Streams end with their client: their frames are dropped. A publish whose future is dropped
//! may have happened, or may still.
//!
//! # The modules, from the ground up

/// Why a call fails: one closed list of codes.
mod error;
pub use error::{CallError, Code, Result};

/// Events: their names, what is published of them, and where they stand.
mod event;
pub use event::{Body, Epoch, Event, EventName, MAX_NAME, MalformedName, MalformedPosition, Position};

/// Spans of what the server does.
mod trace;

/// Connections to a PostgreSQL database.
#[cfg(feature = "postgres")]
mod postgres;

/// The durable log that topics live in.
pub mod journal;

/// From a packet to an answer, with no socket in sight.
mod call;
pub use call::{
    args::{Args, FromAck, FromArgument, FromArguments},
    condition::{Claim, Condition, claim, signed_in},
    context::Context,
    emitter::{BroadcastTo, Emitter},
    extract::{Envelope, FromCall, FromData, Json, MissingState, State},
    guard::{Guard, GuardArgument, require},
    handler::{Argument, Handler, Signature, check_handler},
    handshake::Handshake,
    hub::RemoteSocket,
    identity::Identity,
    left::Left,
    module::Module,
    namespace::{Errors, Namespace},
    pattern::MalformedNamespace,
    payload::{Call, Data},
    peer::{Ack, SocketId},
    registry::{EventEntry, EventNames, Registry, RegistryError},
    reply::{IntoReply, Reply},
    stream::{
        frames::Frames,
        incoming::{After, Incoming},
    },
};

/// Beneath [`Call`]: what arrives, and its limits. For benchmarks, fuzzing and servers of another kind.
pub mod payload {
    pub use crate::call::{
        begun::Answer,
        dispatch::Dispatcher,
        extract::Origin,
        pattern::NamespaceName,
        payload::{Arguments, Arrived, Call, EMPTY_EVENT, Limits, MAX_ID, Name},
        peer::{CallOrder, EmitEvents, Outgoing, Peer, RoomMember, SocketData, SocketState},
        states::States,
        target::Target,
        written::Written,
    };
}

/// Topics: the backlog, then live events.
mod feed;
pub use feed::{Feed, Presence, Projection, Publisher, Publishes, Reader, Topic, TopicError, everyone};

/// Every setting.
mod config;
#[cfg(feature = "postgres")]
pub use config::DatabaseUrl;
#[cfg(feature = "otlp")]
pub use config::TelemetryConfig;
pub use config::{
    AuthConfig, Config, DeflateConfig, HttpConfig, JournalConfig, LimitsConfig, LoadError, Parser, Secret,
    SessionConfig, TlsConfig,
};
#[cfg(feature = "redis")]
pub use config::{BusConfig, BusUrl};

/// From the network to a call and back.
mod net;
pub use net::{
    auth::{Credentials, KeyError, Subjects},
    server::{
        lifecycle::{Handle, Server},
        reload::{ReloadError, Reloaded},
        serve_error::ServeError,
    },
    tls::acceptor::TlsError,
};

/// The same functions on a server of socketioxide's.
#[cfg(feature = "socketioxide")]
mod socketioxide;
#[cfg(feature = "socketioxide")]
pub use socketioxide::{Connecting, SocketioxideNamespace};

/// A Socket.IO client, for the program and for tests.
mod client;

/// The admin page of Socket.IO.
mod admin;
pub use admin::{Admin, AdminError};

/// Why nothing is told to a collector.
#[cfg(feature = "otlp")]
pub use net::telemetry::TelemetryError;

/// What a bus refuses.
#[cfg(feature = "redis")]
pub use net::rooms::bus::redis::BusError;

/// What a user builds.
mod app;
pub use app::{App, ConfigError, StartError};

// Tests of one's own modules: documented inside, where its links lead.
pub mod testing;

/// Entry points of the fuzzer.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::{
        journal::fuzzing::import,
        net::fuzzing::{
            bus, credentials, forwarded, frames, message_pack, origin, packet, payload, session, signed,
        },
    };
}

/// The command line of every app.
mod cli;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So do those of the page on identities.
#[cfg(doctest)]
#[doc = include_str!("../docs/identity.md")]
struct OnIdentity;

/// And of the page on presence.
#[cfg(doctest)]
#[doc = include_str!("../docs/presence.md")]
struct OnPresence;

/// And of the page on emitters.
#[cfg(doctest)]
#[doc = include_str!("../docs/emitter.md")]
struct OnEmitters;

/// And of the page on the admin page.
#[cfg(doctest)]
#[doc = include_str!("../docs/admin.md")]
struct OnAdmin;

/// And of the page on socketioxide.
#[cfg(all(doctest, feature = "socketioxide"))]
#[doc = include_str!("../docs/socketioxide.md")]
struct OnSocketioxide;

/// And those of the page for those who come from Node.
#[cfg(doctest)]
#[doc = include_str!("../docs/from-node.md")]
struct FromNode;

/// And those of the page on streams.
#[cfg(doctest)]
#[doc = include_str!("../docs/streams.md")]
struct OnStreams;

/// And of the page on telemetry.
#[cfg(doctest)]
#[doc = include_str!("../docs/telemetry.md")]
struct OnTelemetry;

/// And those of the page on tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/testing.md")]
struct OnTesting;
