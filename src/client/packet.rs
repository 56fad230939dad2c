//! Packets as a client writes and reads them.
//!
//! Source: Engine.IO protocol v4 (the first digit) and Socket.IO protocol v5 (the second).

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::failure::ClientError;
use crate::{
    call::payload::{Arguments, Data, WrittenName},
    error::Result,
};

/// A packet on its way to the server: its text, and the Buffers that follow it.
pub(crate) struct Packet {
    pub(super) text: String,
    pub(super) buffers: Vec<Bytes>,
}

/// What the server says.
pub(crate) enum Incoming {
    /// An event, its first argument, and the number of the ack that the server wants.
    Event {
        name: String,
        data: Data,
        ack: Option<u64>,
    },
    /// The first argument of the ack of this number.
    Ack { number: u64, data: Data },
}

impl Packet {
    /// An event with one argument; with the number of the ack that is wanted.
    ///
    /// # Errors
    /// Where the argument cannot be written as JSON.
    pub(crate) fn event(name: &str, data: &(impl Serialize + ?Sized), ack: Option<u64>) -> Result<Self> {
        let (json, buffers) = Data::new(&(name, data))?.to_parts();
        Ok(Self::new(["42", "45"], ack, &json, buffers))
    }

    /// The ack of an event of the server's.
    pub(crate) fn ack(number: u64, arguments: &Arguments) -> Self {
        let (json, buffers) = arguments.to_parts();
        Self::new(["43", "46"], Some(number), &json, buffers)
    }

    /// The kind without Buffers, and the one with.
    fn new([plain, binary]: [&str; 2], number: Option<u64>, json: &str, buffers: Vec<Bytes>) -> Self {
        let number = number.map(|number| number.to_string()).unwrap_or_default();
        let text = match buffers.len() {
            0 => format!("{plain}{number}{json}"),
            count => format!("{binary}{count}-{number}{json}"),
        };
        Self { text, buffers }
    }
}

/// The head of an event or an ack.
pub(super) struct Head<'a> {
    is_ack: bool,
    /// Buffers that follow it.
    pub(super) buffers: usize,
    number: Option<u64>,
    arguments: &'a str,
}

impl<'a> Head<'a> {
    /// Reads the text of a packet; `None` where it is none of a connected namespace.
    pub(super) fn read(text: &'a str) -> Result<Option<Self>, ClientError> {
        let Some((kind, rest)) = text.split_at_checked(2) else {
            return Ok(None);
        };
        let (is_ack, is_binary) = match kind {
            "42" => (false, false),
            "43" => (true, false),
            "45" => (false, true),
            "46" => (true, true),
            _ => return Ok(None),
        };
        let broken = || ClientError::Broken(text.to_owned());
        let (buffers, rest) = match is_binary {
            false => (0, rest),
            true => {
                let (count, rest) = rest.split_once('-').ok_or_else(broken)?;
                (count.parse().map_err(|_| broken())?, rest)
            }
        };
        let (number, arguments) = rest.split_at(rest.find('[').ok_or_else(broken)?);
        let number = match number {
            "" => None,
            digits => Some(digits.parse().map_err(|_| broken())?),
        };
        Ok(Some(Self {
            is_ack,
            buffers,
            number,
            arguments,
        }))
    }

    /// The whole packet, once its Buffers came.
    pub(super) fn with(self, buffers: Vec<Bytes>) -> Result<Incoming, ClientError> {
        let broken = || ClientError::Broken(self.arguments.to_owned());
        let arguments: Vec<&RawValue> = serde_json::from_str(self.arguments).map_err(|_| broken())?;
        let argument = |number: usize| match arguments.get(number) {
            None => Data::default(),
            Some(json) => Data::of_packet(json.get().to_owned().into(), buffers.clone()),
        };
        if self.is_ack {
            let number = self.number.ok_or_else(broken)?;
            let data = argument(0);
            return Ok(Incoming::Ack { number, data });
        }
        let name = arguments.first().ok_or_else(broken)?;
        Ok(Incoming::Event {
            name: WrittenName::read(name.get())
                .ok_or_else(broken)?
                .as_str()
                .to_owned(),
            data: argument(1),
            ack: self.number,
        })
    }
}

/// Data as JSON alone: a Buffer in it is `{"base64": …}`.
///
/// # Errors
/// Where it is no JSON.
pub(crate) fn with_buffers_as_base64(data: &Data) -> serde_json::Result<Value> {
    let (json, buffers) = data.to_parts();
    let mut value = serde_json::from_str(&json)?;
    put_in(&buffers, &mut value);
    Ok(value)
}

/// Puts Buffers in the places of their placeholders.
fn put_in(buffers: &[Bytes], value: &mut Value) {
    if value.get("_placeholder") == Some(&Value::Bool(true)) {
        let number = value
            .get("num")
            .and_then(Value::as_u64)
            .and_then(|number| usize::try_from(number).ok());
        if let Some(buffer) = number.and_then(|number| buffers.get(number)) {
            *value = json!({ "base64": BASE64_STANDARD.encode(buffer) });
        }
        return;
    }
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|one| put_in(buffers, one)),
        Value::Object(fields) => fields.values_mut().for_each(|one| put_in(buffers, one)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads what the server would read, as if the server had sent it.
    fn there_and_back(packet: Packet) -> Incoming {
        let head = Head::read(&packet.text).unwrap().unwrap();
        assert_eq!(head.buffers, packet.buffers.len());
        head.with(packet.buffers).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        #[derive(Serialize)]
        struct Picture {
            name: &'static str,
            small: Bytes,
            large: Bytes,
        }
        let picture = Picture {
            name: "a[0]-1",
            small: Bytes::from_static(b"\x00"),
            large: Bytes::from_static(b"\xff\xfe"),
        };
        let Incoming::Event { name, data, ack } =
            there_and_back(Packet::event("a", &picture, Some(7)).unwrap())
        else {
            panic!("an event was written");
        };
        assert_eq!((name.as_str(), ack), ("a", Some(7)));
        let expected = json!({"name": "a[0]-1", "small": {"base64": "AA=="}, "large": {"base64": "//4="}});
        assert_eq!(with_buffers_as_base64(&data).unwrap(), expected);

        let Incoming::Ack { number, data } =
            there_and_back(Packet::ack(12, &Arguments::written(&[1, 2]).unwrap()))
        else {
            panic!("an ack was written");
        };
        assert_eq!((number, data.json::<Vec<u8>>().unwrap()), (12, vec![1, 2]));
    }

    #[test]
    fn packets_of_other_kinds_are_passed_over_and_broken_ones_are_told() {
        for other in ["", "2", "6", "40{}", "41", "44{}"] {
            assert!(Head::read(other).unwrap().is_none(), "{other}");
        }
        for broken in ["42", "42x[]", "451[]", "45x-[]"] {
            assert!(Head::read(broken).is_err(), "{broken}");
        }
        for broken in ["42[", "42[true]", "42[]", "43[]"] {
            assert!(
                Head::read(broken).unwrap().unwrap().with(Vec::new()).is_err(),
                "{broken}"
            );
        }
    }
}
