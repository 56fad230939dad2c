//! Writes what is said, in the order of fields that the official adapters have.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{ClusterMessage, EVENT, kind};
use crate::{
    call::{hub::RemoteSocket, identity::Identity, payload, target::Target},
    net::{
        engineio::packet::Malformed,
        rooms::bus::message::{Answer, Message, NamedEvent},
        socketio::msgpack::encode::encode_value,
    },
};

/// A message as JSON with placeholders, and its Buffers.
#[derive(Debug)]
pub(in crate::net::rooms::bus) struct Encoded {
    pub(in crate::net::rooms::bus) kind: u8,
    pub(in crate::net::rooms::bus) text: String,
    pub(in crate::net::rooms::bus) buffers: Vec<Bytes>,
}

impl Encoded {
    /// The same as MessagePack.
    ///
    /// # Errors
    /// Where it nests deeper than 127 levels.
    pub(in crate::net::rooms::bus) fn to_msgpack(&self) -> Result<Vec<u8>, Malformed> {
        encode_value(&self.text, &self.buffers)
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Body<'a>>,
    uid: &'a str,
    nsp: &'a str,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Body<'a> {
    Broadcast {
        packet: Packet,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        opts: Options<'a>,
    },
    Rooms {
        opts: Options<'a>,
        rooms: &'a [String],
    },
    Disconnect {
        opts: Options<'a>,
        close: bool,
    },
    Fetch {
        opts: Options<'a>,
        request_id: &'a str,
    },
    Fetched {
        request_id: &'a str,
        sockets: Vec<Socket<'a>>,
    },
    ServerSideEmit {
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        packet: Box<RawValue>,
    },
    ServerSideAnswer {
        request_id: &'a str,
        packet: Box<RawValue>,
    },
    ClientCount {
        request_id: &'a str,
        client_count: usize,
        sockets: &'a [String],
    },
    Ack {
        request_id: &'a str,
        packet: Box<RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        socket: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        arguments: Option<Box<RawValue>>,
    },
}

#[derive(Serialize)]
struct Packet {
    r#type: u8,
    data: Box<RawValue>,
}

#[derive(Serialize)]
struct Options<'a> {
    rooms: &'a [String],
    except: &'a [String],
    flags: Flags,
}

#[derive(Serialize)]
struct Flags {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    volatile: bool,
    /// In milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u64>,
}

#[derive(Serialize)]
struct Socket<'a> {
    id: &'a str,
    handshake: Handshake,
    rooms: Vec<&'a str>,
    data: Nothing,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Known<'a>>,
}

/// What a socket came with stays at its node: it may hold secrets.
#[derive(Serialize)]
struct Handshake {
    headers: Nothing,
    query: Nothing,
    auth: Nothing,
}

#[derive(Serialize)]
struct Nothing {}

/// Claims stay at the node of the socket, too.
#[derive(Serialize)]
struct Known<'a> {
    subject: &'a str,
    /// In seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

/// Writes what a node says in a namespace.
///
/// # Errors
/// Where something in it is no JSON.
pub(in crate::net::rooms::bus) fn encode(
    uid: &str,
    namespace: &str,
    message: &ClusterMessage,
) -> serde_json::Result<Encoded> {
    let mut buffers = Vec::new();
    let (kind, data) = match message {
        ClusterMessage::InitialHeartbeat => (kind::INITIAL_HEARTBEAT, None),
        ClusterMessage::Heartbeat => (kind::HEARTBEAT, None),
        ClusterMessage::Close => (kind::ADAPTER_CLOSE, None),
        ClusterMessage::About(message) => {
            let (kind, body) = body(message, &mut buffers)?;
            (kind, Some(body))
        }
    };
    let envelope = Envelope {
        r#type: kind,
        data,
        uid,
        nsp: namespace,
    };
    let text = serde_json::to_string(&envelope)?;
    Ok(Encoded { kind, text, buffers })
}

fn body<'a>(message: &'a Message, buffers: &mut Vec<Bytes>) -> serde_json::Result<(u8, Body<'a>)> {
    Ok(match message {
        Message::Emit { target, event, acks } => {
            let packet = Packet {
                r#type: EVENT,
                data: arguments(event, buffers)?,
            };
            let mut opts = options(target);
            let wait = acks.as_ref().map(|acks| acks.wait.as_millis());
            opts.flags.timeout = wait.map(|wait| u64::try_from(wait).unwrap_or(u64::MAX));
            let body = Body::Broadcast {
                packet,
                request_id: acks.as_ref().map(|acks| &*acks.request),
                opts,
            };
            (kind::BROADCAST, body)
        }
        Message::Join { target, rooms } => (kind::SOCKETS_JOIN, changed(target, rooms)),
        Message::Leave { target, rooms } => (kind::SOCKETS_LEAVE, changed(target, rooms)),
        Message::Disconnect { target, closes } => {
            let (opts, close) = (options(target), *closes);
            (kind::DISCONNECT_SOCKETS, Body::Disconnect { opts, close })
        }
        Message::List { target, request } => {
            let opts = options(target);
            let request_id = request;
            (kind::FETCH_SOCKETS, Body::Fetch { opts, request_id })
        }
        Message::Announce { event, request } => {
            let body = Body::ServerSideEmit {
                request_id: request.as_deref(),
                packet: arguments(event, buffers)?,
            };
            (kind::SERVER_SIDE_EMIT, body)
        }
        Message::Answer { request, answer } => self::answer(request, answer, buffers)?,
    })
}

fn answer<'a>(
    request_id: &'a str,
    answer: &'a Answer,
    buffers: &mut Vec<Bytes>,
) -> serde_json::Result<(u8, Body<'a>)> {
    Ok(match answer {
        Answer::Sockets(sockets) => {
            let sockets = sockets.iter().map(socket).collect();
            let body = Body::Fetched { request_id, sockets };
            (kind::FETCH_SOCKETS_RESPONSE, body)
        }
        Answer::Asked { sockets, ids } => {
            let body = Body::ClientCount {
                request_id,
                client_count: *sockets,
                sockets: ids,
            };
            (kind::BROADCAST_CLIENT_COUNT, body)
        }
        Answer::Acked { socket, arguments } => {
            let (text, held) = arguments.to_parts();
            *buffers = held;
            let is_one = arguments.iter().count() == 1;
            let first = arguments.iter().next().filter(|_| is_one || buffers.is_empty());
            let body = Body::Ack {
                request_id,
                packet: RawValue::from_string(first.unwrap_or("null").to_owned())?,
                socket: socket.as_deref(),
                arguments: match is_one {
                    true => None,
                    false => Some(RawValue::from_string(text.to_string())?),
                },
            };
            (kind::BROADCAST_ACK, body)
        }
        Answer::Heeded(arguments) => {
            *buffers = arguments.to_parts().1;
            let packet = arguments.iter().next().unwrap_or("null");
            let packet = RawValue::from_string(packet.to_owned())?;
            (
                kind::SERVER_SIDE_EMIT_RESPONSE,
                Body::ServerSideAnswer { request_id, packet },
            )
        }
    })
}

/// An event's name and its arguments, as an array.
fn arguments(event: &NamedEvent, buffers: &mut Vec<Bytes>) -> serde_json::Result<Box<RawValue>> {
    let mut text = b"[".to_vec();
    serde_json::to_writer(&mut text, &*event.name)?;
    text.push(b',');
    let before = text.len();
    *buffers = payload::write(&mut text, &event.data)?;
    if text.len() == before {
        text.pop();
    }
    text.push(b']');
    let text = String::from_utf8(text).map_err(serde::ser::Error::custom)?;
    RawValue::from_string(text)
}

fn changed<'a>(target: &'a Target, rooms: &'a [String]) -> Body<'a> {
    let opts = options(target);
    Body::Rooms { opts, rooms }
}

fn options(target: &Target) -> Options<'_> {
    Options {
        rooms: target.rooms(),
        except: target.excepted(),
        flags: Flags {
            volatile: target.is_volatile(),
            timeout: None,
        },
    }
}

/// In Node a socket is in the room of its own id, too.
fn socket(socket: &RemoteSocket) -> Socket<'_> {
    let id = socket.id.as_str();
    let rooms = socket.rooms.iter().map(String::as_str);
    Socket {
        id,
        handshake: Handshake {
            headers: Nothing {},
            query: Nothing {},
            auth: Nothing {},
        },
        rooms: std::iter::once(id).chain(rooms).collect(),
        data: Nothing {},
        identity: known(&socket.identity),
    }
}

fn known(identity: &Identity) -> Option<Known<'_>> {
    let expires = identity.expires().map(|at| at.duration_since(UNIX_EPOCH));
    Some(Known {
        subject: identity.subject()?,
        expires: expires.map(|since| since.unwrap_or_default().as_secs()),
    })
}

/// The notification that stands for a row: what stands before the row's number, and behind it.
pub(in crate::net::rooms::bus) fn stand_in(
    uid: &str,
    kind: u8,
) -> serde_json::Result<(String, &'static str)> {
    let uid = to_raw_value(uid)?;
    Ok((
        format!(r#"{{"uid":{uid},"type":{kind},"attachmentId":""#),
        r#""}"#,
    ))
}
