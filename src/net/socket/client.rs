//! Socket.IO over a session: packets are assembled here and go to the socket of their namespace.

mod answer_connect;
mod buffers;
mod connecting;
mod pending;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use bytestring::ByteString;
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};

use self::pending::Connecting;
use super::{
    answer::acked, call_queue::Incoming, client_socket::ClientSocket, session_limits::SessionLimits,
    shared::Shared,
};
use crate::{
    call::{
        memory::{Account, Held},
        payload::{Arrived, whole},
    },
    config::Parser,
    error::Result,
    net::{
        engineio::{CloseReason, Handler, Malformed, Session},
        metrics::Limit,
        socketio::{
            ROOT,
            assembly::{Assembled, Assembler, Limits, Whole},
            packet::{Kind, Packet, Version},
        },
    },
};

/// Most Buffers that a packet may announce.
const MOST_BUFFERS: usize = 10_000;

/// Deepest nesting in what a client answers.
const DEEPEST: usize = 127;

/// One client, over whatever carries its session.
pub(in crate::net) struct Client(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    limits: Arc<SessionLimits<Arc<ClientSocket>>>,
    state: Mutex<State>,
}

struct State {
    sockets: Vec<Arc<ClientSocket>>,
    connecting: Connecting,
    /// What ends the session where it connects to nothing.
    expecting: Option<AbortHandle>,
    assembler: Assembler,
    /// What is held of the packet that waits for its Buffers.
    held: Option<Held>,
    /// When the packet began that came last with Buffers.
    begun: Instant,
    /// Whether the time runs of one that waits for them.
    is_timed: bool,
    /// It was refused, and goes soon.
    is_refused: bool,
}

impl Client {
    pub(in crate::net) fn new(shared: Arc<Shared>) -> Self {
        let limits = limits(&shared);
        Self(Arc::new(Inner {
            limits: Arc::new(SessionLimits::new(shared.for_new.get())),
            shared,
            state: Mutex::new(State {
                sockets: Vec::new(),
                connecting: Connecting::default(),
                expecting: None,
                assembler: Assembler::new(limits),
                held: None,
                begun: Instant::now(),
                is_timed: false,
                is_refused: false,
            }),
        }))
    }
}

fn limits(shared: &Shared) -> Limits {
    Limits {
        bytes: shared.config.limits.max_call,
        buffers: MOST_BUFFERS,
    }
}

impl Handler for Client {
    fn opened(&self, session: &Arc<Session>) {
        let version = Version::from(session.protocol());
        if version == Version::V4 {
            // Existing clients are connected to the root without asking.
            self.0.connect(session, ROOT, None, None);
        }
        self.0.expect_a_socket(session);
    }

    fn text(&self, session: &Arc<Session>, text: &str) -> Result<(), Malformed> {
        match self.0.shared.config.session.parser {
            Parser::Json => self.0.text(session, text),
            Parser::Msgpack => Err(Malformed("a text where MessagePack is spoken")),
        }
    }

    fn binary(&self, session: &Arc<Session>, bytes: Bytes) -> Result<(), Malformed> {
        let assembled = match self.0.shared.config.session.parser {
            Parser::Json => self.0.add(session, bytes)?,
            Parser::Msgpack => return self.0.unpack(session, &bytes),
        };
        match assembled {
            Some(assembled) => self.0.assembled(session, assembled),
            None => Ok(()),
        }
    }

    fn short_of_memory(&self, session: &Arc<Session>) -> Result<(), Malformed> {
        self.0.let_go(session)
    }

    fn idle(&self, session: &Arc<Session>) {
        let mut state = self.0.state();
        if !state.assembler.is_waiting() || std::mem::replace(&mut state.is_timed, true) {
            return;
        }
        drop(state);
        tokio::spawn(self.0.clone().expect_whole(session.clone()));
    }

    fn disconnect(&self) {
        let sockets = std::mem::take(&mut self.0.state().sockets);
        for socket in sockets {
            socket.leave_namespace();
        }
    }

    fn drain(&self) -> bool {
        let state = self.0.state();
        let sockets = state.sockets.clone();
        // What came early for a namespace is called once it is connected.
        let is_connecting = state.connecting.count() > 0;
        drop(state);
        sockets.iter().for_each(|socket| socket.drain());
        let are_idle = sockets.iter().all(|socket| socket.call_queue.is_idle());
        are_idle && !is_connecting && self.0.limits.count_unfinished() == 0
    }

    fn closed(&self, _: &Arc<Session>, reason: CloseReason) {
        let mut state = self.0.state();
        let sockets = std::mem::take(&mut state.sockets);
        state.expect_nothing();
        drop(state);
        for socket in sockets {
            socket.disconnected(reason.as_str());
        }
    }
}

impl Inner {
    fn text(self: &Arc<Self>, session: &Arc<Session>, text: &str) -> Result<(), Malformed> {
        let version = Version::from(session.protocol());
        let text = &*whole(text);
        let packet = Packet::decode(version, text)?;
        let buffers = packet.buffers.unwrap_or_default();
        let mut state = self.state();
        if state.assembler.is_waiting() {
            return Err(Malformed("a text where a Buffer belongs"));
        }
        if buffers > 0 {
            if buffers > MOST_BUFFERS {
                return Err(Malformed("too many Buffers"));
            }
            state.begun = Instant::now();
            let assembled = state.assembler.begin(text.into(), buffers)?;
            drop(state);
            return match assembled {
                Some(assembled) => self.assembled(session, assembled),
                None => Ok(()),
            };
        }
        let socket = state.find(packet.namespace).cloned();
        drop(state);
        if socket.is_none() && self.is_connecting(packet.namespace) {
            let whole = Whole {
                text: text.into(),
                buffers: Vec::new(),
            };
            return self.assembled(session, Assembled::Whole(whole));
        }
        match text.len() > self.shared.config.limits.max_call {
            true => too_large(&packet, socket),
            false => self.packet(session, &packet, socket, |arguments| arguments.into(), Vec::new()),
        }
    }

    /// A packet is there with its Buffers, or over its limit.
    fn assembled(self: &Arc<Self>, session: &Arc<Session>, assembled: Assembled) -> Result<(), Malformed> {
        let version = Version::from(session.protocol());
        let text = assembled.text().clone();
        let packet = Packet::decode(version, &text)?;
        let socket = self.socket(packet.namespace);
        let assembled = match socket {
            Some(_) => Some(assembled),
            None => self.hold_back(session, packet.namespace, assembled)?,
        };
        match assembled {
            None => Ok(()),
            Some(Assembled::TooLarge(_)) => too_large(&packet, socket),
            Some(Assembled::Whole(_)) if text.len() > self.shared.config.limits.max_call => {
                too_large(&packet, socket)
            }
            Some(Assembled::Whole(whole)) => {
                let slice = |arguments: &str| text.slice_ref(arguments);
                self.packet(session, &packet, socket, slice, whole.buffers)
            }
        }
    }

    fn packet(
        self: &Arc<Self>,
        session: &Arc<Session>,
        packet: &Packet<'_>,
        socket: Option<Arc<ClientSocket>>,
        text: impl FnOnce(&str) -> ByteString,
        attachments: Vec<Bytes>,
    ) -> Result<(), Malformed> {
        match &packet.kind {
            Kind::Connect { auth } => self.connect(session, packet.namespace, *auth, packet.query),
            Kind::Disconnect => self.disconnect(packet.namespace),
            Kind::Event { id, name, arguments } => {
                let Some(socket) = socket else {
                    return Ok(());
                };
                match socket.route(name) {
                    Some(route) => {
                        let arrived = Arrived {
                            text: text(arguments),
                            attachments,
                        };
                        socket.take_in(Incoming {
                            socket: socket.clone(),
                            route,
                            account: Account::of(session.holder(), arrived.size()),
                            arrived,
                            ack: *id,
                            in_flight: socket.begin(),
                        });
                    }
                    None => socket.refuse_unknown(*id, name),
                }
            }
            Kind::Ack { id, arguments } => {
                if let Some(socket) = socket {
                    let answer = Arrived {
                        text: text(arguments),
                        attachments,
                    };
                    socket.acked(*id, acked(answer, session.holder())?);
                }
            }
        }
        Ok(())
    }

    fn socket(&self, namespace: &str) -> Option<Arc<ClientSocket>> {
        self.state().find(namespace).cloned()
    }

    fn disconnect(&self, namespace: &str) {
        let mut state = self.state();
        let found = state
            .sockets
            .iter()
            .position(|socket| socket.namespace() == namespace);
        let Some(found) = found else {
            return;
        };
        let socket = state.sockets.swap_remove(found);
        drop(state);
        socket.disconnected("client namespace disconnect");
    }

    /// A client that has not connected in time goes. Nothing waits for one that is connected.
    fn expect_a_socket(self: &Arc<Self>, session: &Arc<Session>) {
        let mut state = self.state();
        if !state.sockets.is_empty() {
            return;
        }
        let (inner, session) = (self.clone(), session.clone());
        let expecting = tokio::spawn(async move {
            sleep(inner.shared.config.session.handshake_timeout).await;
            if inner.state().sockets.is_empty() {
                inner.shared.metrics.refused(Limit::Handshake);
                session.close_gracefully(CloseReason::ForcedClose);
            }
        });
        state.expecting = Some(expecting.abort_handle());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&self, namespace: &str) -> Option<&Arc<ClientSocket>> {
        let mut sockets = self.sockets.iter();
        sockets.find(|socket| socket.namespace() == namespace && !socket.has_left())
    }

    /// Sockets that have left their namespaces. What the app keeps of a socket may do anything as it is dropped: not under the
    /// lock of this.
    fn take_gone(&mut self) -> Vec<Arc<ClientSocket>> {
        self.sockets.extract_if(.., |socket| socket.has_left()).collect()
    }

    fn expect_nothing(&mut self) {
        if let Some(expecting) = self.expecting.take() {
            expecting.abort();
        }
    }
}

/// Answers what is over the limit.
fn too_large(packet: &Packet<'_>, socket: Option<Arc<ClientSocket>>) -> Result<(), Malformed> {
    let Kind::Event { id, name, arguments } = &packet.kind else {
        return Err(Malformed("more than a client has to say"));
    };
    if let Some(socket) = socket {
        socket.refuse_too_large(name, *id, arguments);
    }
    Ok(())
}
