//! The credentials of a connecting client.

use std::{borrow::Cow, fmt};

use http::{HeaderMap, Uri, header::AUTHORIZATION};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    call::handshake::auth,
    config::AuthConfig,
    error::{CallError, Code, Result},
    net::engineio::parameter,
};

/// Credentials of a client: a token, and the rest of its handshake.
///
/// `Debug` shows nothing of it.
///
/// ```
/// use updraft::{App, CallError, Code, Credentials, Identity, Result};
///
/// async fn known(credentials: Credentials) -> Result<Identity> {
///     match credentials.header("x-user") {
///         Some(user) => Ok(Identity::of(user)),
///         None => Err(CallError::new(Code::Unauthenticated, "the proxy names no user")),
///     }
/// }
/// let app = App::new().authenticate(known);
/// ```
#[derive(Clone, Default)]
pub struct Credentials {
    token: Option<String>,
    auth: Value,
    headers: HeaderMap,
}

impl Credentials {
    /// A token alone.
    pub(super) fn of(token: String) -> Self {
        Self {
            token: Some(token),
            ..Self::default()
        }
    }

    /// The token: `auth.token` of the handshake, else the `authorization` header with or without `Bearer`, else, where
    /// configured, `token` of the query. At `auth.refresh` it is the new one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// What the client gives as `auth`; `{}` where it gives nothing, `null` at `auth.refresh`.
    pub fn auth(&self) -> &Value {
        &self.auth
    }

    /// A header of the connection's first request, where it is text. There are none at `auth.refresh`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// What a client sends when it connects.
#[derive(Clone, Copy)]
pub(crate) struct Handshake<'a> {
    /// What it gives as `auth`, as JSON text.
    pub(crate) auth: Option<&'a str>,
    /// Of its first request.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) uri: &'a Uri,
}

/// The token that a client presents, alone.
///
/// # Errors
/// [`Code::Unauthenticated`] where it is too large to look at.
pub(super) fn token(handshake: Handshake<'_>, config: &AuthConfig) -> Result<Credentials> {
    let Handshake { auth, headers, uri } = handshake;
    let in_header = || bearer(headers.get(AUTHORIZATION)?.to_str().ok()?);
    let in_query = || parameter(uri, "token").filter(|_| config.query);
    let token = in_handshake(auth, config.max_token)?
        .or_else(|| in_header().map(Cow::Borrowed))
        .or_else(|| in_query().map(Cow::Borrowed))
        .filter(|token| !token.is_empty());
    if token.as_ref().is_some_and(|token| token.len() > config.max_token) {
        return Err(too_large(config.max_token));
    }
    Ok(Credentials {
        token: token.map(Cow::into_owned),
        ..Credentials::default()
    })
}

/// All that a client presents.
///
/// # Errors
/// As [`token`].
pub(super) fn everything(handshake: Handshake<'_>, config: &AuthConfig) -> Result<Credentials> {
    Ok(Credentials {
        auth: auth(handshake.auth),
        headers: handshake.headers.clone(),
        ..token(handshake, config)?
    })
}

fn in_handshake(auth: Option<&str>, most: usize) -> Result<Option<Cow<'_, str>>> {
    #[derive(Deserialize)]
    struct Auth<'a> {
        #[serde(borrow, default)]
        token: Option<&'a RawValue>,
    }
    let handshake = auth.and_then(|auth| serde_json::from_str::<Auth<'_>>(auth).ok());
    let Some(token) = handshake.and_then(|handshake| handshake.token) else {
        return Ok(None);
    };
    // In quotes.
    if token.get().len() > most.saturating_add(2) {
        return Err(too_large(most));
    }
    Ok(serde_json::from_str(token.get()).ok().map(Cow::Owned))
}

/// The token of an `authorization` header, which the proof of concept's clients send bare.
fn bearer(header: &str) -> Option<&str> {
    match header.trim().split_once(' ') {
        None => Some(header.trim()),
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim()),
        Some(_) => None,
    }
}

pub(super) fn too_large(most: usize) -> CallError {
    CallError::new(
        Code::Unauthenticated,
        format!("a token is no longer than {most} bytes"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present(auth: Option<&str>, header: Option<&'static str>, query: bool) -> Result<Option<String>> {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.parse().unwrap());
        }
        let config = AuthConfig {
            query,
            max_token: 8,
            ..AuthConfig::default()
        };
        let uri = Uri::from_static("/socket.io/?EIO=4&token=c");
        let handshake = Handshake {
            auth,
            headers: &headers,
            uri: &uri,
        };
        let token = |credentials: Credentials| credentials.token().map(str::to_owned);
        assert_eq!(
            super::token(handshake, &config).map(token),
            everything(handshake, &config).map(token)
        );
        super::token(handshake, &config).map(token)
    }

    #[test]
    fn the_handshake_goes_before_the_header_and_that_before_the_query() {
        let auth = Some(r#"{"token":"a","topics":{}}"#);
        let token = |auth, header, query| present(auth, header, query).unwrap();
        assert_eq!(token(auth, Some("Bearer b"), true).unwrap(), "a");
        for header in ["Bearer b", "bearer  b", "b", " b "] {
            assert_eq!(token(None, Some(header), true).unwrap(), "b", "{header:?}");
        }
        assert_eq!(token(None, Some("Basic b"), true).unwrap(), "c");
        assert_eq!(token(None, None, false), None);
        for none in [
            "5",
            "{}",
            r#"{"token":5}"#,
            r#"{"token":null}"#,
            r#"{"token":""}"#,
            "[",
        ] {
            assert_eq!(token(Some(none), None, false), None, "{none}");
        }
    }

    #[test]
    fn what_is_too_large_is_not_looked_at() {
        let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(9));
        for error in [
            present(Some(&long), None, false),
            present(None, Some("123456789"), false),
        ] {
            assert_eq!(error.unwrap_err().code(), Code::Unauthenticated);
        }
    }
}
