//! A client that wants to connect to a namespace: who it is, and whether it may be there.

use std::sync::Arc;

use http::HeaderMap;

use super::{client_socket::ClientSocket, shared::Shared};
use crate::{
    error::Result,
    net::{
        auth::{self, Identified},
        engineio::Session,
        metrics::Limit,
    },
};

pub(super) struct Knocking {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Arc<Session>,
    pub(super) namespace: Arc<str>,
    /// What it gives as `auth`, as JSON text.
    pub(super) auth: Option<String>,
    /// What existing clients give beside the namespace's name.
    pub(super) query: Option<String>,
}

impl Knocking {
    /// The socket, where it may be there.
    ///
    /// # Errors
    /// Why it may not.
    pub(super) async fn let_in(&self) -> Result<Arc<ClientSocket>> {
        let shared = &self.shared;
        let identified = self.identify().await;
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
        let socket = ClientSocket::new(
            self.session.clone(),
            self.namespace.clone(),
            identity,
            shared.clone(),
        )?;
        // Whoever revokes finds it from now on; and who was revoked just before is found here.
        if let Ok(identified) = &identified {
            let held = shared.auth.check_again(identified);
            held.inspect_err(|_| shared.metrics.refused(Limit::Revoked))?;
            socket.part.of(&shared.shares, identified.identity.subject())?;
        }
        Ok(socket)
    }

    async fn identify(&self) -> Result<Identified> {
        let none = HeaderMap::new();
        let head = self.session.head();
        let uri = head.map(|head| head.uri.clone()).unwrap_or_default();
        let query = self.query.as_deref().map(as_json);
        let handshake = auth::Handshake {
            auth: self.auth.as_deref().or(query.as_deref()),
            headers: head.map_or(&none, |head| &head.headers),
            uri: &uri,
        };
        self.shared.auth.welcome(handshake).await
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
