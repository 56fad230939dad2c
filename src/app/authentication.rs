//! How an app authenticates its clients.

use std::{future::Future, sync::Arc};

use super::App;
use crate::{
    call::identity::Identity,
    error::Result,
    net::auth::{self, Authenticator, Credentials, KeyError, Subjects},
};

impl App {
    /// Authenticates clients by an async function instead of the configured tokens. It runs at CONNECT and at
    /// `auth.refresh`; its error is the client's connect error. It has `--call-timeout`; where it panics, that is
    /// [`Code::Internal`](crate::Code::Internal). A later one takes its place.
    ///
    /// ```
    /// use updraft::{App, CallError, Code, Credentials, Identity, Result};
    ///
    /// async fn known(credentials: Credentials) -> Result<Identity> {
    ///     match credentials.token() {
    ///         Some("let me in") => Ok(Identity::of("ada")),
    ///         _ => Err(CallError::new(Code::Unauthenticated, "say the words")),
    ///     }
    /// }
    /// let app = App::new().authenticate(known);
    /// ```
    #[must_use]
    pub fn authenticate<F, Fut>(mut self, function: F) -> Self
    where
        F: Fn(Credentials) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Identity>> + Send + 'static,
    {
        self.deciding = Some(auth::deciding(function));
        self
    }

    /// The authenticator, also for functions that take it.
    pub(super) async fn authenticator(&mut self) -> Result<Arc<Authenticator>, KeyError> {
        let subjects = Arc::<Subjects>::default();
        self.states.share(subjects.clone());
        let (config, deciding) = (&self.config, self.deciding.take());
        let auth = Authenticator::new(&config.auth, deciding, subjects, config.limits.call_timeout).await?;
        let auth = Arc::new(auth);
        self.states.share(auth.clone());
        Ok(auth)
    }
}
