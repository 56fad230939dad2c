//! What the official adapter and emitters said when they were run.

mod answers;
mod any;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::{
        adapter::samples::bytes,
        message::{Message, NamedEvent},
    },
    channels::Channels,
    decode::{self, OURS, Said},
    encode::{Publication, Writer},
    membership::Membership,
};
use crate::call::{
    payload::{Arguments, Data, WrittenName},
    target::Target,
};

/// What was published when Node's servers and emitters were run.
#[derive(Deserialize)]
struct Captured {
    what: String,
    channel: String,
    hex: Option<String>,
    text: Option<String>,
    decoded: Value,
}

impl Captured {
    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("captured.json")).unwrap()
    }

    fn payload(&self) -> Vec<u8> {
        let text = self.text.as_ref().map(|text| text.clone().into_bytes());
        text.unwrap_or_else(|| bytes(self.hex.as_ref().unwrap()))
    }

    fn namespace(&self) -> &str {
        self.channel.split('#').nth(1).unwrap()
    }

    fn read(&self) -> Said {
        let payload = self.payload();
        let said = match self.channel.starts_with("socket.io#") {
            true => decode::broadcast(&payload, self.namespace()),
            false => decode::request(&payload, Membership::Member),
        };
        said.unwrap_or_else(|error| panic!("{}: {error}", self.what))
            .expect("it is for this node")
    }

    /// The event, with its Buffers as they stand in what was decoded.
    fn event(&self) -> &Value {
        let decoded = &self.decoded;
        let packets = [&decoded[1]["data"], &decoded["packet"]["data"], &decoded["data"]];
        packets.into_iter().find(|event| event.is_array()).unwrap()
    }

    fn options(&self) -> &Value {
        match self.decoded.is_array() {
            true => &self.decoded[2],
            false => &self.decoded["opts"],
        }
    }
}

fn writer(uid: &str) -> Writer {
    Writer {
        uid: uid.to_owned(),
        channels: Channels::new("socket.io", uid),
        membership: Membership::Member,
    }
}

/// The one thing that is published for a message, or the last: what Node servers hear.
fn written(uid: &str, namespace: &str, message: &Message) -> Publication {
    writer(uid).write(namespace, message).unwrap().pop().unwrap()
}

fn name(name: &WrittenName) -> Value {
    let mut json = Vec::new();
    name.borrowed().write(&mut json);
    serde_json::from_slice(&json).unwrap()
}

/// An event as JSON, with text in the place of its Buffers.
fn shown(event: &NamedEvent) -> Value {
    fn show(value: &mut Value, buffers: &[Bytes]) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| show(value, buffers)),
            Value::Object(fields) if fields.contains_key("_placeholder") => {
                let buffer = &buffers[fields["num"].as_u64().unwrap() as usize];
                let digits: String = buffer.iter().map(|byte| format!("{byte:02x}")).collect();
                *value = format!("<bin {digits}>").into();
            }
            Value::Object(fields) => fields.values_mut().for_each(|value| show(value, buffers)),
            _ => {}
        }
    }
    let (text, buffers) = Arguments::written(&event.data).unwrap().to_parts();
    let mut event_and_all: Vec<Value> = vec![name(&event.name)];
    event_and_all.extend(serde_json::from_str::<Vec<Value>>(&text).unwrap());
    let mut all = Value::from(event_and_all);
    show(&mut all, &buffers);
    all
}

fn names(options: &Value, field: &str) -> Vec<String> {
    let names = options[field].as_array().cloned().unwrap_or_default();
    names
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn all_that_node_servers_and_emitters_said_is_understood() {
    let all = Captured::all();
    assert_eq!(all.len(), 16);
    for captured in all {
        let Said { uid, message } = captured.read();
        let said_uid = match captured.decoded.is_array() {
            true => &captured.decoded[0],
            false => &captured.decoded["uid"],
        };
        assert_eq!(uid, said_uid.as_str().unwrap_or_default());
        let options = captured.options();
        let (target, event) = match &message {
            Message::Emit { target, event, acks } => {
                assert_eq!(acks.is_some(), captured.what.contains("ack"));
                (Some(target), Some(event))
            }
            Message::Announce { event, request: None } => (None, Some(event)),
            Message::Join { target, rooms } | Message::Leave { target, rooms } => {
                assert_eq!(rooms, &names(&captured.decoded, "rooms"));
                (Some(target), None)
            }
            Message::Disconnect { target, closes: true } => (Some(target), None),
            other => panic!("{}: {other:?}", captured.what),
        };
        if let Some(target) = target {
            assert_eq!(target.rooms(), names(options, "rooms"), "{}", captured.what);
            assert_eq!(target.excepted(), names(options, "except"), "{}", captured.what);
            let is_volatile = options["flags"]["volatile"] == true;
            assert_eq!(target.is_volatile(), is_volatile, "{}", captured.what);
        }
        if let Some(event) = event {
            assert_eq!(&shown(event), captured.event(), "{}", captured.what);
        }
    }
}

#[test]
fn the_same_is_written_to_the_byte_and_to_the_channel() {
    // Node has a type for times, which JSON has not; the emitters order their fields in another way than the adapter.
    let by_servers =
        |captured: &Captured| captured.what.starts_with("classic") && !captured.what.contains("Date");
    let mut compared = 0;
    for captured in Captured::all().into_iter().filter(by_servers) {
        let Said { uid, mut message } = captured.read();
        if let Message::Emit { acks: Some(acks), .. } = &mut message {
            // Of another node it is a request of its own.
            acks.request = captured.decoded["requestId"].as_str().unwrap().to_owned();
        }
        let Publication { channel, payload } = written(&uid, captured.namespace(), &message);
        assert_eq!(channel, captured.channel, "{}", captured.what);
        assert_eq!(payload, captured.payload(), "{}", captured.what);
        compared += 1;
    }
    assert_eq!(compared, 9);
}

#[test]
fn a_node_knows_its_own_broadcasts_without_reading_them() {
    let uid = format!("{OURS}0123456789abcdef");
    let emit = Message::Emit {
        target: Target::all(),
        event: event("x"),
        acks: None,
    };
    let own = written(&uid, "/", &emit).payload;
    assert!(writer(&uid).is_own(&own));
    assert!(!writer(&format!("{OURS}0123456789abcdee")).is_own(&own));
    for captured in Captured::all() {
        assert!(!writer(&uid).is_own(&captured.payload()));
    }
}

#[test]
fn a_room_that_node_left_undefined_has_no_sockets_and_is_not_all_of_them() {
    // What `@socket.io/redis-emitter` said for each of these.
    const TO_RED_AND_UNDEFINED: &str = "93a7656d697474657283a47479706502a46461746191a161a36e7370a12f83a5726f6f6d7392a3726564c0a5666c61677380a665786365707490";
    const EXCEPT_UNDEFINED: &str = "93a7656d697474657283a47479706502a46461746191a162a36e7370a12f83a5726f6f6d7390a5666c61677380a665786365707491c0";
    const TO_UNDEFINED: &str = "93a7656d697474657283a47479706502a46461746191a163a36e7370a12f83a5726f6f6d7391c0a5666c61677380a665786365707490";
    let target = |hex: &str| decode::broadcast(&bytes(hex), "/").map(|said| said.unwrap().message);
    let read = |hex: &str| match target(hex) {
        Ok(Message::Emit { target, .. }) => target,
        other => panic!("{other:?}"),
    };
    assert_eq!(read(TO_RED_AND_UNDEFINED), Target::within("red"));
    assert_eq!(read(EXCEPT_UNDEFINED), Target::all());
    assert!(target(TO_UNDEFINED).is_err(), "nobody is meant");
}

fn event(name: &str) -> NamedEvent {
    NamedEvent {
        name: WrittenName::Text(name.into()),
        data: Data::new(&1).unwrap(),
    }
}
