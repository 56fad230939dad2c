//! The polling transport: GETs that wait for packets, and POSTs with the client's packets.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    backlog::Polled,
    close_reason::CloseReason,
    gzip::{accepts_gzip, gzip},
    jsonp,
    message::Outgoing,
    packet::{Packet, Protocol},
    payload::{self, Content},
    posted::Posted,
    request::{Refusal, parameter, protocol},
    server::Server,
    session::{self, Session, Transport, Upgrade},
};
use crate::call::memory::{Held, STEP};

/// How long a poll may wait while a WebSocket is about to take over, as in Node.
const WHILE_PROBED: Duration = Duration::from_millis(100);

/// The response to a poll at an upgrade, or when its client closed the session.
const NOOP: &[u8] = b"6";

/// The response to a poll after the session has ended.
const CLOSE: &[u8] = b"1";

const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

pub(super) async fn answer(server: &Arc<Server>, request: Request) -> Result<Response, Refusal> {
    let mut form = Form::of(&request);
    let Some(id) = parameter(request.uri(), "sid") else {
        return open(server, &request, &form);
    };
    let session = server.sessions.find(id).ok_or(Refusal::UnknownSession)?;
    form.is_text |= session.state().is_text;
    match *request.method() {
        Method::GET => poll(&session, &form).await,
        Method::POST => post(session, request, &form).await,
        _ => Err(Refusal::BadRequest),
    }
}

/// How a client wants to be answered.
struct Form {
    /// By a script that calls the function of this index.
    script: Option<String>,
    /// Whether it takes no bytes.
    is_text: bool,
    /// Whether it takes answers that are compressed.
    is_gzip: bool,
}

impl Form {
    fn of(request: &Request) -> Self {
        let uri = request.uri();
        Self {
            script: parameter(uri, "j").map(str::to_owned),
            is_text: parameter(uri, "b64").is_some_and(|asked| asked != "0"),
            is_gzip: accepts_gzip(request.headers()),
        }
    }

    fn answer(&self, protocol: Protocol, packets: &[Outgoing], held: Option<Held>) -> Response {
        let packets = packets.iter().filter_map(|packet| match packet {
            Outgoing::Text(text) => Packet::from_text(protocol, std::str::from_utf8(text).ok()?).ok(),
            Outgoing::Binary(bytes) => Some(Packet::Binary((&**bytes).into())),
        });
        let takes_bytes = protocol == Protocol::V3 && !self.is_text && self.script.is_none();
        let payload = match takes_bytes {
            true => payload::binary(packets, usize::MAX),
            false => payload::text(protocol, packets, usize::MAX),
        };
        let (media, body) = match (payload.content, &self.script) {
            (Content::Binary, _) => (BINARY, payload.body),
            (Content::Text, None) => (
                HeaderValue::from_static("text/plain; charset=UTF-8"),
                payload.body,
            ),
            (Content::Text, Some(index)) => {
                let script = jsonp::script(index, &String::from_utf8_lossy(&payload.body));
                (
                    HeaderValue::from_static("text/javascript; charset=UTF-8"),
                    script.into_bytes(),
                )
            }
        };
        let compressed = self.is_gzip.then(|| gzip(&body)).flatten();
        let encoding = compressed
            .is_some()
            .then_some([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        let body = Bytes::from_owner(Answer {
            body: compressed.unwrap_or(body),
            _held: held,
        });
        ([(CONTENT_TYPE, media), NOT_KEPT], encoding, body).into_response()
    }
}

/// What a poll is answered, which is held until it has left.
struct Answer {
    body: Vec<u8>,
    _held: Option<Held>,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

const NOT_KEPT: (http::HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-store"));

fn open(server: &Arc<Server>, request: &Request, form: &Form) -> Result<Response, Refusal> {
    let protocol = protocol(server, request)?;
    let head = || session::head(request);
    let session = server.open(protocol, head).map_err(|_| Refusal::NoRandomness)?;
    session.state().is_text = form.is_text;
    let open_packet = session.open_packet(&["websocket"]);
    server.begin(&session);
    Ok(form.answer(protocol, &[open_packet], None))
}

/// The one poll, or the one POST, that a session has at a time.
struct Turn<'a> {
    session: &'a Arc<Session>,
    which: Which,
    is_over: bool,
}

#[derive(Clone, Copy)]
enum Which {
    Poll,
    Post,
}

impl<'a> Turn<'a> {
    /// # Errors
    /// Where there is one already, which ends the session; or where a WebSocket carries it.
    fn take(session: &'a Arc<Session>, which: Which) -> Result<Self, Refusal> {
        let mut state = session.state();
        if state.transport != Transport::Polling {
            return Err(Refusal::BadRequest);
        }
        let is_taken = match which {
            Which::Poll => &mut state.is_polled,
            Which::Post => &mut state.is_posted,
        };
        if std::mem::replace(is_taken, true) {
            drop(state);
            session.close(CloseReason::TransportError);
            return Err(Refusal::BadRequest);
        }
        Ok(Self {
            session,
            which,
            is_over: false,
        })
    }

    fn is_over(&mut self) {
        self.is_over = true;
    }
}

impl Drop for Turn<'_> {
    /// One whose client has gone ends the session, as its client has given it up.
    fn drop(&mut self) {
        let mut state = self.session.state();
        match self.which {
            Which::Poll => state.is_polled = false,
            Which::Post => state.is_posted = false,
        }
        drop(state);
        if !self.is_over {
            self.session.close(CloseReason::TransportError);
        }
    }
}

async fn poll(session: &Arc<Session>, form: &Form) -> Result<Response, Refusal> {
    let protocol = session.protocol();
    let told = |text: &[u8]| Ok(form.answer(protocol, &[Outgoing::Text(text.to_vec())], None));
    let mut turn = Turn::take(session, Which::Poll)?;
    session.liveness.mark_alive();
    let was_probed = session.state().upgrade == Upgrade::Probed;
    let polled = match was_probed {
        true => timeout(WHILE_PROBED, wait(session, true)).await.ok(),
        false => Some(wait(session, false).await),
    };
    turn.is_over();
    match polled {
        Some(Polled::Packets(packets, held)) => Ok(form.answer(protocol, &packets, Some(held))),
        Some(Polled::Over) => match session.closed() {
            // A client that closes it itself gets no close packet.
            None | Some(CloseReason::TransportClose) => told(NOOP),
            Some(_) => {
                session.forget();
                told(CLOSE)
            }
        },
        Some(Polled::Nothing) | None => told(NOOP),
    }
}

/// Waits until there are packets, or an upgrade, or the session ends.
async fn wait(session: &Session, is_probed: bool) -> Polled {
    loop {
        let Some(more) = session.send_queue.has_more() else {
            return Polled::Over;
        };
        let more = more.notified_owned();
        tokio::pin!(more);
        more.as_mut().enable();
        match session.send_queue.poll() {
            Polled::Nothing if is_probed || session.state().upgrade != Upgrade::Probed => more.await,
            polled => return polled,
        }
    }
}

async fn post(session: Arc<Session>, request: Request, form: &Form) -> Result<Response, Refusal> {
    let mut turn = Turn::take(&session, Which::Post)?;
    session.liveness.mark_alive();
    let (head, body) = request.into_parts();
    let limit = session.settings().max_message;
    let announced = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        return Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response());
    }
    let held = session.holder().hold();
    let body = match collect(body, limit, announced, &session, &held).await {
        Ok(body) => body,
        Err(StatusCode::REQUEST_TIMEOUT) => {
            (session.settings().on_late_body)();
            return Ok((StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")]).into_response());
        }
        Err(status) => return Ok(status.into_response()),
    };
    let body = match &form.script {
        Some(_) => jsonp::payload(&body).map(Bytes::from).unwrap_or_default(),
        None => body,
    };
    let received = match body.is_empty() {
        true => Ok(()),
        false => {
            let posted = Posted {
                session: session.clone(),
                content: content(&head.headers),
                body,
                held,
            };
            posted.receive().await
        }
    };
    turn.is_over();
    match received {
        Ok(()) => Ok((
            [(CONTENT_TYPE, HeaderValue::from_static("text/html")), NOT_KEPT],
            "ok",
        )
            .into_response()),
        Err(_) => {
            session.close(CloseReason::ParseError);
            Err(Refusal::BadRequest)
        }
    }
}

fn content(headers: &HeaderMap) -> Content {
    match headers.get(CONTENT_TYPE) == Some(&BINARY) {
        true => Content::Binary,
        false => Content::Text,
    }
}

/// Reads a body to its end, in time. One that is not short is read on when there is memory for the whole of it, as far as it
/// says how much that is.
async fn collect(
    body: Body,
    limit: usize,
    announced: Option<usize>,
    session: &Arc<Session>,
    held: &Held,
) -> Result<Bytes, StatusCode> {
    let mut body = Limited::new(body, limit);
    let needs = announced.unwrap_or(limit);
    let mut bytes = Vec::new();
    let mut begun = Instant::now();
    loop {
        let end = begun + session.settings().longest(bytes.len());
        let Ok(frame) = timeout_at(end, body.frame()).await else {
            return Err(StatusCode::REQUEST_TIMEOUT);
        };
        let Some(frame) = frame else {
            return Ok(bytes.into());
        };
        let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
            true => StatusCode::PAYLOAD_TOO_LARGE,
            false => StatusCode::BAD_REQUEST,
        })?;
        session.liveness.mark_alive();
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if bytes.len() + data.len() > STEP && !held.covers(needs) {
            let waits = Instant::now();
            grant(needs, session, held).await?;
            begun += waits.elapsed();
            bytes.reserve_exact(needs.saturating_sub(bytes.len()));
        }
        bytes.extend_from_slice(data);
    }
}

/// Waits for memory, and holds nothing meanwhile that others wait for.
async fn grant(bytes: usize, session: &Arc<Session>, held: &Held) -> Result<(), StatusCode> {
    let granted = held.granted(bytes);
    tokio::pin!(granted);
    if (&mut granted).now_or_never().is_some() {
        return Ok(());
    }
    if let Some(handler) = session.handler() {
        let let_go = handler.short_of_memory(session);
        let_go.map_err(|_| StatusCode::BAD_REQUEST)?;
    }
    granted.await;
    Ok(())
}
