//! A value of MessagePack, written as JSON with placeholders for its Buffers.

use std::io::Write;

use bytes::Bytes;
use time::OffsetDateTime;

use super::{
    super::assembly::Limits,
    item::{Item, MALFORMED, is_undefined, item},
};
use crate::net::engineio::packet::Malformed;

/// Why a value is not written to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Malformed(Malformed),
    /// It is over a limit.
    TooLarge,
}

impl From<Malformed> for Stop {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Deepest nesting that any text of JSON is read to.
const DEEPEST: usize = 128;

/// Numbers that are whole and that JavaScript writes as such, whatever they are held in, are below this.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// JSON that is being written, and its Buffers.
#[derive(Debug)]
pub(super) struct Json {
    pub(super) text: Vec<u8>,
    pub(super) buffers: Vec<Bytes>,
    /// Bytes of the Buffers.
    held: usize,
    limits: Limits,
    depth: usize,
}

impl Json {
    /// Goes on behind a text, within limits and down to a depth.
    pub(super) fn new(text: Vec<u8>, limits: Limits, depth: usize) -> Self {
        Self {
            text,
            buffers: Vec::new(),
            held: 0,
            limits,
            depth: depth.min(DEEPEST),
        }
    }

    /// Writes the value at the front of `rest`, which stands inside so many others.
    pub(super) fn value(&mut self, rest: &mut &[u8], outside: usize) -> Result<(), Stop> {
        match item(rest)? {
            Item::Nil => self.put(b"null"),
            Item::Bool(true) => self.put(b"true"),
            Item::Bool(false) => self.put(b"false"),
            Item::Unsigned(number) => self.json(&number)?,
            Item::Signed(number) => self.json(&number)?,
            Item::Float(number) => self.float(number)?,
            Item::Text(text) => self.json(&*String::from_utf8_lossy(text))?,
            Item::Binary(bytes) => self.buffer(bytes)?,
            Item::Ext(kind, bytes) => self.ext(kind, bytes)?,
            Item::Array(elements) => self.array(rest, elements, self.inside(outside)?)?,
            Item::Map(pairs) => self.object(rest, pairs, self.inside(outside)?)?,
        }
        match self.text.len().saturating_add(self.held) > self.limits.bytes {
            true => Err(Stop::TooLarge),
            false => Ok(()),
        }
    }

    fn inside(&self, outside: usize) -> Result<usize, Stop> {
        match outside < self.depth {
            true => Ok(outside + 1),
            false => Err(Stop::TooLarge),
        }
    }

    fn put(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
    }

    /// Writes what is always JSON.
    fn json(&mut self, value: &(impl serde::Serialize + ?Sized)) -> Result<(), Stop> {
        serde_json::to_writer(&mut self.text, value).map_err(|_| MALFORMED.into())
    }

    fn float(&mut self, number: f64) -> Result<(), Stop> {
        match number.fract() == 0.0 && number.abs() < WHOLE {
            true => self.json(&(number as i64)),
            // Those that are no numbers become `null`.
            false => self.json(&number),
        }
    }

    fn array(&mut self, rest: &mut &[u8], elements: usize, depth: usize) -> Result<(), Stop> {
        self.put(b"[");
        for number in 0..elements {
            if number > 0 {
                self.put(b",");
            }
            self.value(rest, depth)?;
        }
        self.put(b"]");
        Ok(())
    }

    fn object(&mut self, rest: &mut &[u8], pairs: usize, depth: usize) -> Result<(), Stop> {
        self.put(b"{");
        let first = self.text.len();
        for _ in 0..pairs {
            let key = item(rest)?;
            if is_undefined(rest) {
                item(rest)?;
                continue;
            }
            if self.text.len() > first {
                self.put(b",");
            }
            match key {
                Item::Text(key) => self.json(&*String::from_utf8_lossy(key))?,
                Item::Unsigned(key) => self.json(&key.to_string())?,
                Item::Signed(key) => self.json(&key.to_string())?,
                _ => return Err(Malformed("an object whose key is no text").into()),
            }
            self.put(b":");
            self.value(rest, depth)?;
        }
        self.put(b"}");
        Ok(())
    }

    fn buffer(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.held = self.held.saturating_add(bytes.len());
        if self.buffers.len() == self.limits.buffers || self.held > self.limits.bytes {
            return Err(Stop::TooLarge);
        }
        let number = self.buffers.len();
        self.buffers.push(Bytes::copy_from_slice(bytes));
        self.write(format_args!(r#"{{"_placeholder":true,"num":{number}}}"#));
        Ok(())
    }

    fn ext(&mut self, kind: i8, bytes: &[u8]) -> Result<(), Stop> {
        match (kind, bytes, timestamp(bytes)) {
            (0, [_], _) => self.put(b"null"),
            (0, bytes, _) => match bytes.as_array() {
                Some(milliseconds) => self.time(i64::from_be_bytes(*milliseconds).into(), 1_000_000),
                None => self.buffer(bytes)?,
            },
            (-1, _, Some(nanoseconds)) => self.time(nanoseconds, 1),
            (kind, bytes, _) => {
                self.write(format_args!("[{kind},"));
                self.buffer(bytes)?;
                self.put(b"]");
            }
        }
        Ok(())
    }

    /// Writes a time that is so many units after 1970, as JavaScript does.
    fn time(&mut self, units: i128, nanoseconds: i128) {
        let time = OffsetDateTime::from_unix_timestamp_nanos(units.saturating_mul(nanoseconds));
        match time {
            Ok(time) if time.year() >= 0 => self.write(format_args!(
                r#""{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z""#,
                time.year(),
                u8::from(time.month()),
                time.day(),
                time.hour(),
                time.minute(),
                time.second(),
                time.millisecond()
            )),
            _ => self.put(b"null"),
        }
    }

    fn write(&mut self, what: std::fmt::Arguments<'_>) {
        // Memory takes all that is written.
        let _ = self.text.write_fmt(what);
    }
}

/// The nanoseconds after 1970 of a timestamp, in one of its three forms.
fn timestamp(bytes: &[u8]) -> Option<i128> {
    let (seconds, nanoseconds) = match *bytes {
        [a, b, c, d] => (i128::from(u32::from_be_bytes([a, b, c, d])), 0),
        [a, b, c, d, e, f, g, h] => {
            let both = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            (i128::from(both & 0x3_ffff_ffff), i128::from(both >> 34))
        }
        [n, a, n2, b, ..] => {
            let nanoseconds = u32::from_be_bytes([n, a, n2, b]);
            let seconds = i64::from_be_bytes(*bytes.get(4..)?.as_array()?);
            (seconds.into(), nanoseconds.into())
        }
        _ => return None,
    };
    Some(seconds * 1_000_000_000 + nanoseconds)
}
