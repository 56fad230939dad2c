//! Connections to the database: each is driven on the runtime that it was named on, whichever core asks.

use std::{
    future::poll_fn,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::Connect;
use futures_util::future::BoxFuture;
use tokio::{runtime::Handle, task::JoinHandle, time::timeout};
use tokio_postgres::{
    AsyncMessage, CancelToken, Client, Config, Connection, Error, Row, Socket,
    config::{LoadBalanceHosts, TargetSessionAttrs},
    error::SqlState,
    tls::TlsStream,
    types::{ToSql, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use tokio_util::task::AbortOnDropHandle;

use super::{
    error::PostgresError,
    receivers::{EndWithConnection, Receivers},
};

/// Longest that one address takes to be reached. Several are tried one after the other, within what a caller waits.
const CONNECT: Duration = Duration::from_secs(2);

/// Longest that a server takes to hear that nobody waits for a query any more.
const CANCEL: Duration = Duration::from_secs(5);

/// A connection to a database that says nothing for so long is asked whether it is there; what it does not acknowledge for
/// so long ends it.
const IDLE: Duration = Duration::from_secs(10);
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// The same for the server, where a node is gone without a word, or cut off: by default a server keeps its connections for two
/// hours, and what one of them holds.
const SERVER_NOTICES: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 5; \
    SET tcp_user_timeout = 20000";

/// What the server shows connections as, where the URL does not say so.
const NAME: &str = "updraft";

/// A value and its type: what is asked uses no prepared statement, so that PgBouncer may stand between.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A database, by one of its addresses.
#[derive(Clone)]
pub(crate) struct Database {
    config: Config,
    tls: MakeRustlsConnect,
    runtime: Handle,
}

/// What a connection says by itself.
#[derive(Clone, Default)]
pub(crate) struct Said {
    /// A commit was not waited for, as it should have been: it may be lost with this server.
    warned: Arc<AtomicBool>,
    /// Where its notifications go.
    receivers: Option<Receivers>,
}

impl Said {
    /// Whether a commit since the last time was not waited for.
    pub(crate) fn take_warning(&self) -> bool {
        self.warned.swap(false, Ordering::Relaxed)
    }

    /// With receivers of its notifications.
    pub(super) fn to(receivers: Receivers) -> Self {
        Self {
            receivers: Some(receivers),
            ..Self::default()
        }
    }

    fn hear(&self, message: &AsyncMessage) {
        match message {
            AsyncMessage::Notification(notification) => {
                self.receivers.iter().for_each(|all| all.hear(notification));
            }
            AsyncMessage::Notice(notice) if *notice.code() == SqlState::WARNING => {
                self.warned.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

fn read(url: &str) -> Result<Config, PostgresError> {
    // Any other text is read as `key=value`, and an error would show what it takes for a key: a password, as like as not.
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(PostgresError::Url);
    }
    Config::from_str(url).map_err(|_| PostgresError::Url)
}

impl Database {
    /// With connections that the server shows under another name, where the URL says none.
    pub(super) fn named(mut self, name: &str) -> Self {
        if self.config.get_application_name() == Some(NAME) {
            self.config.application_name(name);
        }
        self
    }

    /// Whether this is the URL of one.
    pub(crate) fn check(url: &str) -> Result<(), PostgresError> {
        read(url).map(drop)
    }

    /// By its URL, inside a tokio runtime.
    pub(crate) fn new(url: &str) -> Result<Self, PostgresError> {
        let mut config = read(url)?;
        if config.get_application_name().is_none() {
            config.application_name(NAME);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED);
        }
        config.keepalives_idle(IDLE);
        // A standby is not the journal: of several hosts, the one that is the primary.
        if config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        // One that accepts a connection and says nothing is not always tried first.
        config.load_balance_hosts(LoadBalanceHosts::Random);
        Ok(Self {
            config,
            tls: tls()?,
            runtime: Handle::current(),
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// A connection of its own. It may take long where a server accepts it and says nothing: the caller bounds it, and what was
    /// begun ends with it.
    pub(crate) async fn connect(&self, said: &Said) -> Result<Client, Error> {
        self.open(said.clone()).await.map(|(client, _)| client)
    }

    /// Asks by the connection that is kept, or by another where it has ended. One that failed is not asked again.
    pub(crate) async fn ask(
        &self,
        kept: &mut Option<Client>,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, PostgresError> {
        let client = match kept.take() {
            Some(client) if !client.is_closed() => client,
            _ => self.connect(&Said::default()).await?,
        };
        let rows = client.query_typed(sql, parameters).await?;
        *kept = Some(client);
        Ok(rows)
    }

    async fn open(&self, said: Said) -> Result<(Client, JoinHandle<()>), Error> {
        let (this, runtime) = (self.clone(), self.runtime.clone());
        let opening = AbortOnDropHandle::new(self.runtime.spawn(async move {
            let (client, connection) = this.config.connect(this.tls).await?;
            let driven = runtime.spawn(drive(connection, said));
            client.batch_execute(SERVER_NOTICES).await?;
            Ok((client, driven))
        }));
        match opening.await {
            Ok(opened) => opened,
            // The runtime has ended, and what waits with it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Ends a query that nobody waits for any more, so that it does not go on beside those that come after it.
    pub(crate) fn cancel(&self, query: CancelToken) {
        let tls = self.tls.clone();
        self.runtime.spawn(async move {
            if let Ok(Err(error)) = timeout(CANCEL, query.cancel_query(tls)).await {
                tracing::debug!("a query could not be cancelled: {error}");
            }
        });
    }
}

/// For the pool.
impl Connect for Database {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        Box::pin(self.open(Said::default()))
    }
}

/// Moves what is asked and answered, until the client is dropped or the connection ends.
async fn drive(mut connection: Connection<Socket, impl TlsStream + Unpin>, said: Said) {
    // However it ends.
    let _ended = said.receivers.clone().map(EndWithConnection);
    while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
        match message {
            Ok(message) => said.hear(&message),
            Err(error) => {
                tracing::debug!("a connection to the database ended: {error}");
                break;
            }
        }
    }
}

/// What the database answers in time.
pub(crate) async fn within<T, E: Into<PostgresError>>(
    time: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, PostgresError> {
    match timeout(time, answer).await {
        Ok(answered) => answered.map_err(Into::into),
        Err(_) => Err(PostgresError::Database("it does not answer".to_owned())),
    }
}

/// By the system's certificates; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
fn tls() -> Result<MakeRustlsConnect, PostgresError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| PostgresError::Database(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_malformed_url_is_refused_without_a_word_of_its_password() {
        for url in [
            "mysql://ada:hunter2@db/shop",
            "ada:hunter2@db/shop",
            "password=hunter2 hunter2",
            "postgres:ada:hunter2@db",
            "postgres://ada:hunter2@db:port/shop",
            "postgres://db/shop?hunter2=1",
        ] {
            let Err(refusal) = Database::new(url) else {
                panic!("{url} was taken");
            };
            let said = format!("{refusal} {refusal:?}");
            assert!(!said.contains("hunter2"), "{said}");
            assert!(said.contains("postgres://user:password@host/name"), "{said}");
        }
        for url in [
            "postgres://ada:hunter%3F2@db,standby/shop",
            "postgresql:///shop?host=/run",
        ] {
            assert!(Database::new(url).is_ok(), "{url}");
        }
    }
}
