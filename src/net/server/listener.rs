//! TCP in: accepts connections within a limit, sets their options, and serves HTTP/1.1 on each with
//! bounds on time and memory.

use std::{
    convert::Infallible,
    io,
    net::{self, IpAddr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
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
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket, TcpStream},
};
use tower::ServiceExt;

use super::{
    clients::Clients,
    connections::{Connections, Listed},
};
use crate::{
    config::Config,
    net::{
        conn::Connection,
        current::Current,
        engineio::parameter,
        forward::Forwarding,
        host,
        limits::{
            byte_rate::{ByteRate, Metered},
            per_address::{AddressLimit, AddressSlot, Full},
        },
        metrics::{Limit, Metrics},
        runtime::{Runtimes, WorkerLoad},
        tls::acceptor::{Stream, Tls},
    },
};

/// Most that hyper buffers of a request, so also the largest head, in bytes.
const REQUEST_BUFFER: usize = 16 << 10;

/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 4096;

/// Before a connection is accepted again after an error such as too many open files.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// Bytes that the system holds of a connection beyond those that are on their way: what is sent later waits behind them, an
/// answer behind the frames of streams. The rest waits here, where it is bounded and counted.
#[cfg(target_os = "linux")]
const MOST_UNSENT: u32 = 128 << 10;

/// `retry-after` of a refused connection, in seconds; the same below.
const RETRY_SECONDS: &str = "5";

/// The response to a request with several hosts, or none.
const NO_HOST: &str = "A request names its host once (RFC 9112, section 3.2).\n";

/// The response to a connection over the limit.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What ends with a connection.
struct Open {
    _listed: Listed,
    _place: Option<AddressSlot>,
    /// The one that its client takes behind a proxy.
    _behind_proxy: Arc<OnceLock<AddressSlot>>,
    _seat: WorkerLoad,
}

/// An address that is this server's alone, at which no connection is taken yet.
pub(crate) enum Bound {
    /// It was open already.
    Listener(net::TcpListener),
    Socket(TcpSocket),
}

impl Bound {
    /// Of a socket that is open already, or where the configuration says.
    ///
    /// # Errors
    /// Where the address cannot be had.
    pub(in crate::net) fn new(open: Option<net::TcpListener>, address: SocketAddr) -> io::Result<Self> {
        if let Some(listener) = open {
            return Ok(Self::Listener(listener));
        }
        let socket = match address.is_ipv4() {
            true => TcpSocket::new_v4(),
            false => TcpSocket::new_v6(),
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self::Socket(socket))
    }

    /// Connections come from now on.
    ///
    /// # Errors
    /// Where another listens at the address by now.
    pub(in crate::net) fn listen(self) -> io::Result<TcpListener> {
        match self {
            Self::Listener(listener) => {
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener)
            }
            Self::Socket(socket) => socket.listen(BACKLOG),
        }
    }
}

/// Accepts connections for ever.
pub(in crate::net) async fn accept(
    listener: TcpListener,
    router: Arc<Current<Router>>,
    places: AddressLimit,
    connections: Connections,
    clients: &Clients,
    tls: Option<Arc<Tls>>,
    cores: &Runtimes,
) -> Infallible {
    let shared = &clients.shared;
    let paths: Arc<[String]> = shared.config.http.paths().into();
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok((stream, peer)) => (stream, peer.ip()),
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
        };
        let settings = shared.for_new.get();
        let refused = |limit| {
            shared.metrics.refused(limit);
            limit
        };
        let admitted = places
            .for_connection(peer)
            .map_err(|_| refused(Limit::ConnectionsPerAddress))
            .and_then(|place| {
                let opened = connections.open(settings.config.limits.max_connections);
                opened
                    .map(|listed| (listed, place))
                    .ok_or_else(|| refused(Limit::Connections))
            });
        let Ok((listed, place)) = admitted else {
            // In the middle of a TLS handshake the client cannot read it.
            if tls.is_none() {
                refuse_connection(stream);
            }
            continue;
        };
        set_options(&stream, &settings.config);
        let (Some((seat, runtime)), Ok(stream)) = (cores.seat(), stream.into_std()) else {
            continue;
        };
        let behind_proxy = Arc::<OnceLock<AddressSlot>>::default();
        let open = Open {
            _listed: listed,
            _place: place,
            _behind_proxy: behind_proxy.clone(),
            _seat: seat,
        };
        let service = Service {
            router: router.clone(),
            tls: tls.clone(),
            peer,
            places: places.clone(),
            forwarding: clients.forwarding.clone(),
            paths: paths.clone(),
            behind_proxy,
            metrics: shared.metrics.clone(),
            is_settled: AtomicBool::new(false),
        };
        let serving = Serving {
            connections: connections.clone(),
            header_timeout: settings.config.http.header_timeout,
            handshake_timeout: shared.config.session.handshake_timeout,
        };
        let served = service.serve(stream, settings.byte_rates.of_connection(), open, serving);
        connections.serving.spawn_on(served, runtime);
    }
}

fn set_options(stream: &TcpStream, config: &Config) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(config.session.tcp_timeout)
        .with_interval(config.session.tcp_timeout / 3);
    let set = socket
        .set_tcp_nodelay(true)
        .and_then(|()| socket.set_tcp_keepalive(&keepalive))
        .and_then(|()| set_limits(&socket, config.session.tcp_timeout));
    if let Err(error) = set {
        tracing::debug!("a connection goes without its TCP options: {error}");
    }
}

/// Linux closes a connection whose other end acknowledges nothing for so long, and takes no more than it can send soon; other
/// systems use their own limits.
#[cfg(target_os = "linux")]
fn set_limits(socket: &SockRef<'_>, unacknowledged: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(unacknowledged))?;
    socket.set_tcp_notsent_lowat(MOST_UNSENT)
}

#[cfg(not(target_os = "linux"))]
fn set_limits(_: &SockRef<'_>, _: Duration) -> io::Result<()> {
    Ok(())
}

fn refuse_connection(mut stream: TcpStream) {
    tracing::debug!("a connection beyond the limit was turned away");
    tokio::spawn(async move {
        // The client may have disconnected already.
        let _ = stream.write_all(FULL).await;
        let _ = stream.shutdown().await;
    });
}

/// What answers the requests of one connection.
struct Service {
    router: Arc<Current<Router>>,
    tls: Option<Arc<Tls>>,
    peer: IpAddr,
    places: AddressLimit,
    forwarding: Option<Arc<Forwarding>>,
    /// Where clients look for the server.
    paths: Arc<[String]>,
    behind_proxy: Arc<OnceLock<AddressSlot>>,
    metrics: Arc<Metrics>,
    /// Whether it has shown what it is for.
    is_settled: AtomicBool,
}

/// How long requests are served.
struct Serving {
    connections: Connections,
    header_timeout: Duration,
    handshake_timeout: Duration,
}

impl Service {
    async fn serve(self, stream: net::TcpStream, inflow: ByteRate, open: Open, serving: Serving) {
        // It was accepted elsewhere.
        let Ok(stream) = TcpStream::from_std(stream) else {
            return;
        };
        let late = tokio::time::sleep(serving.handshake_timeout);
        tokio::pin!(late);
        let connections = &serving.connections;
        let secured = tokio::select! {
            secured = self.secured(stream) => secured,
            () = &mut late => return self.metrics.refused(Limit::Handshake),
            () = connections.finish.cancelled() => None,
        };
        let Some(stream) = secured else {
            return;
        };
        let connection = Connection::new(Metered::new(stream, inflow), Box::new(open));
        let this = Arc::new(self);
        let service = hyper::service::service_fn({
            let this = this.clone();
            move |request: Request<Incoming>| {
                let this = this.clone();
                async move { Ok::<_, Infallible>(this.answer(request).await) }
            }
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(serving.header_timeout)
            .max_buf_size(REQUEST_BUFFER)
            .serve_connection(TokioIo::new(connection), service)
            .with_upgrades();
        tokio::pin!(served);
        let (mut is_finishing, mut is_late) = (false, false);
        let served = loop {
            tokio::select! {
                served = &mut served => break served,
                () = &mut late, if !is_late => {
                    is_late = true;
                    if !this.is_settled() {
                        return this.metrics.refused(Limit::Handshake);
                    }
                }
                () = connections.finish.cancelled(), if !is_finishing => {
                    is_finishing = true;
                    if !this.is_settled() {
                        return;
                    }
                    served.as_mut().graceful_shutdown();
                }
                () = connections.close.cancelled() => return,
            }
        };
        if let Err(error) = served {
            tracing::debug!("a connection ended: {error}");
        }
    }

    fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Acquire)
    }

    /// What carries the connection, where that is there before it is to close.
    async fn secured(&self, stream: TcpStream) -> Option<Stream> {
        let Some(tls) = &self.tls else {
            return Some(Stream::Left(stream));
        };
        match tls.accept(stream).await {
            Ok(stream) => Some(stream),
            Err(error) => {
                tracing::debug!("a connection that is no TLS: {error}");
                None
            }
        }
    }

    /// The request as the router has it, and whence it came where it begins a session or may be of another node's.
    fn prepare(&self, request: Request<Incoming>) -> Request<Body> {
        let mut request = request.map(Body::new);
        if let Some(uri) = engine_uri(request.uri(), &self.paths) {
            *request.uri_mut() = uri;
            if self.forwarding.is_some() || parameter(request.uri(), "sid").is_none() {
                let whence = self
                    .places
                    .whence(self.peer, request.headers(), self.tls.is_some());
                request.extensions_mut().insert(whence);
            }
        }
        request
    }

    /// The place of a request that a proxy or another node forwards, and that of a connection else.
    fn place(&self, headers: &HeaderMap) -> Result<Option<AddressSlot>, Full> {
        match &self.forwarding {
            Some(forwarding) if forwarding.is_forwarded(headers) => {
                self.places.for_forwarded(self.peer, headers).map(Some)
            }
            _ => self.places.for_request(self.peer, headers),
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response {
        if !host::is_named(request.version(), request.headers()) {
            return (StatusCode::BAD_REQUEST, [(CONNECTION, "close")], NO_HOST).into_response();
        }
        let Ok(place) = self.place(request.headers()) else {
            self.metrics.refused(Limit::ConnectionsPerAddress);
            let headers = [(RETRY_AFTER, RETRY_SECONDS), (CONNECTION, "close")];
            return (StatusCode::SERVICE_UNAVAILABLE, headers).into_response();
        };
        if parameter(request.uri(), "transport") != Some("websocket") {
            self.is_settled.store(true, Ordering::Release);
        }
        let answered = Router::clone(&self.router.get()).oneshot(self.prepare(request));
        let mut response = answered.await.unwrap_or_else(|never| match never {});
        if let Some(told) = self.tls.as_ref().and_then(|tls| tls.strict_transport.clone()) {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, told);
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(place) = place
        {
            // A connection becomes a WebSocket once.
            let _ = self.behind_proxy.set(place);
        }
        response
    }
}

/// The URI of an engine's request: under one of the engine's paths, or at `/`, as the clients of the Node proof of
/// concept have it (`path: '/'`), which must be told apart before routing.
fn engine_uri(uri: &Uri, paths: &[String]) -> Option<Uri> {
    let query = uri.query()?;
    // The whole path: beside the engine's stand the JS client's files, which may have a query too.
    let asked = uri.path().trim_end_matches('/');
    let own = paths.iter().find(|path| *path == asked);
    let is_at_root = uri.path() == "/" && query.split('&').any(|pair| pair.starts_with("EIO="));
    let path = own.or(paths.first().filter(|_| is_at_root))?;
    format!("{path}/?{query}").parse().ok()
}
