//! What goes to standard error: the log, and what the program says of itself while it serves.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, fmt, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

use super::{terminal::Failure, traced_log};
use crate::net::telemetry::Telemetry;

/// What is logged unless `UPDRAFT_LOG` asks for something else.
const DEFAULT: &str = "info";

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

impl LogFormat {
    /// Logs to standard error what `UPDRAFT_LOG` asks for (`info` by default), as in `UPDRAFT_LOG=updraft=debug`, and tells a
    /// collector the same, if there is one.
    pub(super) fn start(self, telemetry: Option<&Telemetry>) {
        let wanted = std::env::var("UPDRAFT_LOG").unwrap_or_default();
        let parsed = match &*wanted {
            "" => EnvFilter::try_new(DEFAULT),
            wanted => EnvFilter::try_new(wanted),
        };
        let error = parsed.as_ref().err().map(ToString::to_string);
        let filter = parsed.unwrap_or_else(|_| EnvFilter::new(DEFAULT));
        let log = tracing_subscriber::registry().with(filter).with(self.lines());
        match telemetry {
            None => log.init(),
            Some(telemetry) => traced_log::told(log, telemetry),
        }
        if let Some(error) = error {
            tracing::warn!(
                "UPDRAFT_LOG is not understood ({error}): write it as debug, or updraft=debug,warn"
            );
        }
    }

    /// The lines of the log.
    fn lines<S: Subscriber + for<'a> LookupSpan<'a>>(self) -> Box<dyn Layer<S> + Send + Sync> {
        let lines = fmt::layer().with_writer(io::stderr).with_ansi(has_colors());
        match self {
            Self::Text => lines.boxed(),
            Self::Json => traced_log::json(lines.json().flatten_event(true)).boxed(),
        }
    }

    /// Says what happens, whatever `UPDRAFT_LOG` asks for, unless that is to be read by a program.
    pub(super) fn say(self, line: &str) {
        match self {
            Self::Text => eprintln!("{line}"),
            Self::Json => tracing::info!("{line}"),
        }
    }

    /// Says why the program ends.
    pub(super) fn fail(self, Failure(why): &Failure) {
        match self {
            Self::Text => eprintln!("error: {why}"),
            Self::Json => tracing::error!("{why}"),
        }
    }
}

/// Colors are for terminals whose users have not said otherwise.
///
/// Source: <https://no-color.org>.
fn has_colors() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !unwanted
}
