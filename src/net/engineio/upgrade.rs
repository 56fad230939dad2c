//! Requests for a WebSocket: of a new session, or to take one over that polls. That one goes on polling until the client
//! says over the WebSocket that it comes; a WebSocket that fails before, or says nothing, is dropped alone.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use hyper::upgrade::OnUpgrade;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    request::{Refusal, parameter, protocol},
    server::Server,
    session::{self, Session, Transport, Upgrade},
    settings::Settings,
    websocket::Reader,
    writer::Writer,
};
use crate::net::{
    conn::{Stream, bare},
    websocket::{
        close,
        deflate::Deflate,
        encode::{self, Kind},
        frame::{Decoded, Decoder, Event},
        handshake::{self, Accepted},
        inflate::inflate,
    },
};

/// Largest message on a WebSocket that is to take a session over.
const PROBE: usize = 128;

/// Bytes that are read of it at a time.
const BUFFER: usize = 256;

pub(super) fn answer(server: &Arc<Server>, mut request: Request) -> Result<Response, Refusal> {
    let accepted = handshake::accept(request.method(), request.headers(), server.settings.deflate);
    let id = parameter(request.uri(), "sid");
    let taken = id
        .map(|id| server.sessions.find(id).ok_or(Refusal::UnknownSession))
        .transpose()?;
    let (Accepted { headers, deflate }, upgrade) =
        match (accepted, request.extensions_mut().remove::<OnUpgrade>()) {
            (Ok(accepted), Some(upgrade)) => (accepted, upgrade),
            // Its headers say which version there is.
            (Err(refusal @ handshake::Refusal::Version), _) => {
                return Ok((refusal.status(), refusal.headers()).into_response());
            }
            _ => return Err(Refusal::BadRequest),
        };
    match taken {
        None => {
            let protocol = protocol(server, &request)?;
            let head = server.settings.keep_heads.then(|| session::head(&request));
            let server = server.clone();
            tokio::spawn(async move {
                let Some((stream, rest)) = upgraded(upgrade).await else {
                    return;
                };
                let Ok(session) = server.open(protocol, || head.unwrap_or_default()) else {
                    return;
                };
                session.is_taken_over();
                carry(&session, stream, deflate, Some(&server)).await;
                read(session, deflate, rest).await;
            });
        }
        Some(session) => {
            match Probe::begin(session) {
                Ok(probe) => drop(tokio::spawn(take_over(probe, deflate, upgrade))),
                // It is taken and closed, as Node does: clients hear of that, and not why a request failed.
                Err(UpgradeRefused) => drop(tokio::spawn(refuse_upgrade(server.settings.clone(), upgrade))),
            }
        }
    }
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

async fn upgraded(upgrade: OnUpgrade) -> Option<(Stream, Vec<u8>)> {
    match upgrade.await {
        Ok(upgraded) => Some(bare(upgraded)),
        Err(error) => {
            tracing::debug!("a WebSocket that was not: {error}");
            None
        }
    }
}

/// Has a WebSocket carry a session from now on; one that begins, where a server is given, is greeted.
async fn carry(session: &Arc<Session>, stream: Stream, deflate: Option<Deflate>, begins: Option<&Server>) {
    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    session.send_queue.carried_by(Writer::new(stream, waker, deflate));
    if let Some(server) = begins {
        // The first that it says finds room.
        let _ = session.send_queue.send_beyond(&session.open_packet(&[]));
        server.begin(session);
    }
}

async fn read(session: Arc<Session>, deflate: Option<Deflate>, rest: Vec<u8>) {
    let decoder = Decoder::new(session.settings().max_message, deflate);
    Reader::new(session, decoder, rest).run().await;
}

/// A WebSocket that is to take a session over.
struct Probe {
    session: Arc<Session>,
    is_over: AtomicBool,
}

impl Probe {
    /// # Errors
    /// Where one carries it, or is about to.
    fn begin(session: Arc<Session>) -> Result<Self, UpgradeRefused> {
        let mut state = session.state();
        if state.transport != Transport::Polling || state.upgrade != Upgrade::None || session.is_closed() {
            return Err(UpgradeRefused);
        }
        state.upgrade = Upgrade::Begun;
        drop(state);
        Ok(Self {
            session,
            is_over: AtomicBool::new(false),
        })
    }

    /// The client reads from this WebSocket: its poll is to end, and its POST to be answered.
    fn succeeded(&self) {
        self.session.state().upgrade = Upgrade::Probed;
        self.session.send_queue.wake_poll();
        self.session.resumed.notify_waiters();
    }

    /// The session is carried as it is now; another may take it over.
    fn is_over(&self) {
        if !self.is_over.swap(true, Ordering::AcqRel) {
            self.session.state().upgrade = Upgrade::None;
            self.session.send_queue.wake_poll();
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.is_over();
    }
}

/// A session that no other WebSocket takes over.
struct UpgradeRefused;

async fn refuse_upgrade(settings: Arc<Settings>, upgrade: OnUpgrade) {
    let told = async {
        let (mut stream, _) = upgraded(upgrade).await?;
        let mut frames = Vec::new();
        encode::close(&mut frames, close::NORMAL, "");
        stream.write_all(&frames).await.ok()?;
        stream.shutdown().await.ok()
    };
    let _ = timeout(settings.upgrade_timeout, told).await;
}

async fn take_over(probe: Probe, deflate: Option<Deflate>, upgrade: OnUpgrade) {
    let longest = probe.session.settings().upgrade_timeout;
    let tried = async {
        let (mut stream, mut read) = upgraded(upgrade).await?;
        let tried = try_out(&probe, deflate, &mut stream, &mut read).await;
        if tried.is_none() {
            // Before its client sees the connection end, and perhaps comes by another.
            probe.is_over();
        }
        Some((stream, tried?))
    };
    let Ok(Some((stream, rest))) = timeout(longest, tried).await else {
        return tracing::debug!("a WebSocket did not take its session over");
    };
    let session = probe.session.clone();
    if session.is_closed() {
        return;
    }
    carry(&session, stream, deflate, None).await;
    session.is_taken_over();
    drop(probe);
    self::read(session, deflate, rest).await;
}

/// Reads until the client says that it comes; what was read behind that.
async fn try_out(
    probe: &Probe,
    deflate: Option<Deflate>,
    stream: &mut Stream,
    read: &mut Vec<u8>,
) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(PROBE, deflate);
    let mut is_probed = false;
    loop {
        let (used, said) = match decoder.decode(read).ok()? {
            Decoded::Needs(_) => {
                let before = read.len();
                read.resize(before + BUFFER, 0);
                let more = stream
                    .read(&mut read[before..])
                    .await
                    .ok()
                    .filter(|more| *more > 0)?;
                read.truncate(before + more);
                continue;
            }
            Decoded::Fragment(used) => (used, None),
            Decoded::Event(used, event) => (used, Some(answer_probe(event, &mut is_probed)?)),
        };
        read.drain(..used);
        match said {
            Some(UpgradePacket::Upgraded) => return Some(std::mem::take(read)),
            Some(UpgradePacket::Answer(frames)) => {
                stream.write_all(&frames).await.ok()?;
                stream.flush().await.ok()?;
                if is_probed {
                    probe.succeeded();
                }
            }
            None => {}
        }
    }
}

enum UpgradePacket {
    /// The client comes.
    Upgraded,
    /// It is answered with these frames.
    Answer(Vec<u8>),
}

/// What a frame on the WebSocket says; `None` where it leads nowhere.
fn answer_probe(event: Event<'_>, is_probed: &mut bool) -> Option<UpgradePacket> {
    let mut frames = Vec::new();
    match event {
        Event::Text("2probe") => {
            *is_probed = true;
            encode::frame(&mut frames, Kind::Text, b"3probe");
        }
        Event::Text("5") if *is_probed => return Some(UpgradePacket::Upgraded),
        Event::Ping(data) => encode::frame(&mut frames, Kind::Pong, data),
        Event::Pong(_) => {}
        // Browsers compress whatever they say.
        Event::Deflated(form, compressed) => {
            let said = inflate(compressed, PROBE, |_| true).ok()?;
            return answer_probe(form.event(&said).ok()?, is_probed);
        }
        Event::Text(_) | Event::Binary(_) | Event::Close(_) => return None,
    }
    Some(UpgradePacket::Answer(frames))
}
