//! Writes what is said, in the order of fields that the official adapter has.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    channels::Channels,
    membership::Membership,
    request::{Request, Wants},
};
use crate::{
    call::target::Target,
    net::{
        engineio::packet::Malformed,
        rooms::bus::{
            adapter::{
                event::{self, WrittenPacket},
                opts,
                socket::{WrittenSocket, rooms_of},
            },
            cluster,
            message::{Answer, Message, NamedEvent},
        },
        socketio::msgpack::encode::encode_value,
    },
};

/// The numbers of requests, and of responses that have one.
pub(super) mod kind {
    pub(in super::super) const SOCKETS: u8 = 0;
    pub(in super::super) const ALL_ROOMS: u8 = 1;
    pub(in super::super) const REMOTE_JOIN: u8 = 2;
    pub(in super::super) const REMOTE_LEAVE: u8 = 3;
    pub(in super::super) const REMOTE_DISCONNECT: u8 = 4;
    pub(in super::super) const REMOTE_FETCH: u8 = 5;
    pub(in super::super) const SERVER_SIDE_EMIT: u8 = 6;
    pub(in super::super) const BROADCAST: u8 = 7;
    pub(in super::super) const BROADCAST_CLIENT_COUNT: u8 = 8;
    pub(in super::super) const BROADCAST_ACK: u8 = 9;
}

/// What is to be published on a channel.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) channel: String,
    pub(super) payload: Vec<u8>,
}

/// A node, as the writer of its messages.
pub(super) struct Writer {
    pub(super) uid: String,
    pub(super) channels: Channels,
    pub(super) membership: Membership,
}

/// A request; which fields it has is a matter of its type.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenRequest<'a> {
    uid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    r#type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<WrittenPacket<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opts: Option<opts::Written<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rooms: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
}

/// A response, likewise.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<u8>,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets: Option<Listed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rooms: Option<BTreeSet<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Listed<'a> {
    Sockets(Vec<WrittenSocket<'a>>),
    Ids(Vec<&'a str>),
}

/// Why a message cannot be written: something in it is no JSON, or it nests deeper than 127 levels.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwritten {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Deep(&'static str),
}

impl From<Malformed> for Unwritten {
    fn from(Malformed(why): Malformed) -> Self {
        Self::Deep(why)
    }
}

type Result<T> = std::result::Result<T, Unwritten>;

impl Writer {
    /// Whether a broadcast is this node's own.
    pub(super) fn is_own(&self, broadcast: &[u8]) -> bool {
        // An array of three, whose first is a short text.
        let said = broadcast.strip_prefix(&[0x93, 0xa0 | self.uid.len() as u8]);
        said.is_some_and(|said| said.starts_with(self.uid.as_bytes()))
    }

    /// All that is to be published for a message. What wants answers is said twice: to the nodes of Updraft, as they understand it
    /// best, and to Node servers.
    pub(super) fn write(&self, namespace: &str, message: &Message) -> Result<Vec<Publication>> {
        let mut all = Vec::new();
        let server = match message {
            Message::Answer { request, .. } => Request::of_server(request),
            _ => None,
        };
        if let Message::Answer { answer, .. } = message
            && let Some(request) = server
        {
            // Node servers that do not count this node would count its answer for another's.
            if self.membership == Membership::Member {
                all.push(self.respond(namespace, request, answer)?);
            }
            return Ok(all);
        }
        let wants_answers = matches!(
            message,
            Message::Emit { acks: Some(_), .. }
                | Message::Announce { request: Some(_), .. }
                | Message::List { .. }
                | Message::Answer { .. }
        );
        if wants_answers {
            all.push(self.among_nodes(namespace, message)?);
        }
        all.extend(self.among_servers(namespace, message)?);
        Ok(all)
    }

    /// What the nodes of Updraft say to each other.
    fn among_nodes(&self, namespace: &str, message: &Message) -> Result<Publication> {
        let written = cluster::encode::encode_message(&self.uid, namespace, message)?;
        Ok(Publication {
            channel: self.channels.nodes(namespace),
            payload: match written.buffers.is_empty() {
                true => written.text.into_bytes(),
                false => written.to_msgpack()?,
            },
        })
    }

    /// What is said to Node servers, too.
    fn among_servers(&self, namespace: &str, message: &Message) -> Result<Option<Publication>> {
        let mut buffers = Vec::new();
        let request = match message {
            Message::Emit {
                target,
                event,
                acks: None,
            } => return self.broadcast(namespace, target, event).map(Some),
            Message::Emit {
                target,
                event,
                acks: Some(acks),
            } => WrittenRequest {
                request_id: Some(&acks.request),
                r#type: kind::BROADCAST,
                packet: Some(WrittenPacket::of(event, Some(namespace), &mut buffers)?),
                opts: Some(opts::Written::of(target, Some(acks))),
                ..WrittenRequest::default()
            },
            Message::Join { target, rooms } => changed(kind::REMOTE_JOIN, target, rooms),
            Message::Leave { target, rooms } => changed(kind::REMOTE_LEAVE, target, rooms),
            Message::Disconnect { target, closes } => WrittenRequest {
                r#type: kind::REMOTE_DISCONNECT,
                opts: Some(opts::Written::bare(target)),
                close: Some(*closes),
                ..WrittenRequest::default()
            },
            Message::List { target, request } => WrittenRequest {
                request_id: Some(request),
                r#type: kind::REMOTE_FETCH,
                opts: Some(opts::Written::bare(target)),
                ..WrittenRequest::default()
            },
            Message::Announce { event, request } => WrittenRequest {
                request_id: request.as_deref(),
                r#type: kind::SERVER_SIDE_EMIT,
                data: Some(event::write(event, &mut buffers)?),
                ..WrittenRequest::default()
            },
            Message::Answer { .. } => return Ok(None),
        };
        let is_packed = request.packet.is_some() || !buffers.is_empty();
        let request = WrittenRequest {
            uid: &self.uid,
            ..request
        };
        let text = serde_json::to_string(&request)?;
        Ok(Some(Publication {
            channel: self.channels.requests(namespace),
            payload: match is_packed {
                true => encode_value(&text, &buffers)?,
                false => text.into_bytes(),
            },
        }))
    }

    fn broadcast(&self, namespace: &str, target: &Target, event: &NamedEvent) -> Result<Publication> {
        let mut buffers = Vec::new();
        let packet = WrittenPacket::of(event, Some(namespace), &mut buffers)?;
        let said = (&*self.uid, packet, opts::Written::of(target, None));
        let text = serde_json::to_string(&said)?;
        Ok(Publication {
            channel: self.channels.broadcast(namespace, target.rooms()),
            payload: encode_value(&text, &buffers)?,
        })
    }

    /// The answer to a request of a Node server.
    fn respond(&self, namespace: &str, request: Request<'_>, answer: &Answer) -> Result<Publication> {
        let mut buffers = Vec::new();
        let response = WrittenResponse {
            request_id: request.id,
            ..WrittenResponse::default()
        };
        let response = match answer {
            Answer::Sockets(sockets) => match request.wants {
                Wants::Rooms => WrittenResponse {
                    rooms: Some(sockets.iter().flat_map(rooms_of).collect()),
                    ..response
                },
                Wants::Ids => WrittenResponse {
                    sockets: Some(Listed::Ids(
                        sockets.iter().map(|socket| socket.id.as_str()).collect(),
                    )),
                    ..response
                },
                _ => WrittenResponse {
                    sockets: Some(Listed::Sockets(sockets.iter().map(Into::into).collect())),
                    ..response
                },
            },
            Answer::Asked { sockets, .. } => WrittenResponse {
                r#type: Some(kind::BROADCAST_CLIENT_COUNT),
                client_count: Some(*sockets),
                ..response
            },
            Answer::Acked { arguments, .. } => WrittenResponse {
                r#type: Some(kind::BROADCAST_ACK),
                packet: event::write_first(arguments, &mut buffers)?,
                ..response
            },
            Answer::Heeded(arguments) => WrittenResponse {
                r#type: Some(kind::SERVER_SIDE_EMIT),
                data: event::write_first(arguments, &mut buffers)?,
                ..response
            },
        };
        let is_packed = matches!(answer, Answer::Acked { .. }) || !buffers.is_empty();
        let text = serde_json::to_string(&response)?;
        Ok(Publication {
            channel: self.channels.responses(namespace),
            payload: match is_packed {
                true => encode_value(&text, &buffers)?,
                false => text.into_bytes(),
            },
        })
    }
}

fn changed<'a>(kind: u8, target: &'a Target, rooms: &'a [String]) -> WrittenRequest<'a> {
    WrittenRequest {
        r#type: kind,
        opts: Some(opts::Written::bare(target)),
        rooms: Some(rooms),
        ..WrittenRequest::default()
    }
}
