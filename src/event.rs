//! The name of an event: a module's path, a dot, the function's name.

use std::{fmt, str::FromStr};

/// Longest name that can be registered, in bytes.
pub const MAX_NAME: usize = 128;

/// First parts of names that the server keeps for itself.
const RESERVED: [&str; 3] = ["topic", "stream", "server"];

/// A well-formed event name, `api.services.status`: the module `api.services`, the function `status`.
///
/// Parts are ASCII letters, digits, `_` and `-`, joined by single dots; there are at least two. Names
/// that begin with `topic.`, `stream.` or `server.` are the server's own.
///
/// ```
/// let name: updraft::EventName = "api.services.status".parse().unwrap();
/// assert_eq!((name.module(), name.function()), ("api.services", "status"));
/// assert!("status".parse::<updraft::EventName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventName(Box<str>);

impl EventName {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the module: everything before the last dot.
    pub fn module(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(module, _)| module)
    }

    /// The name of the function: everything after the last dot.
    pub fn function(&self) -> &str {
        self.0.rsplit_once('.').map_or(&*self.0, |(_, function)| function)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EventName {
    type Err = MalformedName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name.len() > MAX_NAME {
            return Err(MalformedName::TooLong);
        }
        let mut parts = name.split('.');
        let first = parts.next().unwrap_or_default();
        if RESERVED.contains(&first) {
            return Err(MalformedName::Reserved);
        }
        if parts.clone().next().is_none() {
            return Err(MalformedName::NoModule);
        }
        if !is_word(first) || !parts.all(is_word) {
            return Err(MalformedName::Characters);
        }
        Ok(Self(name.into()))
    }
}

fn is_word(part: &str) -> bool {
    !part.is_empty()
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Why a text is no event name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedName {
    /// Longer than [`MAX_NAME`].
    #[error("is longer than {MAX_NAME} bytes")]
    TooLong,
    /// Has no dot, so no module.
    #[error("needs a module path, a dot and a function's name")]
    NoModule,
    /// Has an empty part or a character that names do not have.
    #[error("may hold ASCII letters, digits, '_' and '-' between single dots only")]
    Characters,
    /// Begins with a part that the server keeps for itself.
    #[error("begins with 'topic', 'stream' or 'server', which the server keeps for itself")]
    Reserved,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_names_say_what_is_wrong() {
        let cases = [
            ("", MalformedName::NoModule),
            ("status", MalformedName::NoModule),
            ("api..status", MalformedName::Characters),
            (".status", MalformedName::Characters),
            ("api.status.", MalformedName::Characters),
            ("api.st atus", MalformedName::Characters),
            ("api.größe", MalformedName::Characters),
            ("topic.subscribe", MalformedName::Reserved),
            ("server.x", MalformedName::Reserved),
        ];
        for (name, expected) in cases {
            assert_eq!(name.parse::<EventName>(), Err(expected), "{name:?}");
        }
        let long = format!("api.{}", "x".repeat(MAX_NAME));
        assert_eq!(long.parse::<EventName>(), Err(MalformedName::TooLong));
    }
}
