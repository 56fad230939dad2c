//! A server from its start to its stop: routes, the listener, readiness, draining.

use std::{
    fmt,
    net::{self, SocketAddr},
    sync::Arc,
};

use axum::Router;
use tokio::{net::TcpListener, sync::Mutex, task::JoinHandle, time::timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    clients::Clients,
    connections::Connections,
    listener::{self, Bound},
    reload::{Reload, ReloadError, Reloaded},
    routes::{self, Routes, origins},
    serve_error::ServeError,
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
        current::Current,
        forward::Directory,
        limits::{over_nodes::SubjectTable, per_address::AddressLimit},
        rooms::bus::Bus,
        runtime::Runtimes,
        socket::shared::{BetweenNodes, Shared},
        telemetry::Telemetry,
        tls::acceptor::{Tls, TlsError},
        traffic::Traffic,
    },
};

/// A server that listens, of [`App::start`](crate::App::start). [`Server::stop`] ends it; dropping it does not.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use updraft::{App, Config, Module};
///
/// let app = App::new().module(Module::new("api.hello").on("greeting", async || "You're welcome"));
/// let server = app.config(Config { port: 0, ..Config::default() }).start().await?;
/// println!("{} has {:?}", server.url(), server.events());
/// server.stop().await;                                               // calls that run get their answers
/// # Ok::<(), updraft::StartError>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    events: Vec<EventName>,
    /// With those of namespaces.
    listed: Vec<EventEntry>,
    feed: Option<Arc<Feed>>,
    auth: Arc<Authenticator>,
    emitter: Emitter,
    reload: Reload,
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
    /// What tells a collector, if there is one.
    pub(crate) telemetry: Option<Arc<Telemetry>>,
    /// The functions for what other nodes announce.
    pub(crate) heeded: HeedFunctions,
    pub(crate) config: Config,
}

impl Server {
    /// Takes the address, before an app has begun anything: where another server has it, that one is left alone.
    ///
    /// # Errors
    /// Where it cannot be had.
    pub(crate) fn bind(open: Option<net::TcpListener>, config: &Config) -> Result<Bound, ServeError> {
        let address = SocketAddr::new(config.host, config.port);
        Bound::new(open, address).map_err(|source| ServeError::Listen { address, source })
    }

    /// Serves an app, by TLS where there is a certificate.
    pub(crate) async fn start(
        mut parts: Parts,
        bound: Bound,
        tls: Option<Arc<Tls>>,
    ) -> Result<Self, ServeError> {
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
        let listener = bound.listen().map_err(unlistened)?;
        let address = listener.local_addr().map_err(unlistened)?;
        let (clients, routes) = build(parts, Some(cores.clone()))?;
        let router = Arc::new(Current::new(routes(origins(&config.http)?)));
        let reload = Reload {
            clients: clients.clone(),
            routes,
            router: router.clone(),
            addresses: AddressLimit::new(&config),
            tls: tls.clone(),
            config: Mutex::new(config),
        };
        let places = reload.addresses.clone();
        let stop = CancellationToken::new();
        let tasks = start_tasks::begin(tasks, &emitter);
        let served = clients.clone();
        let running = run(listener, (router, places), clients, tls, cores, stop.clone());
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
            reload,
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
        let scheme = if self.reload.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// Applies what may change of these settings while it runs, as `updraft serve` does at SIGHUP: allowed origins and trusted
    /// proxies from the next request on; limits on connections, rates of calls and bytes, rooms, namespaces and queues of calls,
    /// `--header-timeout`, `--tcp-timeout` and the oldest client version, for new connections; keys where a client connects or shows another token; the certificate, whose files are
    /// read again in any case. Connections that are there keep the limits with which they came. The rest holds after a
    /// restart: [`Reloaded::is_complete`] says whether something does.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use updraft::{App, Config};
    ///
    /// let mut config = Config { port: 0, ..Config::default() };
    /// let server = App::new().config(config.clone()).start().await?;
    /// config.limits.max_rooms = 10;
    /// let reloaded = server.reload(&config).await.unwrap();
    /// assert_eq!(reloaded.changed(), ["max-rooms"]);
    /// assert!(reloaded.is_complete());
    /// # Ok::<(), updraft::StartError>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// What is wrong with origins, certificate or keys: then nothing changes.
    ///
    /// # Cancellation
    /// Dropped before it completes, nothing has changed.
    pub async fn reload(&self, config: &Config) -> Result<Reloaded, ReloadError> {
        self.reload.apply(config).await
    }

    /// Reads the certificate and its key again, if configured, and nothing else. New connections get the new one.
    ///
    /// # Errors
    /// Where they cannot be read, or do not belong together; the ones from before go on.
    pub fn reload_certificate(&self) -> Result<(), TlsError> {
        self.reload.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
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
    ///
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
    /// Before that, sessions are let go one after the other over [`Config::drain_over`]. Once polled, it stops also where this
    /// future is dropped.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.stopped.await {
            tracing::error!("the server ended badly: {error}");
        }
    }
}

/// What goes on behind the router of [`App::into_router`](crate::App::into_router): dropping it ends nothing. Clones are of the same server.
///
/// ```no_run
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, routing::get};
/// use updraft::{App, Module};
///
/// let app = App::new().module(Module::new("api.hello").on("greeting", async || "You're welcome"));
/// let (sockets, handle) = app.into_router().await?;
/// let router = Router::new().route("/about", get(async || "a server of my own")).merge(sockets);
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// axum::serve(listener, router).with_graceful_shutdown(async move { handle.stop().await }).await?;
/// # Ok(()) }
/// ```
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
    ///
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
    let http = parts.config.http.clone();
    let (clients, routes) = build(parts, None)?;
    let router = routes(origins(&http)?);
    let handle = Handle {
        clients,
        feed,
        auth,
        tasks: start_tasks::begin(tasks, &emitter),
        emitter,
    };
    Ok((router, handle))
}

fn build(parts: Parts, cores: Option<Arc<Runtimes>>) -> Result<(Clients, Routes), ServeError> {
    routes::check(&parts.config.http)?;
    let (feed, auth, telemetry) = (parts.feed, parts.auth, parts.telemetry);
    let nodes = BetweenNodes {
        bus: parts.bus,
        subjects: parts.subjects,
    };
    let shared = Shared::new(
        parts.dispatcher,
        feed,
        auth,
        parts.config,
        cores,
        nodes,
        telemetry,
    );
    let clients = Clients::new(shared, parts.traffic, parts.directory);
    clients.reach(&parts.emitter, parts.heeded);
    let (own, served) = (parts.routes.unwrap_or_else(routes::default), clients.clone());
    Ok((
        clients,
        Box::new(move |origins| routes::routes(&served, own.clone(), origins)),
    ))
}

async fn run(
    listener: TcpListener,
    (router, places): (Arc<Current<Router>>, AddressLimit),
    clients: Clients,
    tls: Option<Arc<Tls>>,
    cores: Arc<Runtimes>,
    stop: CancellationToken,
) {
    let connections = Connections::default();
    let accepting = listener::accept(
        listener,
        router,
        places,
        connections.clone(),
        &clients,
        tls,
        &cores,
    );
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
