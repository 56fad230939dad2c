//! Connections to a Redis server.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, RedisError, TlsMode,
    aio::{MultiplexedConnection, PubSub},
    sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType},
};
use tokio::{sync::Mutex, time::timeout};
use tokio_rustls::rustls::crypto::aws_lc_rs;

use super::error::BusError;

/// How long the server has for an answer.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// Where Sentinels listen, unless it is said.
const SENTINEL_PORT: u16 = 26379;

/// A server, by its address. What waits for it is boxed: the types of the crate nest so deep that those of an app around them would be
/// too deep for the compiler.
#[derive(Clone)]
pub(super) enum RedisServer {
    One(Box<Client>),
    /// The master of a name, wherever it is now.
    Watched(Arc<Mutex<SentinelClient>>),
}

impl RedisServer {
    /// By its URL.
    pub(super) fn new(url: &str) -> Result<Self, BusError> {
        // Of several providers that a program has built in, none would be chosen. It fails where one is already.
        let _ = aws_lc_rs::default_provider().install_default();
        let (scheme, rest) = url.split_once("://").ok_or(BusError::Url)?;
        match scheme {
            "redis" | "rediss" | "unix" => match Client::open(url) {
                Ok(client) => Ok(Self::One(Box::new(client))),
                Err(_) => Err(BusError::Url),
            },
            "redis-sentinel" => watched("redis", rest).ok_or(BusError::Url),
            "rediss-sentinel" => watched("rediss", rest).ok_or(BusError::Url),
            _ => Err(BusError::Url),
        }
    }

    /// A connection for commands.
    pub(super) fn connect(&self) -> BoxFuture<'_, Result<MultiplexedConnection, BusError>> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        Box::pin(within(async move {
            let client = self.client().await?;
            client.get_multiplexed_async_connection_with_config(&config).await
        }))
    }

    /// A connection for subscriptions.
    pub(super) fn subscriber(&self) -> BoxFuture<'_, Result<PubSub, BusError>> {
        Box::pin(within(async { self.client().await?.get_async_pubsub().await }))
    }

    async fn client(&self) -> Result<Client, RedisError> {
        match self {
            Self::One(client) => Ok(Client::clone(client)),
            Self::Watched(sentinels) => {
                let mut sentinels = sentinels.lock().await;
                let looking: BoxFuture<'_, _> = Box::pin(sentinels.async_get_client());
                looking.await
            }
        }
    }
}

/// The master that Sentinels watch: `user:password@host:port,host:port/name`; the password is the master's.
fn watched(scheme: &str, rest: &str) -> Option<RedisServer> {
    let (servers, name) = rest.rsplit_once('/').filter(|(_, name)| !name.is_empty())?;
    let (credentials, hosts) = match servers.rsplit_once('@') {
        Some((credentials, hosts)) => (Some(credentials), hosts),
        None => (None, servers),
    };
    let sentinel = |host: &str| match host.contains(':') {
        true => format!("{scheme}://{host}"),
        false => format!("{scheme}://{host}:{SENTINEL_PORT}"),
    };
    let sentinels: Vec<String> = hosts.split(',').map(sentinel).collect();
    let mut master = SentinelNodeConnectionInfo::default();
    if let Some(credentials) = credentials {
        let anywhere: ConnectionInfo = format!("redis://{credentials}@localhost").parse().ok()?;
        master = master.set_redis_connection_info(anywhere.redis_settings().clone());
    }
    if scheme == "rediss" {
        master = master.set_tls_mode(TlsMode::Secure);
    }
    let client = SentinelClient::build(sentinels, name, Some(master), SentinelServerType::Master);
    Some(RedisServer::Watched(Arc::new(Mutex::new(client.ok()?))))
}

/// What the server answers in time.
pub(super) async fn within<T>(answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, BusError> {
    match timeout(ANSWER, answer).await {
        Ok(answered) => answered.map_err(BusError::from),
        Err(_) => Err(BusError::Away("it does not answer".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_malformed_url_is_refused_without_a_word_of_its_password() {
        for url in [
            "",
            "hunter2@localhost",
            "http://:hunter2@localhost",
            "redis://:hunter2@localhost:port",
            "redis-sentinel://:hunter2@localhost",
            "redis-sentinel://:hunter2@localhost/",
            "redis-sentinel://:hunter2@localhost:port/shop",
        ] {
            let Err(refusal) = RedisServer::new(url) else {
                panic!("{url} was taken");
            };
            let said = format!("{refusal} {refusal:?}");
            assert!(!said.contains("hunter2"), "{said}");
            assert!(said.contains("redis://user:password@host:port"), "{said}");
        }
        for url in [
            "redis://localhost",
            "rediss://ada:hunter%3F2@redis.example.org:6380",
            "redis-sentinel://ada:hunter2@one,two:26380/shop",
            "rediss-sentinel://one/shop",
        ] {
            assert!(RedisServer::new(url).is_ok(), "{url}");
        }
    }
}
