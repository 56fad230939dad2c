//! Reads what the official adapters and emitters say, and other nodes.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value, value::RawValue};

use super::{BINARY_EVENT, ClusterMessage, EVENT, kind};
use crate::{
    call::{
        hub::RemoteSocket,
        identity::Identity,
        memory::Account,
        payload::{Arguments, Data, whole},
        target::Target,
    },
    net::{
        engineio::packet::Malformed,
        rooms::bus::message::{AcksWanted, Answer, Message, NamedEvent},
        socketio::{
            assembly::{self, Limits},
            msgpack::decode::decode_value,
        },
    },
};

/// What a row may hold.
const LIMITS: Limits = Limits {
    bytes: 64 << 20,
    buffers: 1 << 16,
};

/// How long acks are waited for where it is not said, and the longest.
const WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What was said, and by which node.
#[derive(Debug)]
pub(in crate::net::rooms::bus) struct Said {
    pub(in crate::net::rooms::bus) uid: String,
    /// Missing from what the official emitter says: it is that of the channel.
    pub(in crate::net::rooms::bus) namespace: Option<String>,
    pub(in crate::net::rooms::bus) what: What,
}

/// What was said, or where it is.
#[derive(Debug)]
pub(in crate::net::rooms::bus) enum What {
    Whole(ClusterMessage),
    /// The row of this number holds it.
    Row(i64),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    uid: String,
    #[serde(default)]
    nsp: Option<String>,
    r#type: u8,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default, rename = "attachmentId")]
    row: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Broadcast<'a> {
    #[serde(borrow)]
    packet: Packet<'a>,
    #[serde(default)]
    request_id: Option<String>,
    opts: Options,
}

#[derive(Deserialize)]
struct Packet<'a> {
    r#type: u8,
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Options {
    #[serde(default, deserialize_with = "names")]
    rooms: Vec<String>,
    #[serde(default, deserialize_with = "names")]
    except: Vec<String>,
    #[serde(default)]
    flags: Option<Flags>,
}

#[derive(Default, Deserialize)]
struct Flags {
    #[serde(default)]
    volatile: Option<bool>,
    #[serde(default)]
    timeout: Option<f64>,
}

/// What concerns sockets, or answers a request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(default)]
    opts: Option<Options>,
    #[serde(default, deserialize_with = "names")]
    rooms: Vec<String>,
    #[serde(default)]
    close: Option<bool>,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    client_count: usize,
    #[serde(borrow, default)]
    sockets: Option<&'a RawValue>,
    /// A client may ack with `null`.
    #[serde(borrow, default, deserialize_with = "present")]
    packet: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(default)]
    socket: Option<String>,
}

#[derive(Deserialize)]
struct Socket {
    id: String,
    #[serde(default, deserialize_with = "names")]
    rooms: Vec<String>,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    identity: Option<Known>,
}

#[derive(Deserialize)]
struct Known {
    subject: String,
    #[serde(default)]
    expires: Option<u64>,
}

/// `null` is a value too, of a field that is there.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

/// Names of rooms: in JavaScript a number may be one.
fn names<'de, D: Deserializer<'de>>(names: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Name {
        Text(String),
        Number(Number),
    }
    let names = Option::<Vec<Name>>::deserialize(names)?.unwrap_or_default();
    let text = |name| match name {
        Name::Text(text) => text,
        Name::Number(number) => number.to_string(),
    };
    Ok(names.into_iter().map(text).collect())
}

/// Reads a notification.
///
/// # Errors
/// Where it is none of this kind.
pub(in crate::net::rooms::bus) fn decode(text: &str) -> serde_json::Result<Said> {
    said(&whole(text), Vec::new())
}

/// Reads what a row holds.
///
/// # Errors
/// Where it is none of this kind.
pub(in crate::net::rooms::bus) fn decode_row(message: &[u8]) -> serde_json::Result<Said> {
    let malformed = |Malformed(why)| serde::de::Error::custom(why);
    let assembly::Whole { text, buffers } = decode_value(message, LIMITS).map_err(malformed)?;
    said(&text, buffers)
}

fn said(text: &str, buffers: Vec<Bytes>) -> serde_json::Result<Said> {
    let envelope: Envelope<'_> = serde_json::from_str(text)?;
    let row = envelope.row.as_ref().and_then(|row| match row {
        Value::String(number) => number.parse().ok(),
        number => number.as_i64(),
    });
    let what = match row {
        Some(row) => What::Row(row),
        None => What::Whole(message(&envelope, buffers)?),
    };
    Ok(Said {
        uid: envelope.uid,
        namespace: envelope.nsp,
        what,
    })
}

fn message(envelope: &Envelope<'_>, buffers: Vec<Bytes>) -> serde_json::Result<ClusterMessage> {
    match envelope.r#type {
        kind::INITIAL_HEARTBEAT => return Ok(ClusterMessage::InitialHeartbeat),
        kind::HEARTBEAT => return Ok(ClusterMessage::Heartbeat),
        kind::ADAPTER_CLOSE => return Ok(ClusterMessage::Close),
        _ => {}
    }
    let data = envelope.data.map_or("{}", RawValue::get);
    if envelope.r#type == kind::BROADCAST {
        return broadcast(data, buffers).map(ClusterMessage::About);
    }
    let body: Body<'_> = serde_json::from_str(data)?;
    let request = || body.request_id.clone().ok_or_else(|| missing("requestId"));
    let packet = || body.packet.ok_or_else(|| missing("packet"));
    // Without them it would be about all sockets.
    let target = || body.opts.as_ref().map(target).ok_or_else(|| missing("opts"));
    let answer = |answer| -> serde_json::Result<Message> {
        Ok(Message::Answer {
            request: request()?,
            answer,
        })
    };
    let message = match envelope.r#type {
        kind::SOCKETS_JOIN => Message::Join {
            target: target()?,
            rooms: body.rooms,
        },
        kind::SOCKETS_LEAVE => Message::Leave {
            target: target()?,
            rooms: body.rooms,
        },
        kind::DISCONNECT_SOCKETS => Message::Disconnect {
            target: target()?,
            closes: body.close.unwrap_or_default(),
        },
        kind::FETCH_SOCKETS => Message::List {
            target: target()?,
            request: request()?,
        },
        kind::FETCH_SOCKETS_RESPONSE => {
            let sockets: Vec<Socket> = serde_json::from_str(body.sockets.map_or("[]", RawValue::get))?;
            answer(Answer::Sockets(sockets.into_iter().map(socket).collect()))?
        }
        kind::SERVER_SIDE_EMIT => Message::Announce {
            event: event(&serde_json::from_str::<Vec<&RawValue>>(packet()?.get())?, buffers)?,
            request: body.request_id,
        },
        kind::SERVER_SIDE_EMIT_RESPONSE => {
            let packet = body.packet.filter(|packet| packet.get() != "null");
            answer(Answer::Heeded(one(packet, buffers)?))?
        }
        kind::BROADCAST_CLIENT_COUNT => answer(Answer::Asked {
            sockets: body.client_count,
            ids: serde_json::from_str(body.sockets.map_or("[]", RawValue::get))?,
        })?,
        kind::BROADCAST_ACK => answer(Answer::Acked {
            socket: body.socket.clone(),
            arguments: match body.arguments {
                Some(all) => checked(all.get().to_owned(), buffers)?,
                None => one(body.packet, buffers)?,
            },
        })?,
        _ => return Err(serde::de::Error::custom("a message of an unknown type")),
    };
    Ok(ClusterMessage::About(message))
}

fn missing(field: &'static str) -> serde_json::Error {
    serde::de::Error::missing_field(field)
}

fn broadcast(data: &str, buffers: Vec<Bytes>) -> serde_json::Result<Message> {
    let broadcast: Broadcast<'_> = serde_json::from_str(data)?;
    if ![EVENT, BINARY_EVENT].contains(&broadcast.packet.r#type) {
        return Err(serde::de::Error::custom("a packet that is no event"));
    }
    let flags = broadcast.opts.flags.as_ref();
    let wait = flags.and_then(|flags| flags.timeout).map(|ms| ms / 1000.0);
    let wait = wait.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let wait = wait.unwrap_or(WAIT).min(LONGEST_WAIT);
    Ok(Message::Emit {
        target: target(&broadcast.opts),
        event: event(&broadcast.packet.data, buffers)?,
        acks: broadcast.request_id.map(|request| AcksWanted { request, wait }),
    })
}

fn target(options: &Options) -> Target {
    let within = options.rooms.iter().fold(Target::all(), Target::and);
    let target = options.except.iter().fold(within, Target::except);
    let flags = options.flags.as_ref();
    match flags.and_then(|flags| flags.volatile).unwrap_or_default() {
        true => target.volatile(),
        false => target,
    }
}

/// The name of an event, and its arguments.
fn event(packet: &[&RawValue], buffers: Vec<Bytes>) -> serde_json::Result<NamedEvent> {
    let (name, arguments) = packet.split_first().ok_or_else(|| missing("event"))?;
    let name: Box<str> = serde_json::from_str(name.get())?;
    let arguments: Vec<&str> = arguments.iter().map(|argument| argument.get()).collect();
    let arguments = checked(format!("[{}]", arguments.join(",")), buffers)?;
    let (json, buffers) = arguments.to_parts();
    Ok(NamedEvent {
        name,
        data: Data::several(json, buffers),
    })
}

/// One argument, or none.
fn one(argument: Option<&RawValue>, buffers: Vec<Bytes>) -> serde_json::Result<Arguments> {
    checked(format!("[{}]", argument.map_or("", RawValue::get)), buffers)
}

/// An array of arguments that refers to each Buffer once.
fn checked(array: String, buffers: Vec<Bytes>) -> serde_json::Result<Arguments> {
    Arguments::of_ack(array.into(), buffers, Account::default()).map_err(serde::de::Error::custom)
}

fn socket(socket: Socket) -> RemoteSocket {
    let mut rooms = socket.rooms;
    rooms.retain(|room| *room != socket.id);
    rooms.sort_unstable();
    let identity = socket.identity.map_or(Identity::ANONYMOUS, identity);
    RemoteSocket::at_other_node(&socket.id, rooms, identity, socket.data)
}

fn identity(known: Known) -> Identity {
    let identity = Identity::of(known.subject);
    let expires = known
        .expires
        .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    match expires {
        Some(expires) => identity.until(expires),
        None => identity,
    }
}
