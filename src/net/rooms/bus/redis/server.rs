//! Connections to a Redis server.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, RedisError,
    aio::{MultiplexedConnection, PubSub},
};
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use super::error::BusError;

/// How long the server has for an answer.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// A server, by its address.
#[derive(Clone)]
pub(super) struct RedisServer(Client);

impl RedisServer {
    /// By its URL.
    pub(super) fn new(url: &str) -> Result<Self, BusError> {
        let is_known = ["redis://", "rediss://", "unix://"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        if !is_known {
            return Err(BusError::Url);
        }
        // Of several providers that a program has built in, none would be chosen. It fails where one is already.
        let _ = aws_lc_rs::default_provider().install_default();
        Client::open(url).map(Self).map_err(|_| BusError::Url)
    }

    /// A connection for commands.
    pub(super) async fn connect(&self) -> Result<MultiplexedConnection, BusError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        within(self.0.get_multiplexed_async_connection_with_config(&config)).await
    }

    /// A connection for subscriptions.
    pub(super) async fn subscriber(&self) -> Result<PubSub, BusError> {
        within(self.0.get_async_pubsub()).await
    }
}

/// What the server answers in time.
pub(super) async fn within<T>(answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, BusError> {
    match timeout(ANSWER, answer).await {
        Ok(answered) => answered.map_err(BusError::from),
        Err(_) => Err(BusError::Away("it does not answer".to_owned())),
    }
}
