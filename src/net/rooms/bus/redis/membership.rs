//! How a node takes part in a cluster of Node servers.

/// Whether Node servers count a node, and wait for its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    /// It hears them, and none of them waits for it.
    Listener,
    /// It answers what they ask.
    Member,
}
