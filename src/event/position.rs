//! Where an event stands: in which journal, and how far in it.

use std::{fmt, str::FromStr};

use bytestring::ByteString;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Names a journal. Another journal has another epoch, so that a position of the one is not taken for one of
/// the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(ByteString);

impl Epoch {
    /// A fresh one.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 6];
        getrandom::fill(&mut bytes)?;
        Ok(Self(
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
                .into(),
        ))
    }

    /// As it was written down.
    pub fn from_text(text: impl Into<ByteString>) -> Self {
        Self(text.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in a journal, `<epoch>:<seq>` as text.
///
/// ```
/// let position: updraft::Position = "3f9c01:42".parse().unwrap();
/// assert_eq!((position.epoch.as_str(), position.seq), ("3f9c01", 42));
/// assert_eq!(position.to_string(), "3f9c01:42");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The journal.
    pub epoch: Epoch,
    /// The place in it.
    pub seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}

impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = ByteString::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A text that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is '<epoch>:<seq>'")]
pub struct MalformedPosition;

impl FromStr for Position {
    type Err = MalformedPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, seq) = text.split_once(':').ok_or(MalformedPosition)?;
        // No sign before it, which `parse` would take.
        if !seq.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(MalformedPosition);
        }
        Ok(Self {
            epoch: Epoch::from_text(epoch.to_owned()),
            seq: seq.parse().map_err(|_| MalformedPosition)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_an_epoch_and_digits() {
        for text in [
            "",
            "a",
            "a:",
            "a:-1",
            "a:+1",
            "a: 1",
            "a:1.0",
            "a:18446744073709551616",
        ] {
            assert_eq!(text.parse::<Position>(), Err(MalformedPosition), "{text}");
        }
        assert_eq!(
            "a:18446744073709551615".parse::<Position>().unwrap().seq,
            u64::MAX
        );
    }
}
