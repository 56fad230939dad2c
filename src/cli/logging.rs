//! What goes to standard error: the log, and what the program says of itself while it serves. A thread of its own writes it, so that
//! nothing waits for a reader that stalls: what does not fit into its queue is dropped.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, registry::LookupSpan, reload,
    util::SubscriberInitExt,
};

use super::{terminal::Failure, traced_log};
use crate::net::telemetry::Telemetry;

/// What is logged unless `--log` asks for something else.
pub(super) const DEFAULT: &str = "info";

/// Most lines that wait to be written.
const MOST_LINES: usize = 32 << 10;

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
    pub(super) fn start(self, filter: &str, telemetry: Option<&Telemetry>) -> (Log, Filter) {
        let (filter, handle) = reload::Layer::new(EnvFilter::new(filter));
        let (lines, writing) = NonBlockingBuilder::default()
            .buffered_lines_limit(MOST_LINES)
            .thread_name("log")
            .finish(io::stderr());
        let layer = self.layer(lines.clone());
        let log = tracing_subscriber::registry().with(filter).with(layer);
        match telemetry {
            None => log.init(),
            Some(telemetry) => traced_log::told(log, telemetry),
        }
        let log = Log {
            format: self,
            dropped: lines.error_counter(),
            lines,
            _writing: writing,
        };
        (log, Filter(handle))
    }

    fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(
        self,
        lines: NonBlocking,
    ) -> Box<dyn Layer<S> + Send + Sync> {
        let layer = fmt::layer().with_writer(lines).with_ansi(has_colors());
        match self {
            Self::Text => layer.boxed(),
            Self::Json => traced_log::json(layer.json().flatten_event(true)).boxed(),
        }
    }
}

/// What is written to standard error, until this is dropped: then what waits is written, within about a second.
pub(super) struct Log {
    format: LogFormat,
    lines: NonBlocking,
    dropped: ErrorCounter,
    _writing: WorkerGuard,
}

impl Log {
    /// Says what happens, whatever `--log` asks for, unless that is to be read by a program.
    pub(super) fn say(&self, line: &str) {
        match self.format {
            LogFormat::Text => self.write(line),
            LogFormat::Json => tracing::info!("{line}"),
        }
    }

    /// Says why the program ends.
    pub(super) fn fail(&self, Failure(why): &Failure) {
        match self.format {
            LogFormat::Text => self.write(&format!("error: {why}")),
            LogFormat::Json => tracing::error!("{why}"),
        }
    }

    /// Says how much of the log was lost.
    pub(super) fn tell_dropped(&self) {
        match self.dropped.dropped_lines() {
            0 => {}
            lines => tracing::warn!(lines, "a part of the log was dropped, as its reader was too slow"),
        }
    }

    fn write(&self, line: &str) {
        // A queue that is full drops it.
        let _ = self.lines.clone().write_all(format!("{line}\n").as_bytes());
    }
}

/// Colors are for terminals whose users have not said otherwise.
///
/// Source: <https://no-color.org>.
fn has_colors() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !unwanted
}
