//! Reads what the official adapters and emitters say, and other nodes.

use bytes::Bytes;
use serde::Deserialize;
#[cfg(feature = "postgres")]
use serde_json::Value;
use serde_json::value::RawValue;

use super::{ClusterMessage, kind};
use crate::{
    call::payload::whole,
    net::{
        engineio::packet::Malformed,
        rooms::bus::{
            adapter::{
                LIMITS,
                event::{self, Packet, present},
                missing,
                opts::{Options, names},
                socket::Socket,
            },
            message::{AcksWanted, Answer, Message},
        },
        socketio::{assembly::Whole, msgpack::decode::decode_value},
    },
};

/// What was said, and by which node.
#[derive(Debug)]
pub(in crate::net::rooms::bus) struct Said {
    pub(in crate::net::rooms::bus) uid: String,
    /// Missing from what the official emitter says: it is that of the channel.
    #[cfg(feature = "postgres")]
    pub(in crate::net::rooms::bus) namespace: Option<String>,
    pub(in crate::net::rooms::bus) what: What,
}

/// What was said, or where it is.
#[derive(Debug)]
pub(in crate::net::rooms::bus) enum What {
    Whole(ClusterMessage),
    /// The row of this number holds it.
    #[cfg(feature = "postgres")]
    Row(i64),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    uid: String,
    #[cfg(feature = "postgres")]
    #[serde(default)]
    nsp: Option<String>,
    r#type: u8,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[cfg(feature = "postgres")]
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
    /// Arguments behind that.
    #[serde(borrow, default)]
    rest: Vec<&'a RawValue>,
    #[serde(default)]
    socket: Option<String>,
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
    let Whole { text, buffers } = decode_value(message, LIMITS).map_err(malformed)?;
    said(&text, buffers)
}

fn said(text: &str, buffers: Vec<Bytes>) -> serde_json::Result<Said> {
    let envelope: Envelope<'_> = serde_json::from_str(text)?;
    Ok(Said {
        what: what(&envelope, buffers)?,
        uid: envelope.uid,
        #[cfg(feature = "postgres")]
        namespace: envelope.nsp,
    })
}

fn what(envelope: &Envelope<'_>, buffers: Vec<Bytes>) -> serde_json::Result<What> {
    #[cfg(feature = "postgres")]
    if let Some(row) = envelope.row.as_ref().and_then(row) {
        return Ok(What::Row(row));
    }
    message(envelope, buffers).map(What::Whole)
}

/// The number of a row, which may be written as text.
#[cfg(feature = "postgres")]
fn row(row: &Value) -> Option<i64> {
    match row {
        Value::String(number) => number.parse().ok(),
        number => number.as_i64(),
    }
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
    let target = || {
        body.opts
            .as_ref()
            .map(Options::target)
            .ok_or_else(|| missing("opts"))
    };
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
            answer(Answer::Sockets(sockets.into_iter().map(Into::into).collect()))?
        }
        kind::SERVER_SIDE_EMIT => Message::Announce {
            event: event::read(&serde_json::from_str::<Vec<&RawValue>>(packet()?.get())?, buffers)?,
            request: body.request_id,
        },
        kind::SERVER_SIDE_EMIT_RESPONSE => answer(Answer::Heeded(event::read_one(body.packet, buffers)?))?,
        kind::BROADCAST_CLIENT_COUNT => answer(Answer::Asked {
            sockets: body.client_count,
            ids: serde_json::from_str(body.sockets.map_or("[]", RawValue::get))?,
        })?,
        kind::BROADCAST_ACK => answer(Answer::Acked {
            socket: body.socket.clone(),
            arguments: event::read_several(body.packet, &body.rest, buffers)?,
        })?,
        _ => return Err(serde::de::Error::custom("a message of an unknown type")),
    };
    Ok(ClusterMessage::About(message))
}

fn broadcast(data: &str, buffers: Vec<Bytes>) -> serde_json::Result<Message> {
    let broadcast: Broadcast<'_> = serde_json::from_str(data)?;
    let wait = broadcast.opts.wait();
    Ok(Message::Emit {
        target: broadcast.opts.target(),
        event: broadcast.packet.event(buffers)?,
        acks: broadcast.request_id.map(|request| AcksWanted { request, wait }),
    })
}
