//! Writes what is said, in the order of fields that the official adapters have.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
#[cfg(feature = "postgres")]
use serde_json::value::to_raw_value;

#[cfg(feature = "postgres")]
use super::ClusterMessage;
use super::kind;
use crate::{
    call::target::Target,
    net::{
        engineio::packet::Malformed,
        rooms::bus::{
            adapter::{
                event::{self, WrittenPacket},
                opts,
                socket::WrittenSocket,
            },
            message::{Answer, Message},
        },
        socketio::msgpack::encode::encode_value,
    },
};

/// A message as JSON with placeholders, and its Buffers.
#[derive(Debug)]
pub(in crate::net::rooms::bus) struct Encoded {
    #[cfg(feature = "postgres")]
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
        packet: WrittenPacket<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        opts: opts::Written<'a>,
    },
    Rooms {
        opts: opts::Written<'a>,
        rooms: &'a [String],
    },
    Disconnect {
        opts: opts::Written<'a>,
        close: bool,
    },
    Fetch {
        opts: opts::Written<'a>,
        request_id: &'a str,
    },
    Fetched {
        request_id: &'a str,
        sockets: Vec<WrittenSocket<'a>>,
    },
    ServerSideEmit {
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        packet: Box<RawValue>,
    },
    ServerSideAnswer {
        request_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        packet: Option<Box<RawValue>>,
    },
    ClientCount {
        request_id: &'a str,
        client_count: usize,
        sockets: &'a [String],
    },
    Ack {
        request_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        packet: Option<Box<RawValue>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        socket: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        rest: Vec<Box<RawValue>>,
    },
}

/// Writes what a node says in a namespace.
///
/// # Errors
/// Where something in it is no JSON.
#[cfg(feature = "postgres")]
pub(in crate::net::rooms::bus) fn encode(
    uid: &str,
    namespace: &str,
    message: &ClusterMessage,
) -> serde_json::Result<Encoded> {
    let kind = match message {
        ClusterMessage::InitialHeartbeat => kind::INITIAL_HEARTBEAT,
        ClusterMessage::Heartbeat => kind::HEARTBEAT,
        ClusterMessage::Close => kind::ADAPTER_CLOSE,
        ClusterMessage::About(message) => return encode_message(uid, namespace, message),
    };
    envelope(uid, namespace, (kind, None), Vec::new())
}

/// The same of what is about sockets.
///
/// # Errors
/// As [`encode`].
pub(in crate::net::rooms::bus) fn encode_message(
    uid: &str,
    namespace: &str,
    message: &Message,
) -> serde_json::Result<Encoded> {
    let mut buffers = Vec::new();
    let (kind, body) = body(message, &mut buffers)?;
    envelope(uid, namespace, (kind, Some(body)), buffers)
}

fn envelope(
    uid: &str,
    namespace: &str,
    (kind, data): (u8, Option<Body<'_>>),
    buffers: Vec<Bytes>,
) -> serde_json::Result<Encoded> {
    let envelope = Envelope {
        r#type: kind,
        data,
        uid,
        nsp: namespace,
    };
    let text = serde_json::to_string(&envelope)?;
    Ok(Encoded {
        #[cfg(feature = "postgres")]
        kind,
        text,
        buffers,
    })
}

fn body<'a>(message: &'a Message, buffers: &mut Vec<Bytes>) -> serde_json::Result<(u8, Body<'a>)> {
    Ok(match message {
        Message::Emit { target, event, acks } => {
            let body = Body::Broadcast {
                packet: WrittenPacket::of(event, None, buffers)?,
                request_id: acks.as_ref().map(|acks| &*acks.request),
                opts: opts::Written::of(target, acks.as_ref()),
            };
            (kind::BROADCAST, body)
        }
        Message::Join { target, rooms } => (kind::SOCKETS_JOIN, changed(target, rooms)),
        Message::Leave { target, rooms } => (kind::SOCKETS_LEAVE, changed(target, rooms)),
        Message::Disconnect { target, closes } => {
            let (opts, close) = (opts::Written::of(target, None), *closes);
            (kind::DISCONNECT_SOCKETS, Body::Disconnect { opts, close })
        }
        Message::List { target, request } => {
            let opts = opts::Written::of(target, None);
            let request_id = request;
            (kind::FETCH_SOCKETS, Body::Fetch { opts, request_id })
        }
        Message::Announce { event, request } => {
            let body = Body::ServerSideEmit {
                request_id: request.as_deref(),
                packet: event::write(event, buffers)?,
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
            let sockets = sockets.iter().map(WrittenSocket::from).collect();
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
            let body = Body::Ack {
                request_id,
                packet: event::write_first(arguments, buffers)?,
                socket: socket.as_deref(),
                rest: event::write_rest(arguments)?,
            };
            (kind::BROADCAST_ACK, body)
        }
        Answer::Heeded(arguments) => {
            let packet = event::write_first(arguments, buffers)?;
            let body = Body::ServerSideAnswer { request_id, packet };
            (kind::SERVER_SIDE_EMIT_RESPONSE, body)
        }
    })
}

fn changed<'a>(target: &'a Target, rooms: &'a [String]) -> Body<'a> {
    let opts = opts::Written::of(target, None);
    Body::Rooms { opts, rooms }
}

/// The notification that stands for a row: what stands before the row's number, and behind it.
#[cfg(feature = "postgres")]
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
