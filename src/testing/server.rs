//! An app on a port of its own.

use std::{fmt, future::Future, ops::Deref, panic::Location, time::Duration};

use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::DropGuard;

use super::{
    app::in_memory,
    client::{TestClient, handshake, refused_at},
    failure::{Line, fail_at},
    published::{caught_up, published},
};
use crate::{
    app::App,
    config::Config,
    error::{CallError, Result},
    journal::Record,
    net::server::lifecycle::Server,
};

/// How long a client may leave a heartbeat unanswered: it reads only while the test waits for it.
const HEARTBEAT: Duration = Duration::from_secs(60 * 60);

/// A server that listens on a free port, for as long as this lives. Its topics live in memory, unless the app names a
/// journal or ([`JournalConfig::data`](crate::JournalConfig::data)) a directory; everything else is as [`App::config`] says, but for the port, and for the ping time-out where it is the default.
///
/// What [`Server`] has, it has too: [`Server::url`], [`Server::revoke`], [`Server::feed`].
///
/// ```
/// # use serde_json::json;
/// # use updraft::{App, Module};
/// use updraft::testing::TestServer;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let status = Module::new("api.services").on("status", async || "online");
/// let server = TestServer::start(App::new().module(status)).await;
/// let mut client = server.connect().await;
/// assert_eq!(client.call("api.services.status").await.data::<String>(), "online");
/// server.stop().await;
/// # });
/// ```
pub struct TestServer {
    server: Server,
    _stop_with_this: DropGuard,
}

impl TestServer {
    /// Starts an app, inside a tokio runtime.
    ///
    /// # Panics
    /// Where it does not start; see [`StartError`](crate::StartError).
    #[track_caller]
    pub fn start(app: App) -> impl Future<Output = Self> {
        let line = Location::caller();
        async move {
            let started = in_memory(app, line).reconfigured(for_tests).start().await;
            match started {
                Ok(server) => Self {
                    _stop_with_this: server.stop_with(),
                    server,
                },
                Err(error) => fail_at(line, format_args!("the server does not start: {error}")),
            }
        }
    }

    /// Connects a client that says nothing of itself.
    ///
    /// # Panics
    /// Where it is refused, or not let in within a minute.
    #[track_caller]
    pub fn connect(&self) -> impl Future<Output = TestClient> {
        self.connected(None, Location::caller())
    }

    /// Connects a client with a handshake, the `auth` of a JS client: `json!({"token": token, "topics": {"board": null}})`.
    ///
    /// # Panics
    /// As [`TestServer::connect`].
    #[track_caller]
    pub fn connect_with(&self, auth: impl Serialize) -> impl Future<Output = TestClient> {
        self.connected(handshake(auth), Location::caller())
    }

    /// The same of a client that may be refused.
    ///
    /// # Errors
    /// What the server tells it: the `data` of a JS client's `connect_error`.
    ///
    /// # Panics
    /// Where the server does not answer within a minute.
    #[track_caller]
    pub fn try_connect_with(
        &self,
        auth: impl Serialize,
    ) -> impl Future<Output = Result<TestClient, CallError>> {
        TestClient::open(self.url(), handshake(auth), Location::caller())
    }

    async fn connected(&self, auth: Option<Value>, line: Line) -> TestClient {
        let opened = TestClient::open(self.url(), auth, line).await;
        opened.unwrap_or_else(|error| refused_at(line, &error))
    }

    /// All that was published to a topic, in order.
    ///
    /// # Panics
    /// Where there is no such topic.
    #[track_caller]
    pub fn published(&self, topic: &str) -> impl Future<Output = Vec<Record>> {
        published(self.feed(), topic, Location::caller())
    }

    /// Waits until a consumer has heard all, as [`TestApp::caught_up`](super::TestApp::caught_up) does.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn caught_up(&self, topic: &str, consumer: &str) -> impl Future<Output = ()> {
        caught_up(self.feed(), topic, consumer, Location::caller())
    }

    /// Stops as a server does ([`Server::stop`]): calls that run get their answers. Dropping it begins the same, and waits for nothing:
    /// what still runs ends with the test's runtime.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

fn for_tests(config: &mut Config) {
    config.port = 0;
    if config.session.ping_timeout == Config::default().session.ping_timeout {
        config.session.ping_timeout = HEARTBEAT;
    }
}

impl Deref for TestServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestServer").field(&self.server).finish()
    }
}
