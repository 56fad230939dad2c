//! Reads what Node servers and emitters say, and other nodes.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::{memchr, memmem};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    encode::kind,
    membership::Membership,
    request::{Request, Wants},
};
use crate::{
    call::{payload::whole, target::Target},
    net::{
        engineio::packet::Malformed,
        rooms::bus::{
            adapter::{
                LIMITS,
                event::{self, Packet, present},
                missing,
                opts::{Options, name, names},
                socket::Socket,
            },
            message::{AcksWanted, Answer, Message},
        },
        socketio::{ROOT, assembly::Whole, msgpack::decode::decode_value},
    },
};

/// What the uid of every node of Updraft begins with.
pub(super) const OURS: &str = "updraft-";

/// Bytes of the name of a request of Updraft's nodes. Node's have six.
const OWN_REQUEST: usize = 16;

/// What was said, and by which server, where it says so.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) uid: String,
    pub(super) message: Message,
}

/// A message as JSON with placeholders, and its Buffers.
struct Text<'a> {
    text: Cow<'a, str>,
    buffers: Vec<Bytes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadRequest<'a> {
    #[serde(default)]
    uid: String,
    #[serde(default)]
    request_id: Option<String>,
    r#type: u8,
    #[serde(borrow, default)]
    packet: Option<Packet<'a>>,
    #[serde(default)]
    opts: Option<Options>,
    #[serde(default, deserialize_with = "names")]
    rooms: Vec<String>,
    #[serde(default)]
    close: Option<bool>,
    #[serde(borrow, default)]
    data: Option<Vec<&'a RawValue>>,
    /// One socket, where there are no `opts`, and a room of it.
    #[serde(default)]
    sid: Option<String>,
    #[serde(default, deserialize_with = "name")]
    room: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadResponse<'a> {
    #[serde(default)]
    r#type: Option<u8>,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(borrow, default)]
    sockets: Option<&'a RawValue>,
    #[serde(default)]
    client_count: usize,
    /// A server may answer with `null`, and so may a client.
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    packet: Option<&'a RawValue>,
}

/// An emit; none where it is for another namespace, which a room's name may look like.
///
/// # Errors
/// Where it is none of this kind.
pub(super) fn broadcast(payload: &[u8], namespace: &str) -> serde_json::Result<Option<Said>> {
    let Text { text, buffers } = unpacked(payload)?;
    let (uid, packet, options): (String, Packet<'_>, Options) = serde_json::from_str(&text)?;
    if packet.nsp.as_deref().unwrap_or(ROOT) != namespace {
        return Ok(None);
    }
    let emit = Message::Emit {
        target: options.target(),
        event: packet.event(buffers)?,
        acks: None,
    };
    Ok(Some(Said { uid, message: emit }))
}

/// What was emitted on the channel of a room: to that one alone. Old emitters say the same once for each of several rooms, on the
/// channel of each, and name all of them each time.
pub(super) fn to_room(said: Said, room: &str) -> Said {
    match said.message {
        Message::Emit { target, event, acks } => Said {
            message: Message::Emit {
                target: target.narrowed_to(room),
                event,
                acks,
            },
            ..said
        },
        message => Said { message, ..said },
    }
}

/// A request; none where it is not for this node: other nodes ask on a channel of their own, and only a member answers
/// Node servers.
///
/// # Errors
/// Where it is none of this kind.
pub(super) fn request(payload: &[u8], membership: Membership) -> serde_json::Result<Option<Said>> {
    let Text { text, buffers } = text(payload)?;
    let request: ReadRequest<'_> = serde_json::from_str(&text)?;
    let is_node = request.uid.starts_with(OURS);
    let wants_answers = match request.r#type {
        kind::SOCKETS | kind::ALL_ROOMS | kind::REMOTE_FETCH | kind::BROADCAST => true,
        kind::SERVER_SIDE_EMIT => request.request_id.is_some(),
        _ => false,
    };
    let is_asked = matches!(
        request.r#type,
        kind::SOCKETS | kind::ALL_ROOMS | kind::REMOTE_FETCH
    );
    if (is_node && wants_answers) || (is_asked && membership == Membership::Listener) {
        return Ok(None);
    }
    let uid = request.uid.clone();
    let message = asked(request, buffers, membership)?;
    Ok(Some(Said { uid, message }))
}

fn asked(
    request: ReadRequest<'_>,
    buffers: Vec<Bytes>,
    membership: Membership,
) -> serde_json::Result<Message> {
    let id = request.request_id.as_deref();
    let answered = |wants| -> serde_json::Result<String> {
        let id = id.ok_or_else(|| missing("requestId"))?;
        Ok(Request { wants, id }.to_string())
    };
    // Without them it would be about all sockets.
    let target = || match (&request.opts, &request.sid) {
        (Some(options), _) => Ok(options.target()),
        (None, Some(socket)) => Ok(Target::within(socket)),
        (None, None) => Err(missing("opts")),
    };
    Ok(match request.r#type {
        kind::SOCKETS => Message::List {
            target: request.rooms.iter().fold(Target::all(), Target::and),
            request: answered(Wants::Ids)?,
        },
        kind::ALL_ROOMS => Message::List {
            target: Target::all(),
            request: answered(Wants::Rooms)?,
        },
        kind::REMOTE_JOIN => Message::Join {
            target: target()?,
            rooms: rooms(request),
        },
        kind::REMOTE_LEAVE => Message::Leave {
            target: target()?,
            rooms: rooms(request),
        },
        kind::REMOTE_DISCONNECT => Message::Disconnect {
            target: target()?,
            closes: request.close.unwrap_or_default(),
        },
        kind::REMOTE_FETCH => Message::List {
            target: target()?,
            request: answered(Wants::Sockets)?,
        },
        kind::SERVER_SIDE_EMIT => Message::Announce {
            request: match membership {
                Membership::Member if id.is_some() => Some(answered(Wants::Heeded)?),
                _ => None,
            },
            event: event::read(&request.data.ok_or_else(|| missing("data"))?, buffers)?,
        },
        kind::BROADCAST => {
            let options = request.opts.as_ref().ok_or_else(|| missing("opts"))?;
            let packet = request.packet.as_ref().ok_or_else(|| missing("packet"))?;
            Message::Emit {
                target: options.target(),
                event: packet.event(buffers)?,
                // Clients are asked also where nobody is told what they ack: they have a function to call.
                acks: Some(AcksWanted {
                    request: answered(Wants::Acks)?,
                    wait: options.wait(),
                }),
            }
        }
        _ => return Err(serde::de::Error::custom("a request of an unknown type")),
    })
}

fn rooms(request: ReadRequest<'_>) -> Vec<String> {
    match request.opts {
        Some(_) => request.rooms,
        None => request.room.into_iter().collect(),
    }
}

/// A response; none where it says nothing that is waited for.
///
/// # Errors
/// Where it is none of this kind.
pub(super) fn response(payload: &[u8]) -> serde_json::Result<Option<Said>> {
    if is_for_another(payload) {
        return Ok(None);
    }
    let Text { text, buffers } = text(payload)?;
    let response: ReadResponse<'_> = serde_json::from_str(&text)?;
    let Some(request) = response.request_id else {
        return Ok(None);
    };
    let answer = match (response.r#type, response.sockets) {
        (None, Some(sockets)) => {
            // An old server lists ids alone.
            let Ok(sockets) = serde_json::from_str::<Vec<Socket>>(sockets.get()) else {
                return Ok(None);
            };
            Answer::Sockets(sockets.into_iter().map(Into::into).collect())
        }
        (Some(kind::SERVER_SIDE_EMIT), _) => Answer::Heeded(event::read_one(response.data, buffers)?),
        (Some(kind::BROADCAST_CLIENT_COUNT), _) => Answer::Asked {
            sockets: response.client_count,
            ids: Vec::new(),
        },
        (Some(kind::BROADCAST_ACK), _) => Answer::Acked {
            socket: None,
            arguments: event::read_one(response.packet, buffers)?,
        },
        _ => return Ok(None),
    };
    Ok(Some(Said {
        uid: String::new(),
        message: Message::Answer { request, answer },
    }))
}

/// Whether it answers a request that a Node server named: it may list very many sockets, and is not read.
fn is_for_another(payload: &[u8]) -> bool {
    const FIELD: &[u8] = br#""requestId":""#;
    let head = &payload[..payload.len().min(64)];
    let id = memmem::find(head, FIELD).map(|at| &head[at + FIELD.len()..]);
    let length = id.and_then(|id| memchr(b'"', id));
    length.is_some_and(|length| length != OWN_REQUEST)
}

/// JSON where it begins as such, MessagePack else.
fn text(payload: &[u8]) -> serde_json::Result<Text<'_>> {
    if payload.first() != Some(&b'{') {
        return unpacked(payload);
    }
    let text = std::str::from_utf8(payload).map_err(serde::de::Error::custom)?;
    Ok(Text {
        text: whole(text),
        buffers: Vec::new(),
    })
}

fn unpacked(payload: &[u8]) -> serde_json::Result<Text<'static>> {
    let malformed = |Malformed(why)| serde::de::Error::custom(why);
    let Whole { text, buffers } = decode_value(payload, LIMITS).map_err(malformed)?;
    Ok(Text {
        text: Cow::Owned(text.into()),
        buffers,
    })
}
