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
//! # What to read first
//!
//! | to | read |
//! |---|---|
//! | answer calls by `event` | [`Module`], then what functions take: [`Json`], [`Data`], [`State`], [`Context`] |
//! | hear events of any name, rooms, connect hooks | [`Namespace`], [`Args`], [`Handshake`], [`Left`] |
//! | emit from timers and HTTP routes | [`Emitter`], [`BroadcastTo`] |
//! | keep what happened, for clients that come later | [`Topic`], [`Event`], [`Context::topic`] |
//! | decide by state that is folded from events | [`Projection`], [`App::project`], [`App::consumer`] |
//! | stream answers and uploads | [`Frames`], [`Incoming`], [`After`] |
//! | know callers and refuse some | [`Identity`], [`require`], [`claim`], [`App::authenticate`], [`Subjects`] |
//! | know which clients are there | [`App::presence`], [`Presence`] |
//! | test all that | [`testing::TestApp`], [`testing::TestServer`] |
//! | start: a program, a server in a program, a router | [`App::run`], [`App::start`], [`App::into_router`] |
//! | set limits and all else | [`Config`] and its groups |
//! | look into a journal, or write a store | [`journal`] |
//!
//! The book (`docs/` of the repository, `make book`) has a tutorial, concepts, and operation.
//!
//! # Features
//!
//! All but `jemalloc` are on by default; `default-features = false` leaves a server on one node, by SQLite.
//!
//! | feature | brings |
//! |---|---|
//! | `client-bundle` | the JS client at `/socket.io/socket.io.js` |
//! | `postgres` | several nodes on one database: [`JournalConfig`]`::database`, [`journal`]`::PostgresJournal` |
//! | `redis` | rooms shared with other nodes and with Node servers: `BusConfig` |
//! | `otlp` | traces, metrics and logs for a collector: `TelemetryConfig` |
//! | `socketioxide` | [`App`]`::into_namespace`, for a socketioxide server of your own |
//! | `jemalloc` | the program's allocator on Linux; the library sets none |
//!
//! # Errors
//!
//! A function fails by [`CallError`], with a [`Code`] of a closed list: it is the caller's answer. Any other error becomes [`Code::Internal`] by
//! `?`: the caller gets an incident id, and the log the cause. What is wrong with an app (a name twice, a topic that is not declared)
//! is a [`StartError`] before it listens, never a failure of a call.
//!
//! # Panics
//!
//! The library panics on nothing that a client sends, nor on a setting. A function that panics is answered [`Code::Internal`], and the
//! server goes on. [`App::routes`] panics on a path that is there twice, [`App::start`] and its like outside of a tokio runtime,
//! [`App::run`] inside of one. What is in [`testing`] panics where a test's expectation does not hold, as an assertion does.
//!
//! # Cancellation
//!
//! A function's future is dropped at its next `await` when its time is over (`--call-timeout`). One that streams, or takes a stream, is dropped also when
//! its client cancels that or leaves, or the server stops. A call whose client has left goes on; [`Context::cancelled`] tells it. A publish whose future is
//! dropped may still be applied, as a whole or not at all: a call that is tried again with its `id` finds out which.
//!
//! The way of a call, from the ground up:

// docs.rs marks what a feature brings.
#![cfg_attr(docsrs, feature(doc_cfg))]

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
    frames::Frames,
    guard::{Guard, GuardArgument, require},
    handler::{Argument, Handler, Signature, check_handler},
    handshake::Handshake,
    hub::RemoteSocket,
    identity::Identity,
    incoming::{After, Incoming},
    left::Left,
    module::Module,
    namespace::{Errors, Namespace},
    pattern::MalformedNamespace,
    payload::{Call, Data},
    peer::{Ack, SocketId},
    registry::{EventEntry, EventNames, Registry, RegistryError},
    reply::{IntoReply, Reply},
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

/// The examples of the book compile.
#[cfg(doctest)]
mod book;
