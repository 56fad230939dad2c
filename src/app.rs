//! The app that a user builds: modules, shared state, configuration.

use axum::Router;
use socketioxide::SocketIo;

use crate::{
    call::{
        dispatch::Dispatcher,
        module::Module,
        registry::{Registry, RegistryError},
        states::States,
    },
    config::Config,
    net::server::{self, ServeError, Server},
};

/// An event server in the making.
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
#[derive(Debug, Default)]
pub struct App {
    modules: Vec<Module>,
    states: States,
    config: Config,
}

/// Why an app does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A function's name or state is wrong.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The server cannot be reached.
    #[error(transparent)]
    Serve(#[from] ServeError),
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

    /// Shares a value with all functions, which take it as [`State<T>`](crate::State).
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
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
    /// A name that is malformed or taken, state that is missing, an address that cannot be had.
    pub async fn start(self) -> Result<Server, StartError> {
        let (dispatcher, config) = self.into_parts()?;
        Ok(Server::start(dispatcher, config).await?)
    }

    /// The router, for those who have an axum server of their own, and Socket.IO itself, for plain handlers
    /// beside ours (on namespaces other than `/`). Under another listener than ours, reading does not pause
    /// for a crowd of calls, and a client that reads nothing is closed by its heartbeat only.
    ///
    /// # Errors
    /// As [`App::start`], but for the address.
    pub fn into_router(self) -> Result<(Router, SocketIo), StartError> {
        let (dispatcher, config) = self.into_parts()?;
        Ok(server::router(dispatcher, config)?)
    }

    /// The table of functions alone, checked.
    ///
    /// # Errors
    /// A name that is malformed or taken, or state that is missing.
    pub fn into_registry(self) -> Result<Registry, StartError> {
        Ok(Registry::new(self.modules, &self.states)?)
    }

    fn into_parts(self) -> Result<(Dispatcher, Config), StartError> {
        let registry = Registry::new(self.modules, &self.states)?;
        let limits = self.config.limits();
        let dispatcher = Dispatcher::new(registry, self.states, limits, self.config.call_timeout);
        Ok((dispatcher, self.config))
    }
}
