//! CONNECT to a namespace: authenticates the client, and accepts or refuses it.

use std::sync::Arc;

use http::HeaderMap;

use super::{
    client_socket::ClientSocket, open_namespaces::OpenNamespace, session_limits::SessionLimits,
    shared::Shared,
};
use crate::{
    call::{
        handshake::{self, Handshake},
        memory::Account,
    },
    error::{CallError, Code, Result},
    net::{
        auth::{self, Identified},
        engineio::Session,
        metrics::Limit,
    },
};

pub(super) struct ConnectRequest {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Arc<Session>,
    pub(super) limits: Arc<SessionLimits<Arc<ClientSocket>>>,
    /// As the client wrote it.
    pub(super) namespace: Box<str>,
    /// What it gives as `auth`, as JSON text.
    pub(super) auth: Option<String>,
    /// What is held for that.
    held: Account,
}

impl ConnectRequest {
    /// One that connects, with what it gives as `auth`; existing clients give it as a query.
    pub(super) fn new(
        shared: Arc<Shared>,
        session: Arc<Session>,
        limits: Arc<SessionLimits<Arc<ClientSocket>>>,
        namespace: &str,
        auth: Option<&str>,
        query: Option<&str>,
    ) -> Self {
        let auth = auth.map(str::to_owned).or_else(|| query.map(as_json));
        let held = Account::of(session.holder(), auth.as_ref().map_or(0, String::len));
        Self {
            shared,
            session,
            limits,
            namespace: namespace.into(),
            auth,
            held,
        }
    }

    /// Holds what the client gives.
    ///
    /// # Errors
    /// [`Code::Overloaded`] where there is no memory for it.
    pub(super) fn take_in(&self) -> Result<()> {
        self.held.take(self.auth.as_ref().map_or(0, String::len))
    }

    /// The socket, where it may be there.
    ///
    /// # Errors
    /// Why it may not.
    pub(super) async fn accept(&self, place: Arc<OpenNamespace>) -> Result<Arc<ClientSocket>> {
        let shared = &self.shared;
        let identified = match place.table.authenticates {
            true => Ok(shared.auth.anonymous()),
            false => self.identify().await,
        };
        if let Err(error) = &identified {
            tracing::debug!(%error, "a client was refused");
            shared.metrics.refused(Limit::Identity);
            if !shared.config.auth.at_first_call {
                return Err(error.clone());
            }
        }
        let identity = match &identified {
            Ok(identified) => Ok(identified.identity.clone()),
            Err(error) => Err(error.clone()),
        };
        let hello = self.hello(&place);
        let socket = ClientSocket::new(
            self.session.clone(),
            place,
            self.limits.clone(),
            identity,
            shared.clone(),
        )?;
        match self.look_at(&socket, identified, hello).await {
            Ok(()) => Ok(socket),
            Err(error) => {
                socket.disconnected("refused");
                Err(error)
            }
        }
    }

    /// Whether a socket may stay that is there already.
    async fn look_at(
        &self,
        socket: &Arc<ClientSocket>,
        identified: Result<Identified>,
        hello: Option<Handshake>,
    ) -> Result<()> {
        let shared = &self.shared;
        // From now on a revocation finds the socket; one from just before is found here.
        if let Ok(identified) = &identified {
            let held = shared.auth.check_again(identified);
            held.inspect_err(|_| shared.metrics.refused(Limit::Revoked))?;
            socket.part.of(&shared.shares, identified.identity.subject())?;
            socket.part.confirm().await?;
        }
        let let_in = socket.run_connect_hook(hello).await;
        let_in.inspect_err(|_| shared.metrics.refused(Limit::ConnectHook))?;
        // The hook may have said whose it is.
        socket.part.confirm().await?;
        match socket.state.cancellation.is_cancelled() {
            true => Err(CallError::new(
                Code::Forbidden,
                "the connection was ended as it began",
            )),
            false => Ok(()),
        }
    }

    async fn identify(&self) -> Result<Identified> {
        let none = HeaderMap::new();
        let head = self.session.head();
        let uri = head.map(|head| head.uri.clone()).unwrap_or_default();
        let handshake = auth::Handshake {
            auth: self.auth.as_deref(),
            headers: head.map_or(&none, |head| &head.headers),
            uri: &uri,
        };
        self.shared.auth.identify(handshake).await
    }

    /// The handshake for the namespace's hook, where that takes it.
    fn hello(&self, place: &OpenNamespace) -> Option<Handshake> {
        place.table.needs_head().then(|| {
            let head = self.session.head().cloned().unwrap_or_default();
            Handshake::new(handshake::auth(self.auth.as_deref()), head, self.held.clone())
        })
    }
}

/// Existing clients give as a query what others give as `auth`.
fn as_json(query: &str) -> String {
    let fields = form_urlencoded::parse(query.as_bytes());
    let object: serde_json::Map<_, _> = fields
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect();
    serde_json::Value::Object(object).to_string()
}
