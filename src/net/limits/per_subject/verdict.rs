//! What all nodes together say of a socket that was asked for.

/// What is said of a socket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::net::limits) enum Verdict {
    /// All nodes together have room for it, and count it.
    Granted,
    Refused,
    /// No other node could be asked.
    Unknown,
}
