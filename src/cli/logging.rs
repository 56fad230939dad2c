//! What goes to standard error: the log, and what the program says of itself while it serves.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, registry::LookupSpan, reload,
    util::SubscriberInitExt,
};

use super::{terminal::Failure, traced_log};
use crate::net::telemetry::Telemetry;

/// What is logged unless `--log` asks for something else.
pub(super) const DEFAULT: &str = "info";

/// Reads what is to be logged; nothing is the default, as in an empty variable.
pub(super) fn filter(text: &str) -> Result<String, String> {
    let text = if text.is_empty() { DEFAULT } else { text };
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("{error}; write it as debug, or updraft=debug,warn")),
    }
}

/// What is logged, while it is.
pub(super) struct Filter(reload::Handle<EnvFilter, Registry>);

impl Filter {
    /// From now on that is logged, as `--log` has it.
    pub(super) fn replace(&self, filter: &str) {
        if let Err(error) = self.0.reload(EnvFilter::new(filter)) {
            tracing::error!("the filter of the log stays: {error}");
        }
    }
}

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
    /// Logs to standard error what `--log` asks for, as in `updraft=debug`, until the filter is told something else, and tells a
    /// collector the same, if there is one.
    pub(super) fn start(self, filter: &str, telemetry: Option<&Telemetry>) -> Filter {
        let (filter, handle) = reload::Layer::new(EnvFilter::new(filter));
        let log = tracing_subscriber::registry().with(filter).with(self.lines());
        match telemetry {
            None => log.init(),
            Some(telemetry) => traced_log::told(log, telemetry),
        }
        Filter(handle)
    }

    /// The lines of the log.
    fn lines<S: Subscriber + for<'a> LookupSpan<'a>>(self) -> Box<dyn Layer<S> + Send + Sync> {
        let lines = fmt::layer().with_writer(io::stderr).with_ansi(has_colors());
        match self {
            Self::Text => lines.boxed(),
            Self::Json => traced_log::json(lines.json().flatten_event(true)).boxed(),
        }
    }

    /// Says what happens, whatever `--log` asks for, unless that is to be read by a program.
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
