//! The app that a user builds: modules, shared state, configuration.

mod admin;
mod authentication;
mod bus;
mod conflict;
mod directory;
mod emitter;
mod journal;
mod listener;
#[cfg(feature = "socketioxide")]
mod namespace;
mod node;
mod notified;
pub(crate) mod settings_check;
mod start_error;
mod subjects;
mod telemetry;
mod topics;

use std::{fmt, net::TcpListener, sync::Arc};

use axum::Router;
use futures_util::future::BoxFuture;

use self::notified::Notified;
pub use self::{conflict::ConfigError, start_error::StartError};
use crate::{
    admin::Admin,
    call::{
        dispatch::Dispatcher,
        emitter::Emitter,
        heed::HeedFunctions,
        module::Module,
        namespace::Namespace,
        registry::{EventNames, Registry},
        states::States,
        stream::streaming::Streaming,
    },
    config::Config,
    error::Result,
    feed::{self, Declarations, Feed, Topic},
    journal::Journal,
    net::{
        auth::{self, Authenticator, Deciding, Subjects},
        server::{
            lifecycle::{self, Handle, Parts, Server},
            serve_error::ServeError,
            start_tasks::StartTask,
        },
        telemetry::Telemetry,
        tls::acceptor::Tls,
    },
    trace::Tracer,
};

/// An event server in the making: modules, namespaces, topics, state and settings, in any order. Then it is a whole program
/// ([`App::run`]), a server in one ([`App::start`]), a router of an axum server ([`App::into_router`]), or under test
/// ([`TestApp`](crate::testing::TestApp)). What is wrong with it is a [`StartError`] then, never a panic here, but for
/// [`App::routes`].
///
/// ```no_run
/// use std::process::ExitCode;
/// use updraft::{App, Module};
///
/// async fn status() -> &'static str {
///     "online"
/// }
///
/// fn main() -> ExitCode {
///     App::new()
///         .module(Module::new("api.services").on("status", status))
///         .run()
/// }
/// ```
#[derive(Default)]
pub struct App {
    modules: Vec<Module>,
    namespaces: Vec<Namespace>,
    states: States,
    declarations: Declarations,
    journal: Option<Arc<dyn Journal>>,
    projections: Vec<Start>,
    consumers: Vec<Start>,
    routes: Option<Router>,
    deciding: Option<Deciding>,
    emitter: Emitter,
    admin: Option<Admin>,
    tasks: Vec<StartTask>,
    heeded: HeedFunctions,
    telemetry: Option<Arc<Telemetry>>,
    /// Where it is a node: what its bus hears too.
    notified: Notified,
    /// Where it listens instead of where the configuration says.
    listener: Option<TcpListener>,
    config: Config,
}

/// Started after the feed: projections, which become states, and consumers.
type Start = Box<dyn for<'a> FnOnce(&'a Arc<Feed>, &'a mut States) -> BoxFuture<'a, Result<()>> + Send>;

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("modules", &self.modules)
            .field("states", &self.states)
            .field("declarations", &self.declarations)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl App {
    /// An app without modules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a module.
    #[must_use]
    pub fn module(mut self, module: Module) -> Self {
        self.modules.push(module);
        self
    }

    /// Declares a namespace: what happens when clients connect to it and leave it, and the functions for its events. The
    /// namespace `/` is there by itself, for the calls of modules; others are refused (`Invalid namespace`) unless they are
    /// declared. Each is declared once.
    #[must_use]
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.namespaces.push(namespace);
        self
    }

    /// Shares a value with all functions, which take it as [`State<T>`](crate::State). One of a type: a later one takes its place.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Declares a topic. Its events live in the journal. A name is checked when the app starts: ASCII letters,
    /// digits, `_` and `-` between single dots; `<topic>.dead.<name>` is for that consumer's dead letters, `updraft.*` for the server.
    #[must_use]
    pub fn topic(mut self, topic: Topic) -> Self {
        self.states.promise::<Feed>();
        self.declarations.topic(topic);
        self
    }

    /// Keeps topics in this journal, instead of the one that the configuration names. It is not closed when the server stops: the
    /// page of [`journal`](crate::journal) has an example.
    #[must_use]
    pub fn journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Serves routes of your own beside Socket.IO: a page, a webhook. The paths that Updraft answers itself
    /// (`/socket.io/`, `/health/live`, `/health/ready`) go before; all others are yours, `/` among them.
    ///
    /// ```
    /// use axum::{Router, response::Html, routing::get};
    /// use updraft::App;
    ///
    /// let app = App::new().routes(Router::new().route("/", get(async || Html("<h1>Hello</h1>"))));
    /// ```
    ///
    /// # Panics
    /// Where it is called again with a path that was there before, or a second fallback: as [`Router::merge`] does.
    #[must_use]
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = Some(self.routes.unwrap_or_default().merge(routes));
        self
    }

    /// Sets the configuration for [`App::start`] and [`App::into_router`]; [`App::run`] takes it from flags
    /// and the environment.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Starts serving, inside a tokio runtime.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use updraft::{App, Config};
    ///
    /// let server = App::new().config(Config { port: 0, ..Config::default() }).start().await?;
    /// println!("http://{}", server.address());
    /// server.stop().await;
    /// # Ok::<(), updraft::StartError>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Settings that do not go together, a name that is malformed or taken, state or a topic that is missing, a journal or
    /// an address that cannot be had.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(mut self) -> Result<Server, StartError> {
        // First, as what is wrong here should be said before anything has begun.
        let tls = Tls::new(&self.config.tls).map_err(ServeError::from)?;
        let bound = Server::bind(self.listener.take(), &self.config)?;
        Ok(Server::start(self.into_node().await?, bound, tls).await?)
    }

    /// The router for an axum server of your own, and a handle of the server behind it. Calls, topics and routes do as with
    /// [`App::start`]. Address, TLS and connections are your server's: settings and limits of these do nothing, none is read again,
    /// and a function that computes or blocks for long is not moved apart from the sockets.
    ///
    /// It has a fallback (those of [`App::routes`], or a page at `/`): merged into a router that has one too, axum panics.
    ///
    /// [`Handle`] has an example.
    ///
    /// # Errors
    /// As [`App::start`], but for the address.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn into_router(self) -> Result<(Router, Handle), StartError> {
        Ok(lifecycle::router(self.into_node().await?)?)
    }

    /// The table of functions alone, checked: what a server with this configuration has, with `topic.*` if topics are
    /// declared and `auth.refresh` if clients are authenticated.
    ///
    /// # Errors
    /// A name that is malformed or taken, state that is missing, or a topic that is.
    pub fn into_registry(mut self) -> Result<Registry, StartError> {
        Ok(self.assemble()?.0)
    }

    /// Whether an app with this configuration would start, as far as can be seen without its journal, its bus and the network.
    ///
    /// # Errors
    /// As [`App::start`].
    pub(crate) fn check(self) -> Result<(), StartError> {
        self.settings_check().check(&self.config)?;
        self.into_registry().map(drop)
    }

    /// The topics that are declared.
    pub(crate) fn topics(&self) -> &[Topic] {
        self.declarations.topics()
    }

    /// Whether the app itself says where its topics are kept.
    pub(crate) fn has_journal(&self) -> bool {
        self.journal.is_some() || journal::is_configured(&self.config.journal)
    }

    /// The same app with some settings changed.
    #[must_use]
    pub(crate) fn reconfigured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// The functions, and the topics that they are about: all that can be checked before anything begins.
    fn assemble(&mut self) -> Result<(Registry, Vec<Topic>), StartError> {
        self.states.insert(self.emitter.clone());
        self.settings_check().conflicts(&self.config)?;
        self.states.promise::<EventNames>();
        self.states.promise::<Subjects>();
        self.states.promise::<Authenticator>();
        self.states.promise::<Streaming>();
        let topics = std::mem::take(&mut self.declarations).checked()?;
        let mut modules = std::mem::take(&mut self.modules);
        if !topics.is_empty() {
            modules.push(feed::module());
        }
        if self.deciding.is_some() || self.config.auth.has_keys() {
            modules.push(auth::module());
        }
        let mut namespaces = std::mem::take(&mut self.namespaces);
        if let Some(admin) = self.admin.take() {
            namespaces.push(admin.checked()?.into_namespace(&mut self.states));
        }
        let registry = Registry::with_namespaces(modules, namespaces, &self.states)?;
        Ok((registry, topics))
    }

    /// What a server serves, ready to begin.
    ///
    /// # Errors
    /// As [`App::start`], but for the address.
    pub(crate) async fn into_parts(mut self) -> Result<Parts, StartError> {
        let traffic = self.admin.is_some().then(|| self.begin_to_count());
        let (registry, topics) = self.assemble()?;
        let auth = self.authenticator().await?;
        let telemetry = self.telemetry()?;
        let tracer = telemetry.as_ref().map(|telemetry| telemetry.tracer());
        let tracer = tracer.unwrap_or_else(Tracer::off);
        let feed = self.feed(topics, tracer.clone()).await?;
        if let Some(feed) = &feed {
            self.states.share(feed.clone());
            auth.subjects().follow(feed).await.map_err(StartError::Feed)?;
            if let Some(presences) = feed::start_presences(feed).await.map_err(StartError::Feed)? {
                self.states.share(presences);
            }
            for start in self.projections.drain(..).chain(self.consumers.drain(..)) {
                start(feed, &mut self.states).await.map_err(StartError::Feed)?;
            }
        }
        self.states.insert(EventNames::of(&registry));
        let limits = &self.config.limits;
        let streaming = Arc::new(limits.streaming());
        self.states.share(streaming.clone());
        let dispatcher = Dispatcher::new(registry, self.states, limits.payload(), limits.call_timeout);
        let mut dispatcher = dispatcher.streaming_by(streaming).traced_by(tracer);
        if let Some(feed) = &feed {
            dispatcher = dispatcher.remembering(feed.journal().clone());
        }
        Ok(Parts {
            dispatcher,
            feed,
            auth,
            routes: self.routes,
            emitter: self.emitter,
            traffic,
            directory: None,
            subjects: None,
            tasks: self.tasks,
            bus: None,
            telemetry,
            heeded: self.heeded,
            config: self.config,
        })
    }
}
