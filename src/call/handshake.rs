//! What a client says, and what is known of it, when it connects to a namespace.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::SystemTime,
};

use http::{HeaderMap, Uri, header::COOKIE};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    context::Context,
    extract::{FromCall, Origin},
    memory::Account,
    payload::{Call, from_value, whole},
    peer::SocketData,
};
use crate::error::{CallError, Result};

/// How a client came: what it gives as `auth`, its first request's query, headers and cookies, its address. A connect hook takes
/// it, and so may any function of the namespace; where one does, each socket keeps its own for as long as it lives (some KB).
///
/// `Debug` shows nothing of it.
///
/// ```
/// use serde::Deserialize;
/// use updraft::{CallError, Code, Context, Handshake, Identity, Namespace, Result};
///
/// #[derive(Deserialize)]
/// struct Login { name: String }
///
/// async fn arrived(hello: Handshake, cx: Context) -> Result<()> {
///     let login: Login = hello.auth_as()?;            // io(url, {auth: {name: "Ada"}})
///     if hello.cookie("sid").is_none() {
///         return Err(CallError::new(Code::Unauthenticated, "log in first"));
///     }
///     cx.identify(Identity::of(login.name))
/// }
/// let namespace = Namespace::new("/").connect(arrived);
/// ```
#[derive(Clone)]
pub struct Handshake(Arc<Parts>);

/// What a handshake consists of.
pub(crate) struct Parts {
    pub(crate) auth: Value,
    pub(crate) head: Arc<Head>,
    pub(crate) time: SystemTime,
    /// What is held for it.
    _held: Account,
}

/// The request that a session began with, and whence it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) headers: HeaderMap,
    pub(crate) uri: Uri,
    pub(crate) origin: Option<Whence>,
}

/// Whence a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whence {
    /// The client's, also behind a proxy that is trusted.
    pub(crate) address: IpAddr,
    /// Whether it came by TLS.
    pub(crate) is_secure: bool,
}

impl Handshake {
    pub(crate) fn new(auth: Value, head: Arc<Head>, held: Account) -> Self {
        Self(Arc::new(Parts {
            auth: match auth {
                Value::Null => nothing(),
                given => given,
            },
            head,
            time: SystemTime::now(),
            _held: held,
        }))
    }

    /// Keeps it on its socket, for the functions that take it.
    pub(crate) fn keep(self, data: &SocketData) {
        data.set(Kept(self));
    }

    /// Keeps it on its socket no longer.
    pub(crate) fn forget(data: &SocketData) {
        data.remove::<Kept>();
    }

    /// What the client gives as `auth` for this namespace; a 2.x client, the query behind the namespace's name. `{}` where it
    /// gives nothing, as in Node.
    pub fn auth(&self) -> &Value {
        &self.0.auth
    }

    /// The same as a type. Where the client gives nothing, a type whose fields are all optional fits, and so does any in an
    /// `Option`.
    ///
    /// # Errors
    /// [`Code::InvalidData`](crate::Code::InvalidData) where it does not fit.
    pub fn auth_as<T: DeserializeOwned>(&self) -> Result<T> {
        let auth = from_value(self.0.auth.clone(), "auth");
        match self.0.auth == nothing() {
            true => auth.or_else(|error| T::deserialize(Value::Null).map_err(|_| error)),
            false => auth,
        }
    }

    /// A parameter of the first request's query, decoded: `io(url, {query: {room: "a b"}})`.
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let query = self.0.head.uri.query()?.as_bytes();
        let mut named = form_urlencoded::parse(query).filter(|(key, _)| key == name);
        named.next().map(|(_, value)| value)
    }

    /// A header of the first request, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.head.headers.get(name)?.to_str().ok()
    }

    /// All headers of the first request.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.head.headers
    }

    /// A cookie of the first request, as it is written.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let headers = self.0.head.headers.get_all(COOKIE).iter();
        let mut pairs = headers
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The client's address: behind a proxy of `--trusted-proxies`, the one that it forwards for. Unspecified (`0.0.0.0`)
    /// where a server of your own does not say ([`App::into_router`](crate::App::into_router) reads axum's `ConnectInfo`).
    pub fn address(&self) -> IpAddr {
        let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        self.0.head.origin.map_or(unspecified, |origin| origin.address)
    }

    /// Whether it came by TLS: to us, or to a trusted proxy that says so (`X-Forwarded-Proto`, `Forwarded`).
    pub fn is_secure(&self) -> bool {
        self.0.head.origin.is_some_and(|origin| origin.is_secure)
    }

    /// The path and query of the first request.
    pub fn uri(&self) -> &Uri {
        &self.0.head.uri
    }

    /// When it came.
    pub fn time(&self) -> SystemTime {
        self.0.time
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}

impl FromCall for Handshake {
    const ORIGIN: Origin = Origin::Handshake;

    fn from_call(_: &Call, context: &Context) -> Result<Self> {
        let kept = context.socket_data::<Kept>();
        let none =
            || CallError::internal("this socket has no handshake: it is of another server, or of a test");
        kept.map(|kept| kept.0.clone()).ok_or_else(none)
    }
}

/// A socket's handshake among what is kept on it; not one that a function keeps there.
struct Kept(Handshake);

/// The `auth` of a handshake, from what the client wrote.
pub(crate) fn auth(json: Option<&str>) -> Value {
    json.and_then(|json| serde_json::from_str(&whole(json)).ok())
        .unwrap_or_else(nothing)
}

/// The `auth` of a client that gives none.
fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}
