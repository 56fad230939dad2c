//! TCP in: accepts connections within a limit, sets their options, and serves HTTP/1.1 on each with
//! bounds on time and memory.

use std::{
    convert::Infallible,
    io,
    net::{self, IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, Request, StatusCode, Uri,
    header::{CONNECTION, RETRY_AFTER, STRICT_TRANSPORT_SECURITY},
};
use hyper::{body::Incoming, server::conn::http1, upgrade::OnUpgrade};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    runtime::Handle,
    task::AbortHandle,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{
    connection::Connection,
    control::Control,
    cores::{Cores, Seat},
    engine::PATH,
    host,
    limits::{
        Limit,
        inflow::{Inflow, Inflows, Metered},
        places::{Place, Places},
    },
    sessions::is_websocket,
    shared::Shared,
    telemetry::Telemetry,
    tls::{Stream, Tls},
};
use crate::config::Config;

/// Most that hyper buffers of a request, so also the largest head, in bytes.
const REQUEST_BUFFER: usize = 16 << 10;

/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 4096;

/// Before a connection is accepted again after an error such as too many open files.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// When whoever is turned away may come again, in seconds; the same below.
const RETRY_SECONDS: &str = "5";

/// What is told to a request that could be for more than one host, or for none.
const NO_HOST: &str = "A request names its host once (RFC 9112, section 3.2).\n";

/// What a connection beyond the limit is told.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The connections that are open.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections(Arc<List>);

#[derive(Debug, Default)]
struct List {
    next: AtomicU64,
    controls: Mutex<std::collections::HashMap<u64, Arc<Control>>>,
}

impl Connections {
    /// Opens one more, where the limit allows.
    fn open(&self, most: usize) -> Option<(Arc<Control>, Listed)> {
        let mut controls = self.0.controls();
        if controls.len() >= most {
            return None;
        }
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let control = Arc::<Control>::default();
        controls.insert(number, control.clone());
        drop(controls);
        let listed = Listed {
            number,
            connections: self.clone(),
        };
        Some((control, listed))
    }

    /// Closes them all at the transport.
    pub(super) fn close(&self) {
        for control in self.0.controls().values() {
            control.close();
        }
    }
}

impl List {
    fn controls(&self) -> MutexGuard<'_, std::collections::HashMap<u64, Arc<Control>>> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as a connection until it is dropped.
struct Listed {
    number: u64,
    connections: Connections,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.connections.0.controls().remove(&self.number);
    }
}

/// What ends with a connection.
struct Open {
    _listed: Listed,
    _place: Option<Place>,
    _seat: Seat,
    handshake: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.handshake.abort();
    }
}

/// Listens where the configuration says.
///
/// # Errors
/// Where the address cannot be had.
pub(super) fn bind(config: &Config) -> io::Result<TcpListener> {
    let address = SocketAddr::new(config.host, config.port);
    let socket = match address.is_ipv4() {
        true => tokio::net::TcpSocket::new_v4(),
        false => tokio::net::TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts connections until `stop` is cancelled.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    shared: Arc<Shared>,
    tls: Option<Arc<Tls>>,
    cores: &Cores,
    stop: CancellationToken,
) {
    let places = Places::new(&shared.config);
    let inflows = Inflows::new(&shared.config, &shared.telemetry);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, peer.ip()),
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
        };
        let refused = |limit| {
            shared.telemetry.refused(limit);
            limit
        };
        let admitted = places
            .for_connection(peer)
            .map_err(|_| refused(Limit::ConnectionsPerAddress))
            .and_then(|place| {
                let opened = connections.open(shared.config.max_connections);
                opened
                    .map(|(control, listed)| (control, listed, place))
                    .ok_or_else(|| refused(Limit::Connections))
            });
        let Ok((control, listed, place)) = admitted else {
            // Nobody would read it in the middle of a handshake.
            if tls.is_none() {
                turn_away(stream);
            }
            continue;
        };
        set_options(&stream, &shared.config);
        let (Some((seat, runtime)), Ok(stream)) = (cores.seat(), stream.into_std()) else {
            continue;
        };
        let open = Open {
            _listed: listed,
            _place: place,
            _seat: seat,
            handshake: expect_handshake(&control, &shared, runtime),
        };
        let service = Service {
            router: router.clone(),
            tls: tls.clone(),
            control,
            peer,
            places: places.clone(),
            telemetry: shared.telemetry.clone(),
        };
        runtime.spawn(service.serve(
            stream,
            inflows.of_connection(),
            open,
            shared.config.header_timeout,
        ));
    }
}

/// Closes a connection that has not shown in time what it is for.
fn expect_handshake(control: &Arc<Control>, shared: &Shared, runtime: &Handle) -> AbortHandle {
    let (control, telemetry) = (control.clone(), shared.telemetry.clone());
    let longest = shared.config.handshake_timeout;
    let expecting = runtime.spawn(async move {
        tokio::time::sleep(longest).await;
        if !control.is_settled() {
            telemetry.refused(Limit::Handshake);
            control.close();
        }
    });
    expecting.abort_handle()
}

fn set_options(stream: &TcpStream, config: &Config) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(config.tcp_timeout)
        .with_interval(config.tcp_timeout / 3);
    let set = socket
        .set_tcp_nodelay(true)
        .and_then(|()| socket.set_tcp_keepalive(&keepalive))
        .and_then(|()| limit_unacknowledged(&socket, config.tcp_timeout));
    if let Err(error) = set {
        tracing::debug!("a connection goes without its TCP options: {error}");
    }
}

/// Linux closes a connection whose other end acknowledges nothing for so long; other systems use their own
/// limit.
#[cfg(target_os = "linux")]
fn limit_unacknowledged(socket: &SockRef<'_>, limit: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(limit))
}

#[cfg(not(target_os = "linux"))]
fn limit_unacknowledged(_: &SockRef<'_>, _: Duration) -> io::Result<()> {
    Ok(())
}

fn turn_away(mut stream: TcpStream) {
    tracing::debug!("a connection beyond the limit was turned away");
    tokio::spawn(async move {
        // Whoever is turned away may be gone already.
        let _ = stream.write_all(FULL).await;
        let _ = stream.shutdown().await;
    });
}

/// What answers the requests of one connection.
struct Service {
    router: Router,
    tls: Option<Arc<Tls>>,
    control: Arc<Control>,
    peer: IpAddr,
    places: Places,
    telemetry: Arc<Telemetry>,
}

impl Service {
    async fn serve(self, stream: net::TcpStream, inflow: Inflow, open: Open, header_timeout: Duration) {
        // It was accepted elsewhere.
        let Ok(stream) = TcpStream::from_std(stream) else {
            return;
        };
        let Some(stream) = self.secured(stream).await else {
            return;
        };
        let stream = Metered::new(stream, inflow);
        let control = self.control.clone();
        let connection = Connection::new(stream, control.clone(), open);
        let this = Arc::new(self);
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let this = this.clone();
            async move { Ok::<_, Infallible>(this.answer(request).await) }
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .max_buf_size(REQUEST_BUFFER)
            .serve_connection(TokioIo::new(connection), service)
            .with_upgrades()
            .await;
        control.hand_over();
        if let Err(error) = served {
            tracing::debug!("a connection ended: {error}");
        }
    }

    /// What carries the connection, where that is there before it is to close.
    async fn secured(&self, stream: TcpStream) -> Option<Stream> {
        let Some(tls) = &self.tls else {
            return Some(Stream::Left(stream));
        };
        tokio::select! {
            accepted = tls.accept(stream) => match accepted {
                Ok(stream) => Some(stream),
                Err(error) => {
                    tracing::debug!("a connection that is no TLS: {error}");
                    None
                }
            },
            () = self.control.closing() => None,
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response {
        if !host::is_named(request.version(), request.headers()) {
            return (StatusCode::BAD_REQUEST, [(CONNECTION, "close")], NO_HOST).into_response();
        }
        let Ok(place) = self.places.for_request(self.peer, request.headers()) else {
            self.telemetry.refused(Limit::ConnectionsPerAddress);
            let headers = [(RETRY_AFTER, RETRY_SECONDS), (CONNECTION, "close")];
            return (StatusCode::SERVICE_UNAVAILABLE, headers).into_response();
        };
        if !is_websocket(request.uri()) {
            self.control.settle();
        }
        let answered = self.router.clone().oneshot(prepare(request, &self.control));
        let mut response = answered.await.unwrap_or_else(|never| match never {});
        if let Some(told) = self.tls.as_ref().and_then(|tls| tls.strict_transport.clone()) {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, told);
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(place) = place
        {
            self.control.keep(place);
        }
        response
    }
}

/// Puts the connection's control on the request and, for the engine's requests, which live as long as their
/// sockets, copies what would keep hyper's read buffer alive.
fn prepare(request: Request<Incoming>, control: &Arc<Control>) -> Request<Body> {
    let mut request = request.map(Body::new);
    if let Some(uri) = engine_uri(request.uri()) {
        *request.uri_mut() = uri;
        *request.headers_mut() = copied(request.headers());
        let upgrade = request.extensions_mut().remove::<OnUpgrade>();
        request.extensions_mut().clear();
        if let Some(upgrade) = upgrade {
            request.extensions_mut().insert(upgrade);
        }
    }
    request.extensions_mut().insert(control.clone());
    request
}

/// The URI of an engine's request: under the engine's path, or at `/`, as the clients of the Node proof of
/// concept have it (`path: '/'`), which must be told apart before routing.
fn engine_uri(uri: &Uri) -> Option<Uri> {
    let query = uri.query()?;
    // The whole path: beside the engine's stand the JS client's files, which may have a query too.
    let is_ours = uri.path().trim_end_matches('/') == PATH;
    let is_at_root = uri.path() == "/" && query.split('&').any(|pair| pair.starts_with("EIO="));
    match is_ours || is_at_root {
        true => format!("{PATH}/?{query}").parse().ok(),
        false => None,
    }
}

fn copied(headers: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if let Ok(value) = http::HeaderValue::from_bytes(value.as_bytes()) {
            copy.append(name.clone(), value);
        }
    }
    copy
}
