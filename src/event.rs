//! Events: their names, what is published of them, and where they stand.

mod position;

use std::{fmt, iter, str::FromStr, sync::Arc};

use bytestring::ByteString;
use serde::Serialize;

pub use self::position::{Epoch, MalformedPosition, Position};
use crate::error::{CallError, Code};

/// Longest name that can be registered or published, in bytes.
pub const MAX_NAME: usize = 128;

/// First parts of names that the server keeps for itself: readers know `topic.start` from an event by its name alone.
const RESERVED: [&str; 4] = ["topic", "stream", "server", "auth"];

/// Names that no event may have: Socket.IO's own, and those of Node's emitters.
pub(crate) const OF_SOCKET_IO: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// The event that carries calls to modules, and what a server says by itself.
pub(crate) const EVENT: &str = "event";

/// Whether this may be the name of an event that a namespace hears.
pub(crate) fn check_heard(name: &str) -> Result<(), MalformedName> {
    match OF_SOCKET_IO.contains(&name) {
        true => Err(MalformedName::OfSocketIo),
        false => check_published(name),
    }
}

/// Whether clients take an event of this name: at one of Socket.IO's own their parser fails, and they disconnect.
pub(crate) fn check_emitted(name: &str) -> Result<(), CallError> {
    if OF_SOCKET_IO.contains(&name) {
        let why = format!("'{name}' {}", MalformedName::OfSocketIo);
        return Err(CallError::new(Code::InvalidData, why));
    }
    Ok(())
}

/// Whether a name is one of the server's own.
fn is_reserved(name: &str) -> bool {
    name.split_once('.')
        .is_some_and(|(first, _)| RESERVED.contains(&first))
}

/// Whether this may be the name of an event that is published: any text but an empty one, a long one, one with control
/// characters, and the server's own names.
pub(crate) fn check_published(name: &str) -> Result<(), MalformedName> {
    if name.is_empty() {
        return Err(MalformedName::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(MalformedName::TooLong);
    }
    if name.chars().any(char::is_control) {
        return Err(MalformedName::Control);
    }
    match is_reserved(name) {
        true => Err(MalformedName::Reserved),
        false => Ok(()),
    }
}

/// A well-formed event name, `api.services.status`: the module `api.services`, the function `status`.
///
/// Parts are ASCII letters, digits, `_` and `-`, joined by single dots; there are at least two. Names
/// that begin with `topic.`, `stream.`, `server.` or `auth.` are the server's own. As an argument of a function it is the name
/// that the client wrote, in a [`Namespace`](crate::Namespace) any text.
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

impl EventName {
    /// A name as a client wrote it, or as a namespace registers it: any text.
    pub(crate) fn as_written(name: &str) -> Self {
        Self(name.into())
    }

    /// Whether it is one of the server's own.
    pub(crate) fn is_reserved(&self) -> bool {
        is_reserved(&self.0)
    }

    /// A name of the server's own.
    pub(crate) fn reserved(name: &str) -> Result<Self, MalformedName> {
        if name.len() > MAX_NAME {
            return Err(MalformedName::TooLong);
        }
        let mut parts = name.split('.');
        let first = parts.next().unwrap_or_default();
        if parts.clone().next().is_none() {
            return Err(MalformedName::NoModule);
        }
        if !is_word(first) || !parts.all(is_word) {
            return Err(MalformedName::Characters);
        }
        Ok(Self(name.into()))
    }
}

impl FromStr for EventName {
    type Err = MalformedName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let name = Self::reserved(name)?;
        match is_reserved(name.as_str()) {
            true => Err(MalformedName::Reserved),
            false => Ok(name),
        }
    }
}

/// Whether a text may be one part of a name.
pub(crate) fn is_word(part: &str) -> bool {
    !part.is_empty()
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Why a text is no name of an event: one that is called, or one that is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedName {
    /// Is empty.
    #[error("is empty")]
    Empty,
    /// Longer than [`MAX_NAME`].
    #[error("is longer than {MAX_NAME} bytes")]
    TooLong,
    /// Has no dot, so no module.
    #[error("needs a module path, a dot and a function's name")]
    NoModule,
    /// Has an empty part or a character that names do not have.
    #[error("may hold ASCII letters, digits, '_' and '-' between single dots only")]
    Characters,
    /// Has a control character, as a line break is.
    #[error("holds a control character")]
    Control,
    /// One of those that Socket.IO keeps for itself.
    #[error("is one of those that Socket.IO keeps for itself")]
    OfSocketIo,
    /// Begins with a part that the server keeps for itself.
    #[error("begins with 'topic', 'stream', 'server' or 'auth', which the server keeps for itself")]
    Reserved,
}

/// An event to publish: a name, perhaps a key, and data; or the end of a key.
///
/// A name is any text of 1 to [`MAX_NAME`] bytes without control characters. Names that begin with `topic.`, `stream.`,
/// `server.` or `auth.` are the server's own: readers would take `topic.start` for a reset. What is named otherwise is an
/// error of [`Event::data`], and of what publishes it.
///
/// ```
/// use updraft::Event;
///
/// let added = Event::new("card.added").key("card-1").data(&serde_json::json!({"title": "Fly"}))?;
/// let removed = Event::tombstone("card.removed", "card-1");
/// assert!(Event::new("topic.start").data(&1).is_err());
/// # Ok::<(), updraft::CallError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub(crate) name: ByteString,
    pub(crate) key: Option<ByteString>,
    pub(crate) body: Body,
    /// Of which trace its publish is a part.
    pub(crate) traceparent: Option<Arc<str>>,
}

/// What an event carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// JSON text.
    Data(ByteString),
    /// Nothing: its key ends here.
    Tombstone,
}

impl Event {
    /// An event of this name, with `null` as data.
    pub fn new(name: impl Into<ByteString>) -> Self {
        Self {
            name: name.into(),
            key: None,
            body: Body::Data(ByteString::from_static("null")),
            traceparent: None,
        }
    }

    /// The end of a key: a new reader hears nothing of it any more.
    pub fn tombstone(name: impl Into<ByteString>, key: impl Into<ByteString>) -> Self {
        Self {
            name: name.into(),
            key: Some(key.into()),
            body: Body::Tombstone,
            traceparent: None,
        }
    }

    /// What the event is about. Of a key only the latest event counts: it is what a new reader gets. In PostgreSQL a key has 2000
    /// bytes at most.
    #[must_use]
    pub fn key(mut self, key: impl Into<ByteString>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The event's data, as JSON. Topics carry no Buffers: bytes are written as an array of numbers.
    ///
    /// # Errors
    /// [`Code::Internal`] where the event's name is malformed, or the value cannot be written as
    /// JSON.
    pub fn data(mut self, data: &(impl Serialize + ?Sized)) -> Result<Self, CallError> {
        check_published(&self.name)
            .map_err(|why| CallError::internal(format_args!("the event name {:?} {why}", &*self.name)))?;
        self.body = Body::Data(serde_json::to_string(data)?.into());
        Ok(self)
    }
}

/// An event is a batch of one.
impl IntoIterator for Event {
    type Item = Self;
    type IntoIter = iter::Once<Self>;

    fn into_iter(self) -> Self::IntoIter {
        iter::once(self)
    }
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
            ("stream.x.y", MalformedName::Reserved),
            ("auth.refresh", MalformedName::Reserved),
        ];
        for (name, expected) in cases {
            assert_eq!(name.parse::<EventName>(), Err(expected), "{name:?}");
        }
        let long = format!("api.{}", "x".repeat(MAX_NAME));
        assert_eq!(long.parse::<EventName>(), Err(MalformedName::TooLong));
    }

    #[test]
    fn published_names_are_any_text_but_the_servers_own() {
        let cases = [
            ("", MalformedName::Empty),
            ("a\nb", MalformedName::Control),
            ("a\u{85}b", MalformedName::Control),
            ("topic.start", MalformedName::Reserved),
            ("server.draining", MalformedName::Reserved),
            ("stream.end", MalformedName::Reserved),
            ("auth.refresh", MalformedName::Reserved),
        ];
        for (name, expected) in cases {
            assert_eq!(check_published(name), Err(expected), "{name:?}");
            let error = Event::new(name).data(&1).unwrap_err();
            assert_eq!(error.code(), crate::Code::Internal, "{name:?}");
        }
        let long = "x".repeat(MAX_NAME);
        for name in ["said", "größe geändert", "topic", "topics.start", &long] {
            assert_eq!(check_published(name), Ok(()), "{name:?}");
        }
        assert_eq!(check_published(&(long + "x")), Err(MalformedName::TooLong));
    }
}
