//! What the commands say to whoever typed them.

use std::{
    fmt,
    io::{self, Write},
};

/// A failure, in words for whoever typed the command.
#[derive(Debug)]
pub(super) struct Failure(pub(super) String);

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Writes a line to standard output. Whoever reads it may have had enough (`| head`): that is no failure.
pub(super) fn say(line: impl fmt::Display) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
