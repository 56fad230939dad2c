//! How a client connects to a namespace, and where its packets come in.

use std::{convert::Infallible, fmt, sync::Arc};

use socketioxide::{
    ProtocolVersion,
    adapter::Adapter,
    handler::{self, ConnectHandler, FromConnectParts, MessageHandler},
    socket::Socket,
};

use super::{
    shared::Shared,
    socket::{EVENT, NamespaceSocket},
};
use crate::{
    call::payload::Arrived,
    error::{CallError, Code, Result},
    net::auth::{Handshake, Identified},
};

/// Authenticates clients at CONNECT, and answers their calls.
pub(super) fn handler<A: Adapter>(shared: &Arc<Shared>) -> impl ConnectHandler<A, Connecting> + use<A> {
    let shared = shared.clone();
    // In a middleware, since CONNECT is answered before the connect handler runs, and a first event that
    // follows at once would find no handler.
    Connected.with(move |client: ConnectRequest<A>| answer_connect(client, shared))
}

async fn answer_connect<A: Adapter>(
    client: ConnectRequest<A>,
    shared: Arc<Shared>,
) -> Result<(), ConnectRefused<A>> {
    let ConnectRequest { socket, auth } = client;
    let admitted = match admit(&socket, auth.as_deref(), shared).await {
        Ok(admitted) => admitted,
        Err(error) => {
            tracing::debug!(%error, "a client was refused");
            return Err(ConnectRefused { error, socket });
        }
    };
    socket.extensions.insert(admitted.clone());
    socket.on(EVENT, Calls(admitted.clone()));
    socket.on_fallback(OtherEvents(admitted.clone()));
    socket.on_disconnect(async move || admitted.disconnected());
    Ok(())
}

async fn admit<A: Adapter>(
    socket: &Arc<Socket<A>>,
    auth: Option<&str>,
    shared: Arc<Shared>,
) -> Result<Arc<NamespaceSocket<A>>> {
    let identified = identify(socket, auth, &shared).await;
    if let Err(error) = &identified
        && !shared.config.auth.at_first_call
    {
        return Err(error.clone());
    }
    let known = identified.as_ref();
    let identity = known
        .map(|identified| identified.identity.clone())
        .map_err(Clone::clone);
    let admitted = NamespaceSocket::new(socket, identity, shared.clone())?;
    // Revocations find it from now on; and one that was revoked just before is found here.
    if let Ok(identified) = &identified {
        shared.auth.check_again(identified)?;
    }
    Ok(admitted)
}

async fn identify<A: Adapter>(
    socket: &Arc<Socket<A>>,
    auth: Option<&str>,
    shared: &Shared,
) -> Result<Identified> {
    let request = socket.req_parts();
    let handshake = Handshake {
        auth,
        headers: &request.headers,
        uri: &request.uri,
    };
    shared.auth.identify(handshake).await
}

/// Why a client may not connect.
struct ConnectRefused<A: Adapter> {
    error: CallError,
    socket: Arc<Socket<A>>,
}

impl<A: Adapter> fmt::Display for ConnectRefused<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error.message())
    }
}

impl<A: Adapter> Drop for ConnectRefused<A> {
    /// Clients of the 2.x generation get the error, and stay until they are disconnected.
    fn drop(&mut self) {
        if self.socket.protocol() == ProtocolVersion::V4 {
            let _ = self.socket.clone().disconnect();
        }
    }
}

/// A client that is connecting: the socket itself, which socketioxide's own extractors wrap, and its handshake.
struct ConnectRequest<A: Adapter> {
    socket: Arc<Socket<A>>,
    auth: Option<String>,
}

impl<A: Adapter> FromConnectParts<A> for ConnectRequest<A> {
    type Error = Infallible;

    fn from_connect_parts(
        socket: &Arc<Socket<A>>,
        auth: &Option<handler::Value>,
    ) -> Result<Self, Infallible> {
        Ok(Self {
            socket: socket.clone(),
            auth: text(auth.as_ref()).map(str::to_owned),
        })
    }
}

fn text(value: Option<&handler::Value>) -> Option<&str> {
    value.and_then(handler::Value::as_str).map(|text| &**text)
}

/// Marks handlers of this crate among those that socketioxide calls.
#[derive(Debug)]
pub struct Connecting;

/// Runs once CONNECT is answered; before, the client would drop events.
#[derive(Clone)]
struct Connected;

impl<A: Adapter> ConnectHandler<A, Connecting> for Connected {
    fn call(&self, socket: Arc<Socket<A>>, auth: Option<handler::Value>) {
        if let Some(admitted) = socket.extensions.get::<Arc<NamespaceSocket<A>>>() {
            admitted.connected(text(auth.as_ref()));
        }
    }
}

/// Takes `event` packets. It runs on the connection's reader, so in order; an async handler would be
/// spawned, and reordered.
struct Calls<A: Adapter>(Arc<NamespaceSocket<A>>);

impl<A: Adapter> MessageHandler<A, Connecting> for Calls<A> {
    fn call(&self, _: Arc<Socket<A>>, value: handler::Value, ack: Option<i64>) {
        let handler::Value::Str(text, attachments) = value else {
            let message = "calls are read from JSON, and this server's parser is another";
            return self.0.refuse_other(ack, &CallError::new(Code::BadCall, message));
        };
        let arrived = Arrived {
            // A copy: the text may lie in the connection's read buffer, which would live as long as it.
            text: String::from(text).into(),
            attachments: attachments.map(Vec::from).unwrap_or_default(),
        };
        self.0.take_in(arrived, ack);
    }
}

/// Answers packets that no handler is registered for, so that a client that waits for an ack does not wait for ever.
struct OtherEvents<A: Adapter>(Arc<NamespaceSocket<A>>);

impl<A: Adapter> MessageHandler<A, Connecting> for OtherEvents<A> {
    fn call(&self, _: Arc<Socket<A>>, _: handler::Value, ack: Option<i64>) {
        let unknown = CallError::new(Code::UnknownEvent, "calls are emitted as 'event'");
        self.0.refuse_other(ack, &unknown);
    }
}
