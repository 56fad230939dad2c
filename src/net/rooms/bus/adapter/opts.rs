//! Which sockets are meant: `{rooms, except, flags}`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Number;

use crate::{call::target::Target, net::rooms::bus::message::AcksWanted};

/// How long acks are waited for where it is not said, and the longest.
const WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// As they are written.
#[derive(Serialize)]
pub(in crate::net::rooms::bus) struct Written<'a> {
    rooms: &'a [String],
    except: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<WrittenFlags>,
}

#[derive(Serialize)]
struct WrittenFlags {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    volatile: bool,
    /// In milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u64>,
}

impl<'a> Written<'a> {
    /// Those of an emit.
    pub(in crate::net::rooms::bus) fn of(target: &'a Target, acks: Option<&AcksWanted>) -> Self {
        let milliseconds = |acks: &AcksWanted| u64::try_from(acks.wait.as_millis()).unwrap_or(u64::MAX);
        let flags = WrittenFlags {
            volatile: target.is_volatile(),
            timeout: acks.map(milliseconds),
        };
        Self {
            flags: Some(flags),
            ..Self::bare(target)
        }
    }

    /// The same without flags.
    pub(in crate::net::rooms::bus) fn bare(target: &'a Target) -> Self {
        Self {
            rooms: target.rooms(),
            except: target.excepted(),
            flags: None,
        }
    }
}

/// As they are read.
#[derive(Default, Deserialize)]
pub(in crate::net::rooms::bus) struct Options {
    #[serde(default, deserialize_with = "names")]
    rooms: Vec<String>,
    #[serde(default, deserialize_with = "some_names")]
    except: Vec<String>,
    #[serde(default, deserialize_with = "unless_empty")]
    flags: Option<Flags>,
}

#[derive(Default, Deserialize)]
struct Flags {
    #[serde(default)]
    volatile: Option<bool>,
    #[serde(default)]
    timeout: Option<f64>,
}

impl Options {
    /// The sockets that are meant.
    pub(in crate::net::rooms::bus) fn target(&self) -> Target {
        let within = self.rooms.iter().fold(Target::all(), Target::and);
        let target = self.except.iter().fold(within, Target::except);
        let flags = self.flags.as_ref();
        match flags.and_then(|flags| flags.volatile).unwrap_or_default() {
            true => target.volatile(),
            false => target,
        }
    }

    /// How long their acks are waited for.
    pub(in crate::net::rooms::bus) fn wait(&self) -> Duration {
        let flags = self.flags.as_ref();
        let wait = flags.and_then(|flags| flags.timeout).map(|ms| ms / 1000.0);
        let wait = wait.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        wait.unwrap_or(WAIT).min(LONGEST_WAIT)
    }
}

/// A name of a room: in JavaScript a number may be one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Number(Number),
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        match name {
            Name::Text(text) => text,
            Name::Number(number) => number.to_string(),
        }
    }
}

/// Names of rooms: one at least, where there is something in the list. Without a room all sockets would be meant.
pub(in crate::net::rooms::bus) fn names<'de, D: Deserializer<'de>>(
    names: D,
) -> Result<Vec<String>, D::Error> {
    match all_names(names)? {
        (names, 1..) if names.is_empty() => Err(D::Error::custom("no room has a name")),
        (names, _) => Ok(names),
    }
}

/// Names of rooms, or none.
fn some_names<'de, D: Deserializer<'de>>(names: D) -> Result<Vec<String>, D::Error> {
    Ok(all_names(names)?.0)
}

/// The names in a list, and its length: in Node `undefined` is a room like any other, in which no socket is.
fn all_names<'de, D: Deserializer<'de>>(names: D) -> Result<(Vec<String>, usize), D::Error> {
    let all: Vec<Option<Name>> = unless_empty(names)?.unwrap_or_default();
    let length = all.len();
    Ok((all.into_iter().flatten().map(Into::into).collect(), length))
}

/// What is there: to Node an empty text is an empty list and no flags, and old emitters in other languages write one for both.
fn unless_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(read: D) -> Result<Option<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Read<T> {
        Given(T),
        Text(String),
    }
    match Option::deserialize(read)? {
        Some(Read::Given(given)) => Ok(Some(given)),
        Some(Read::Text(text)) if !text.is_empty() => Err(D::Error::custom("it is a text")),
        _ => Ok(None),
    }
}

/// A room, where there is one.
#[cfg(feature = "redis")]
pub(in crate::net::rooms::bus) fn name<'de, D: Deserializer<'de>>(
    name: D,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<Name>::deserialize(name)?.map(Into::into))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(options: &str) -> Option<Target> {
        serde_json::from_str::<Options>(options)
            .ok()
            .map(|options| options.target())
    }

    #[test]
    fn an_empty_text_or_list_is_as_little_as_nothing() {
        for nothing in [
            r#"{}"#,
            r#"{"rooms":[],"except":[],"flags":{}}"#,
            r#"{"rooms":"","flags":""}"#,
            r#"{"rooms":null,"except":"","flags":null}"#,
            r#"{"rooms":[],"flags":[]}"#,
        ] {
            assert_eq!(meant(nothing), Some(Target::all()), "{nothing}");
        }
        assert_eq!(
            meant(r#"{"rooms":["tea",7],"flags":{"volatile":true}}"#),
            Some(Target::within("tea").and("7").volatile())
        );
        for malformed in [
            r#"{"rooms":"tea"}"#,
            r#"{"flags":"volatile"}"#,
            r#"{"rooms":[null]}"#,
        ] {
            assert_eq!(meant(malformed), None, "{malformed}");
        }
    }
}
