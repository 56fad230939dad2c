//! A server inside the test, whose functions are the test's own.

use std::{future::Future, time::Duration};

use updraft::{
    App, Config, Module,
    testing::{TestClient, TestServer},
};

use super::{PATIENCE, RawClient};

pub(crate) struct Local {
    pub(crate) server: TestServer,
    /// `http://127.0.0.1:port`
    pub(crate) url: String,
}

impl Local {
    /// Starts an app, which gets a status beside its own functions.
    pub(crate) async fn start(app: App, config: Config) -> Self {
        let status = Module::new("api.services").on("status", async || "online");
        let server = TestServer::start(app.module(status).config(config)).await;
        let url = server.url();
        Self { server, url }
    }

    /// Starts an app as it is by default.
    pub(crate) async fn of(app: App) -> Self {
        Self::start(app, Config::default()).await
    }

    /// A client as users have it.
    pub(crate) async fn connect(&self) -> TestClient {
        self.server.connect().await
    }

    /// A client that sends what a test gives it, packet by packet.
    pub(crate) async fn client(&self) -> RawClient {
        RawClient::connect(&self.url).await
    }
}

/// Waits for something that must come to be.
pub(crate) async fn within_patience<F: Future>(what: &str, happens: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, happens).await {
        Ok(happened) => happened,
        Err(_) => panic!("waited too long for {what}"),
    }
}

/// Waits until `holds`.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    within_patience(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// The same of what has to be asked for.
pub(crate) async fn until_async(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    within_patience(what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Waits until a count that began to rise rises no more; where it stands.
pub(crate) async fn settled(count: impl Fn() -> usize) -> usize {
    within_patience("a count to come to rest", async {
        let (mut last, mut same) = (0, 0);
        while last == 0 || same < 30 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = count();
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        last
    })
    .await
}
