//! Output of the commands.

use std::{
    fmt,
    io::{self, IsTerminal, StdoutLock, Write},
    ops::ControlFlow,
};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// A failure, as a message on the command line.
#[derive(Debug)]
pub(super) struct Failure(pub(super) String);

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Writes a line to standard output. A closed pipe (`| head`) is no failure.
pub(super) fn say(line: impl fmt::Display) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a line to standard error, beside what the command prints. That nobody reads it is no failure.
pub(super) fn remark(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Standard output for many lines: they go out together.
pub(super) struct Lines(io::BufWriter<StdoutLock<'static>>);

/// The outcome of a line: a closed pipe is no failure, and ends the command.
pub(super) type Said = Result<ControlFlow<()>, Failure>;

impl Lines {
    pub(super) fn new() -> Self {
        Self(io::BufWriter::new(io::stdout().lock()))
    }

    pub(super) fn say(&mut self, line: impl fmt::Display) -> Said {
        read_on(writeln!(self.0, "{line}"))
    }

    pub(super) fn flush(&mut self) -> Said {
        read_on(self.0.flush())
    }
}

fn read_on(written: io::Result<()>) -> Said {
    match written {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error.into()),
    }
}

/// A bar on standard error, where that is a terminal.
pub(super) fn bar(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length)
        .with_message(what)
        .with_finish(ProgressFinish::AndClear);
    // The template is a constant; were it wrong, the bar would look as bars do by default.
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// A bar beside output that goes to standard output: none where both would go to one terminal.
pub(super) fn bar_beside_output(length: u64, what: &'static str) -> ProgressBar {
    match io::stdout().is_terminal() {
        true => ProgressBar::hidden(),
        false => bar(length, what),
    }
}

/// A bar of bytes on standard error, where that is a terminal; how many there will be may not be known.
pub(super) fn bytes_bar(length: Option<u64>, what: &'static str) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (
            bar(length, what),
            "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}",
        ),
        None => (bar(0, what), "{msg} {binary_bytes} {binary_bytes_per_sec}"),
    };
    if length.is_none() {
        bar.unset_length();
    }
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// The same beside output that goes to standard output.
pub(super) fn bytes_bar_beside_output(length: Option<u64>, what: &'static str) -> ProgressBar {
    match io::stdout().is_terminal() {
        true => ProgressBar::hidden(),
        false => bytes_bar(length, what),
    }
}

/// So many of them, in words.
pub(super) fn counted(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// A text as one line without what would steer a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|letter| match letter.is_control() {
            true => letter.escape_default().collect::<Vec<_>>(),
            false => vec![letter],
        })
        .collect()
}
