//! The channel of a namespace, as the official adapter names it.

/// What all channels begin with.
const PREFIX: &str = "socket.io#";

/// Longest name of a channel: PostgreSQL cuts or refuses others (`NAMEDATALEN`).
const LONGEST: usize = 63;

/// The channel of a namespace; none where its name cannot be one's.
pub(super) fn of(namespace: &str) -> Option<String> {
    let fits = PREFIX.len() + namespace.len() <= LONGEST && !namespace.contains('\0');
    fits.then(|| format!("{PREFIX}{namespace}"))
}

/// The namespace of a channel.
pub(super) fn namespace(channel: &str) -> Option<&str> {
    channel.strip_prefix(PREFIX)
}

/// A channel as an identifier in SQL.
pub(super) fn quoted(channel: &str) -> String {
    format!("\"{}\"", channel.replace('"', "\"\""))
}
