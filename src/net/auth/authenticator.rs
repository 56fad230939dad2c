//! Says who clients are: by their tokens, or as a function of the app's decides.

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
};

/// A function of the app's that says who a client is.
pub(crate) type Deciding = Box<dyn Fn(Credentials) -> BoxFuture<'static, Result<Identity>> + Send + Sync>;

/// Says who clients are.
pub(crate) struct Authenticator {
    way: Way,
    subjects: Arc<Subjects>,
    config: AuthConfig,
    /// Longest that the app's function may take.
    time_limit: Duration,
}

enum Way {
    /// Nobody is asked.
    Nobody,
    Tokens(Box<Tokens>),
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
        let way = match deciding {
            Some(deciding) => Way::App(deciding),
            None if !config.has_keys() => Way::Nobody,
            None => Way::Tokens(Box::new(Tokens::new(config).await?)),
        };
        Ok(Self {
            way,
            subjects,
            config: config.clone(),
            time_limit,
        })
    }

    /// Whether anybody is asked who they are.
    pub(crate) fn asks(&self) -> bool {
        !matches!(self.way, Way::Nobody)
    }

    /// How clients are known, in a line for whoever starts the server.
    pub(crate) fn introduction(&self) -> &'static str {
        match self.way {
            Way::Nobody => "Clients are not asked who they are: all are anonymous.",
            Way::Tokens(_) if self.config.optional => {
                "Clients may show a token (JWT); those without one are anonymous."
            }
            Way::Tokens(_) => "Clients show a token (JWT).",
            Way::App(_) => "The app decides who its clients are.",
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
        match self.way {
            Way::Tokens(_) => self.config.leeway,
            Way::Nobody | Way::App(_) => Duration::ZERO,
        }
    }

    /// Who a client is that connects.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate`].
    pub(crate) async fn welcome(&self, handshake: Handshake<'_>) -> Result<Identified> {
        let credentials = match self.way {
            Way::Nobody => Credentials::default(),
            Way::Tokens(_) => credentials::token(handshake, &self.config)?,
            Way::App(_) => credentials::everything(handshake, &self.config)?,
        };
        self.authenticate(credentials).await
    }

    /// Who a client is.
    ///
    /// # Errors
    /// What it is told where it does not say so, or not so that it holds.
    pub(super) async fn authenticate(&self, credentials: Credentials) -> Result<Identified> {
        let begun = self.subjects.now();
        let identity = match &self.way {
            Way::Nobody => Identity::ANONYMOUS,
            Way::Tokens(tokens) => match credentials.token() {
                Some(token) => self.verified(tokens, token).await?,
                None if self.config.optional => Identity::ANONYMOUS,
                None => return Err(CallError::new(Code::Unauthenticated, "a token is missing")),
            },
            Way::App(deciding) => self.decided(deciding, credentials).await?,
        };
        let identified = Identified { identity, begun };
        self.check_again(&identified)?;
        Ok(identified)
    }

    /// Whether it still holds once the client's socket is known to whoever revokes.
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
        match self.subjects.refuses(&identity) {
            true => Err(revoked()),
            false => Ok(identity),
        }
    }

    async fn decided(&self, deciding: &Deciding, credentials: Credentials) -> Result<Identity> {
        let deciding = async { deciding(credentials).await };
        let caught = AssertUnwindSafe(tokio::time::timeout(self.time_limit, deciding)).catch_unwind();
        match caught.await {
            Ok(Ok(decided)) => decided,
            Ok(Err(_)) => Err(CallError::new(
                Code::Timeout,
                "who you are was not decided in time",
            )),
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

/// What one whose rights are gone is told.
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
