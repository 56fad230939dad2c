//! A server from its start to its stop: routes, the listener, readiness, draining.

use std::{
    fmt, io,
    net::{self, SocketAddr},
    path::Path,
    sync::Arc,
};

use axum::{Router, middleware, routing::get};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    client_bundle,
    clients::Clients,
    connections::Connections,
    health, listener,
    start_tasks::{self, StartTask},
};
use crate::{
    call::{dispatch::Dispatcher, emitter::Emitter, heed::HeedFunctions, registry::EventEntry},
    config::Config,
    error::CallError,
    event::EventName,
    feed::Feed,
    net::{
        auth::Authenticator,
        engineio,
        forward::{self, Directory},
        limits::{
            origins::{self, Gate, Origins},
            over_nodes::SubjectTable,
        },
        rooms::bus::Bus,
        runtime::Runtimes,
        socket::shared::Shared,
        tls::acceptor::{Tls, TlsError},
        traffic::Traffic,
    },
};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The threads that serve cannot be had.
    #[error("cannot begin a thread for each core: {0}")]
    Runtimes(#[source] io::Error),
    /// Certificate and key are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An origin that no browser sends, so that it would match no page.
    #[error("--allowed-origins: '{origin}' is no origin: {problem}")]
    Origin {
        /// What was configured.
        origin: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Where clients cannot look for a server.
    #[error("--path: '{0}' is no path: write it as /socket.io or /app/socket.io")]
    Path(String),
    /// The directory of the JS client lacks it.
    #[error("no socket.io.js in {0}")]
    Bundle(String),
}

/// A server that listens. [`Server::stop`] ends it; dropping it does not.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    events: Vec<EventName>,
    /// With those of namespaces.
    listed: Vec<EventEntry>,
    feed: Option<Arc<Feed>>,
    auth: Arc<Authenticator>,
    emitter: Emitter,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
    stopped: JoinHandle<()>,
}

/// What a server serves, and how.
pub(crate) struct Parts {
    pub(crate) dispatcher: Dispatcher,
    pub(crate) feed: Option<Arc<Feed>>,
    pub(crate) auth: Arc<Authenticator>,
    /// The app's own, beside ours.
    pub(crate) routes: Option<Router>,
    pub(crate) emitter: Emitter,
    /// Where it is counted what passes, if anywhere.
    pub(crate) traffic: Option<Arc<Traffic>>,
    /// The nodes that may have sessions too.
    pub(crate) directory: Option<Arc<dyn Directory>>,
    pub(crate) tasks: Vec<StartTask>,
    /// Where nodes count the sockets of subjects together, if there may be some.
    pub(crate) subjects: Option<Arc<dyn SubjectTable>>,
    /// What carries emits to the other nodes, if there may be some.
    pub(crate) bus: Option<Arc<dyn Bus>>,
    /// The functions for what other nodes announce.
    pub(crate) heeded: HeedFunctions,
    /// What it listens on, if not where the configuration says.
    pub(crate) listener: Option<net::TcpListener>,
    pub(crate) config: Config,
}

impl Server {
    /// Serves an app, by TLS where there is a certificate.
    pub(crate) async fn start(mut parts: Parts, tls: Option<Arc<Tls>>) -> Result<Self, ServeError> {
        let config = parts.config.clone();
        let unlistened = |source| ServeError::Listen {
            address: SocketAddr::new(config.host, config.port),
            source,
        };
        let cores = Arc::new(Runtimes::new(config.cores).map_err(ServeError::Runtimes)?);
        if let Some(runtime) = cores.apart() {
            parts.dispatcher = parts.dispatcher.apart_on(runtime.clone());
        }
        let (feed, auth, emitter) = (parts.feed.clone(), parts.auth.clone(), parts.emitter.clone());
        let tasks = std::mem::take(&mut parts.tasks);
        let events = parts.dispatcher.registry().names().into_iter().cloned().collect();
        let listed = parts.dispatcher.registry().events();
        // First, as what is built takes part among the nodes.
        let listener = listener::listen(parts.listener.take(), &config).map_err(unlistened)?;
        let address = listener.local_addr().map_err(unlistened)?;
        let (clients, router) = build(parts, Some(cores.clone()))?;
        let stop = CancellationToken::new();
        let tasks = start_tasks::begin(tasks, &emitter);
        let served = clients.clone();
        let running = run(listener, router, clients, tls.clone(), cores, stop.clone());
        let stopped = tokio::spawn(async move {
            running.await;
            tasks.cancel();
            served.end().await;
        });
        Ok(Self {
            address,
            events,
            listed,
            feed,
            auth,
            emitter,
            tls,
            stop,
            stopped,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients find it: `http://127.0.0.1:3000`, or `https://` where it has a certificate.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Reads the certificate and its key again, if configured: `updraft serve` does at SIGHUP. New connections get
    /// the new one.
    ///
    /// # Errors
    /// Where they cannot be read, or do not belong together; the ones from before go on.
    pub fn reload_certificate(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }

    /// The events that are registered, sorted by name.
    pub fn events(&self) -> &[EventName] {
        &self.events
    }

    /// All that can be emitted, as [`Registry::events`](crate::Registry::events) has it.
    pub(crate) fn listed(&self) -> &[EventEntry] {
        &self.listed
    }

    /// The feed, where the app has topics: to publish from outside a call, from a timer or an HTTP route.
    pub fn feed(&self) -> Option<&Arc<Feed>> {
        self.feed.as_ref()
    }

    /// All sockets of the server, from outside their calls.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # use updraft::{App, Config};
    /// let server = App::new().config(Config { port: 0, ..Config::default() }).start().await?;
    /// let io = server.emitter();
    /// io.of("/").emit("news", &"nobody hears it yet").await.unwrap();
    /// assert!(io.of("/").sockets().await.unwrap().is_empty());
    /// # Ok::<(), updraft::StartError>(()) }).unwrap();
    /// ```
    pub fn emitter(&self) -> Emitter {
        self.emitter.clone()
    }

    /// How clients are known, in a line.
    pub(crate) fn introduction(&self) -> &'static str {
        self.auth.introduction()
    }

    /// Takes a subject's rights away, as [`Subjects::revoke`](crate::Subjects::revoke), which functions use.
    /// # Errors
    /// As there.
    pub async fn revoke(&self, subject: &str) -> Result<usize, CallError> {
        self.auth.subjects().revoke(subject).await
    }

    /// Begins to stop, as [`Server::stop`] does, when the guard is dropped.
    pub(crate) fn stop_with(&self) -> DropGuard {
        self.stop.clone().drop_guard()
    }

    /// Stops: no new connections and calls, those that run get their answers within the drain time-out,
    /// then every connection is closed, so that clients look for another server, and last the journal, where the app opened it.
    /// Before that, sessions are let go one after the other over [`Config::drain_over`].
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.stopped.await {
            tracing::error!("the server ended badly: {error}");
        }
    }
}

/// What goes on behind the router of [`App::into_router`](crate::App::into_router): dropping it ends nothing.
#[derive(Clone)]
pub struct Handle {
    clients: Clients,
    feed: Option<Arc<Feed>>,
    auth: Arc<Authenticator>,
    emitter: Emitter,
    /// Ends what runs beside the server.
    tasks: CancellationToken,
}

impl Handle {
    /// The feed, where the app has topics; see [`Server::feed`].
    pub fn feed(&self) -> Option<&Arc<Feed>> {
        self.feed.as_ref()
    }

    /// All sockets, from outside their calls; see [`Server::emitter`].
    pub fn emitter(&self) -> Emitter {
        self.emitter.clone()
    }

    /// Takes a subject's rights away; see [`Server::revoke`].
    /// # Errors
    /// As there.
    pub async fn revoke(&self, subject: &str) -> Result<usize, CallError> {
        self.auth.subjects().revoke(subject).await
    }

    /// Takes no new clients and calls; those calls that run get their answers within the drain time-out, then every client
    /// is disconnected, and the journal closed, as by [`Server::stop`]. The listener is yours to close.
    pub async fn stop(&self) {
        self.clients.leave().await;
        self.tasks.cancel();
        self.clients.end().await;
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The router of a server without its listener, for an axum server of the user's.
pub(crate) fn router(mut parts: Parts) -> Result<(Router, Handle), ServeError> {
    let (feed, auth, emitter) = (parts.feed.clone(), parts.auth.clone(), parts.emitter.clone());
    let tasks = std::mem::take(&mut parts.tasks);
    let (clients, router) = build(parts, None)?;
    let handle = Handle {
        clients,
        feed,
        auth,
        tasks: start_tasks::begin(tasks, &emitter),
        emitter,
    };
    Ok((router, handle))
}

fn build(parts: Parts, cores: Option<Arc<Runtimes>>) -> Result<(Clients, Router), ServeError> {
    let (feed, auth, bus, subjects) = (parts.feed, parts.auth, parts.bus, parts.subjects);
    let shared = Shared::new(parts.dispatcher, feed, auth, parts.config, cores, bus, subjects);
    let clients = Clients::new(shared, parts.traffic, parts.directory);
    let router = routes(&clients, parts.routes.unwrap_or_else(default_routes))?;
    clients.reach(&parts.emitter, parts.heeded);
    Ok((clients, router))
}

/// What is at `/` where the app has nothing to show.
fn default_routes() -> Router {
    Router::new().route("/", get(async || "Updraft listens here for Socket.IO clients.\n"))
}

/// Ours, and the app's own behind them.
fn routes(clients: &Clients, own: Router) -> Result<Router, ServeError> {
    let shared = &clients.shared;
    let plain = Router::new()
        .route("/health/live", get(async || "live"))
        .route("/health/ready", get(health::ready))
        .with_state(clients.clone());
    let mut routes = plain.merge(socketio(clients)?).fallback_service(own);
    if shared.config.http.metrics {
        let metrics = Router::new().route("/metrics", get(health::metrics));
        routes = routes.merge(metrics.with_state(shared.clone()));
    }
    Ok(routes)
}

/// What is under Socket.IO's path: the one place that pages of other origins, which were named, may ask.
fn socketio(clients: &Clients) -> Result<Router, ServeError> {
    let shared = &clients.shared;
    let origins = Origins::new(&shared.config.http.allowed_origins)
        .map_err(|(origin, problem)| ServeError::Origin { origin, problem })?;
    let paths = shared.config.http.paths();
    if let Some(path) = paths.iter().find(|path| !is_path(path)) {
        return Err(ServeError::Path(path.clone()));
    }
    let cors = origins.cors();
    let gate = Arc::new(Gate::new(origins, shared.metrics.clone()));
    let checked = middleware::from_fn_with_state(gate, origins::check);
    let mut routes = engineio::routes(&clients.engine, &paths);
    if let Some(forwarding) = &clients.forwarding {
        routes = routes.layer(middleware::from_fn_with_state(
            forwarding.clone(),
            forward::forward,
        ));
    }
    routes = routes.layer(checked);
    match &shared.config.http.client_bundle {
        Some(directory) => routes = routes.merge(client_bundle(directory, &paths)?),
        #[cfg(feature = "client-bundle")]
        None => routes = routes.merge(client_bundle::embedded::routes(&paths)),
        #[cfg(not(feature = "client-bundle"))]
        None => {}
    }
    if let Some(cors) = cors {
        routes = routes.layer(cors);
    }
    Ok(routes)
}

/// Whether clients can look for a server there: plain text behind slashes, none of which is the last.
fn is_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.starts_with('/') && path.len() > 1 && path.bytes().all(is_plain) && !path.contains("//")
}

fn client_bundle(directory: &Path, paths: &[String]) -> Result<Router, ServeError> {
    match directory.join("socket.io.js").is_file() {
        true => Ok(client_bundle::routes(directory, paths)),
        false => Err(ServeError::Bundle(directory.display().to_string())),
    }
}

async fn run(
    listener: TcpListener,
    router: Router,
    clients: Clients,
    tls: Option<Arc<Tls>>,
    cores: Arc<Runtimes>,
    stop: CancellationToken,
) {
    let connections = Connections::default();
    let accepting = listener::accept(listener, router, connections.clone(), &clients, tls, &cores);
    let draining = async {
        stop.cancelled().await;
        clients.leave().await
    };
    // Polling clients open new connections for what they have not received yet, and for the end of their session.
    let deadline = tokio::select! {
        deadline = draining => deadline,
        never = accepting => match never {},
    };
    let _ = timeout_at(deadline, connections.finish()).await;
    connections.close();
}
