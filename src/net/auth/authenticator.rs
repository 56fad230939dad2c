//! Authenticates clients: by their tokens, or by a function of the app.

use std::{fmt, future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};

use super::{
    credentials::{self, Credentials, Handshake},
    key::KeyError,
    subjects::{Moment, Subjects},
    tokens::Tokens,
};
use crate::{
    call::identity::Identity,
    config::AuthConfig,
    error::{CallError, Code, Result},
    net::current::Current,
};

/// A function of the app that authenticates a client.
pub(crate) type Deciding = Box<dyn Fn(Credentials) -> BoxFuture<'static, Result<Identity>> + Send + Sync>;

/// Authenticates clients.
pub(crate) struct Authenticator {
    method: Method,
    subjects: Arc<Subjects>,
    config: AuthConfig,
    /// Longest that the app's function may take.
    time_limit: Duration,
}

enum Method {
    /// No authentication: every client is anonymous.
    Anonymous,
    Tokens(Current<Tokens>),
    App(Deciding),
}

impl Authenticator {
    /// As configured, unless the app has a function of its own for it.
    ///
    /// # Errors
    /// Keys that cannot be had.
    pub(crate) async fn new(
        config: &AuthConfig,
        deciding: Option<Deciding>,
        subjects: Arc<Subjects>,
        time_limit: Duration,
    ) -> Result<Self, KeyError> {
        let method = match deciding {
            Some(deciding) => Method::App(deciding),
            None if !config.has_keys() => Method::Anonymous,
            None => Method::Tokens(Current::new(Tokens::new(config).await?)),
        };
        Ok(Self {
            method,
            subjects,
            config: config.clone(),
            time_limit,
        })
    }

    /// Reads the keys of another configuration, and what it asks of tokens, if tokens are asked for.
    ///
    /// # Errors
    /// Keys that cannot be had.
    pub(in crate::net) async fn read_keys(&self, config: &AuthConfig) -> Result<Option<Tokens>, KeyError> {
        match self.method {
            Method::Tokens(_) => Tokens::new(config).await.map(Some),
            Method::Anonymous | Method::App(_) => Ok(None),
        }
    }

    /// Tokens are checked by these from now on. Clients that are there stay.
    pub(in crate::net) fn replace_keys(&self, keys: Tokens) {
        if let Method::Tokens(tokens) = &self.method {
            tokens.replace(keys);
        }
    }

    /// Whether clients are authenticated.
    pub(crate) fn asks(&self) -> bool {
        !matches!(self.method, Method::Anonymous)
    }

    /// How clients are authenticated, as a line for the server's output.
    pub(crate) fn introduction(&self) -> &'static str {
        match self.method {
            Method::Anonymous => {
                "Tokens are not checked: clients are anonymous, unless a hook or a function identifies them."
            }
            Method::Tokens(_) if self.config.optional => {
                "Clients may show a token (JWT); those without one are anonymous."
            }
            Method::Tokens(_) => "Clients show a token (JWT).",
            Method::App(_) => "Clients are authenticated by the app.",
        }
    }

    pub(crate) fn subjects(&self) -> &Arc<Subjects> {
        &self.subjects
    }

    pub(crate) fn config(&self) -> &AuthConfig {
        &self.config
    }

    /// How long after its end an identity is still taken.
    pub(crate) fn leeway(&self) -> Duration {
        match self.method {
            Method::Tokens(_) => self.config.leeway,
            Method::Anonymous | Method::App(_) => Duration::ZERO,
        }
    }

    /// The identity of a connecting client.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate`].
    pub(crate) async fn identify(&self, handshake: Handshake<'_>) -> Result<Identified> {
        let credentials = match self.method {
            Method::Anonymous => Credentials::default(),
            Method::Tokens(_) => credentials::token(handshake, &self.config)?,
            Method::App(_) => credentials::everything(handshake, &self.config)?,
        };
        self.authenticate(credentials).await
    }

    /// That of a client that is not asked.
    pub(crate) fn anonymous(&self) -> Identified {
        Identified {
            identity: Identity::ANONYMOUS,
            begun: self.subjects.now(),
        }
    }

    /// The identity of a client.
    ///
    /// # Errors
    /// What it is told where it does not say so, or not so that it holds.
    pub(super) async fn authenticate(&self, credentials: Credentials) -> Result<Identified> {
        let begun = self.subjects.now();
        let identity = match &self.method {
            Method::Anonymous => Identity::ANONYMOUS,
            Method::Tokens(tokens) => match credentials.token() {
                Some(token) => self.verified(&tokens.get(), token).await?,
                None if self.config.optional => Identity::ANONYMOUS,
                None => return Err(CallError::new(Code::Unauthenticated, "a token is missing")),
            },
            Method::App(deciding) => self.decided(deciding, credentials).await?,
        };
        let identified = Identified { identity, begun };
        self.check_again(&identified)?;
        Ok(identified)
    }

    /// Checks the identity again once its socket can be revoked.
    ///
    /// # Errors
    /// Where its subject was revoked meanwhile.
    pub(crate) fn check_again(&self, identified: &Identified) -> Result<()> {
        match identified.identity.subject() {
            Some(subject) if self.subjects.was_revoked_since(subject, identified.begun) => Err(revoked()),
            _ => Ok(()),
        }
    }

    async fn verified(&self, tokens: &Tokens, token: &str) -> Result<Identity> {
        let identity = tokens.verify(token).await?;
        match self.subjects.refuses(&identity, self.config.leeway) {
            true => Err(revoked()),
            false => Ok(identity),
        }
    }

    async fn decided(&self, deciding: &Deciding, credentials: Credentials) -> Result<Identity> {
        let deciding = async { deciding(credentials).await };
        let caught = AssertUnwindSafe(tokio::time::timeout(self.time_limit, deciding)).catch_unwind();
        match caught.await {
            Ok(Ok(decided)) => decided,
            Ok(Err(_)) => Err(CallError::new(Code::Timeout, "authentication timed out")),
            Err(_) => Err(CallError::internal("the app's own authentication panicked")),
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}

/// An identity, and when it began to be found out.
pub(crate) struct Identified {
    pub(crate) identity: Identity,
    begun: Moment,
}

/// The error of an ended identity.
pub(crate) fn revoked() -> CallError {
    CallError::new(Code::Unauthenticated, "the identity was revoked")
}

/// A function of the app's, its type forgotten.
pub(crate) fn deciding<F, Fut>(function: F) -> Deciding
where
    F: Fn(Credentials) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Identity>> + Send + 'static,
{
    Box::new(move |credentials| Box::pin(function(credentials)))
}
