//! TCP in: accepts connections within a limit, sets their options, and serves HTTP/1.1 on each with
//! bounds on time and memory.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use http::{HeaderMap, Request, Uri};
use hyper::{body::Incoming, server::conn::http1, upgrade::OnUpgrade};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{
    connection::{Connection, Control},
    engine::PATH,
};
use crate::config::Config;

/// Most that hyper buffers of a request, so also the largest head, in bytes.
const REQUEST_BUFFER: usize = 16 << 10;

/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 4096;

/// Before a connection is accepted again after an error such as too many open files.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// What a connection beyond the limit is told.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The connections that are open.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections(Arc<Open>);

#[derive(Debug, Default)]
struct Open {
    next: AtomicU64,
    controls: Mutex<std::collections::HashMap<u64, Arc<Control>>>,
}

impl Connections {
    /// Opens one more, where the limit allows.
    fn open(&self, most: usize) -> Option<(Arc<Control>, OpenConnection)> {
        let mut controls = self.0.controls();
        if controls.len() >= most {
            return None;
        }
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let control = Arc::<Control>::default();
        controls.insert(number, control.clone());
        drop(controls);
        let open = OpenConnection {
            number,
            connections: self.clone(),
        };
        Some((control, open))
    }

    /// Closes them all at the transport.
    pub(super) fn close(&self) {
        for control in self.0.controls().values() {
            control.close();
        }
    }
}

impl Open {
    fn controls(&self) -> MutexGuard<'_, std::collections::HashMap<u64, Arc<Control>>> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as a connection until it is dropped.
struct OpenConnection {
    number: u64,
    connections: Connections,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.connections.0.controls().remove(&self.number);
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
    config: Config,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
        };
        match connections.open(config.max_connections) {
            None => turn_away(stream),
            Some((control, open)) => {
                set_options(&stream, &config);
                tokio::spawn(serve(
                    stream,
                    control,
                    open,
                    router.clone(),
                    config.header_timeout,
                ));
            }
        }
    }
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

async fn serve(
    stream: TcpStream,
    control: Arc<Control>,
    open: OpenConnection,
    router: Router,
    header_timeout: Duration,
) {
    let connection = Connection::new(stream, control.clone(), open);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let answered = router.clone().oneshot(prepare(request, &control));
        async move { Ok::<_, Infallible>(answered.await.unwrap_or_else(|never| match never {})) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(REQUEST_BUFFER)
        .serve_connection(TokioIo::new(connection), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
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
