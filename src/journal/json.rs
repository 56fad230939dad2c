//! An event as JSON: the shape in which it travels to readers, and in which an export holds it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

use super::record::Record;
use crate::event::Body;

#[derive(Serialize)]
struct Written<'a> {
    event: &'a str,
    topic: &'a str,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
}

#[derive(Deserialize)]
struct Read {
    event: String,
    topic: String,
    seq: u64,
    key: Option<String>,
    time: u64,
    #[serde(default)]
    deleted: bool,
    #[serde(default, deserialize_with = "present")]
    data: Option<Box<RawValue>>,
    traceparent: Option<String>,
}

/// A field that is there, also where it is `null`.
fn present<'de, D: Deserializer<'de>>(data: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(data).map(Some)
}

/// Fails where the data is no JSON, which only a damaged store holds.
impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written::of(self).map_err(ser::Error::custom)?;
        written.serialize(serializer)
    }
}

impl<'a> Written<'a> {
    /// As readers get it.
    fn of(record: &'a Record) -> serde_json::Result<Self> {
        Ok(Self {
            event: &record.name,
            topic: &record.topic,
            seq: record.seq,
            key: record.key.as_deref(),
            time: record.time,
            deleted: record.is_tombstone().then_some(true),
            data: match &record.body {
                Body::Data(json) => Some(serde_json::from_str(json)?),
                Body::Tombstone => None,
            },
            traceparent: None,
        })
    }

    /// As one line of JSON.
    fn line(&self) -> serde_json::Result<String> {
        // Data stands in the line as it was published. In JSON a break of a line is a space like others.
        let json = serde_json::to_string(self)?;
        Ok(match memchr::memchr2(b'\n', b'\r', json.as_bytes()) {
            Some(_) => json.replace(['\n', '\r'], " "),
            None => json,
        })
    }
}

impl Record {
    /// As one line of JSON, as readers get it.
    ///
    /// # Errors
    /// Where the data is no JSON, which only a damaged store holds.
    pub(crate) fn line(&self) -> serde_json::Result<String> {
        Written::of(self)?.line()
    }

    /// The same with all that a journal keeps of it.
    ///
    /// # Errors
    /// As [`Record::line`].
    pub(super) fn archived(&self) -> serde_json::Result<String> {
        let written = Written {
            traceparent: self.traceparent.as_deref(),
            ..Written::of(self)?
        };
        written.line()
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        let body = match (read.data, read.deleted) {
            (Some(data), false) => Body::Data(data.get().into()),
            (None, true) => Body::Tombstone,
            _ => return Err(de::Error::custom("an event has either data or 'deleted': true")),
        };
        Ok(Self {
            seq: read.seq,
            time: read.time,
            topic: read.topic.into(),
            name: read.event.into(),
            key: read.key.map(Into::into),
            body,
            traceparent: read.traceparent.map(Into::into),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(body: Body) -> Record {
        Record {
            seq: 7,
            time: 1,
            topic: "board".into(),
            name: "card.added".into(),
            key: Some("card-1".into()),
            body,
            traceparent: None,
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let bodies = [
            (Body::Data("null".into()), r#""data":null"#),
            (
                Body::Data("[1.50, \"größe\"]".into()),
                "\"data\":[1.50, \"größe\"]",
            ),
            (Body::Tombstone, r#""deleted":true"#),
        ];
        for (body, end) in bodies {
            let record = record(body);
            let json = serde_json::to_string(&record).unwrap();
            let begin = r#"{"event":"card.added","topic":"board","seq":7,"key":"card-1","time":1,"#;
            assert_eq!(json, format!("{begin}{end}}}"));
            assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
        }
    }

    #[test]
    fn data_over_several_lines_is_one_line() {
        let line = record(Body::Data("[\r\n1,\n\"a\\n\"]".into())).line().unwrap();
        assert!(line.ends_with(r#""data":[  1, "a\n"]}"#), "{line}");
    }

    #[test]
    fn what_is_neither_data_nor_an_end_is_refused() {
        let begin = r#"{"event":"a","topic":"board","seq":7,"time":1"#;
        for end in ["}", r#","deleted":true,"data":1}"#, r#","deleted":false}"#] {
            serde_json::from_str::<Record>(&format!("{begin}{end}")).unwrap_err();
        }
        assert!(serde_json::to_string(&record(Body::Data("no JSON".into()))).is_err());
    }
}
