//! The stories that the tests tell, one file each: a real server, real clients.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

mod admin;
mod auth;
mod bundle;
mod clients;
mod configuration;
mod connect;
mod context;
mod cores;
mod decoder;
mod deflate;
mod diagnostics;
mod drain;
mod emitter;
mod examples;
mod failures;
mod faults;
mod feed;
mod health;
mod hostile;
mod house;
mod journal;
mod limits;
mod load;
mod log;
#[cfg(unix)]
mod logging;
#[cfg(unix)]
mod manual;
mod metrics;
#[cfg(all(unix, feature = "postgres", feature = "redis"))]
mod mixed;
mod namespaces;
#[cfg(all(unix, feature = "postgres"))]
mod nodes;
mod notices;
mod order;
mod package;
mod packages;
mod page;
mod panics;
mod presence;
mod program;
mod proof;
mod python;
mod retention;
mod router;
#[cfg(unix)]
mod service;
mod slow_data;
#[cfg(feature = "socketioxide")]
mod socketioxide;
mod states;
mod status;
mod stop;
mod stop_polling;
mod streams;
#[cfg(feature = "otlp")]
mod telemetry;
mod testing;
mod tls;
mod ways;
mod web;
mod wire_messages;
