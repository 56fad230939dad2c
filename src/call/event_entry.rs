//! An event as lists of events have it.

use std::fmt;

use serde::Serialize;

use super::registered::Registered;

/// An event that is registered, and the frames that its function gives and takes. It is written as `my.count (streams)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EventEntry {
    /// Its name, behind that of its namespace where it has one.
    pub event: String,
    /// Whether the function returns [`Frames`](crate::Frames).
    pub streams: bool,
    /// Whether it takes [`Incoming`](crate::Incoming).
    pub takes_frames: bool,
}

impl EventEntry {
    pub(super) fn new(event: String, function: &Registered) -> Self {
        Self {
            event,
            streams: function.frames.gives,
            takes_frames: function.frames.takes,
        }
    }
}

impl fmt::Display for EventEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.event)?;
        match (self.streams, self.takes_frames) {
            (false, false) => Ok(()),
            (true, false) => f.write_str(" (streams)"),
            (false, true) => f.write_str(" (takes frames)"),
            (true, true) => f.write_str(" (streams, takes frames)"),
        }
    }
}
