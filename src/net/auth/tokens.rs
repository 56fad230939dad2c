//! Whether a token (JWT) holds, and whose it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, errors::ErrorKind};
use serde_json::Value;

use super::{
    credentials::too_large,
    key::{Key, KeyError},
    keys::Keys,
};
use crate::{
    call::identity::{Identity, lookup},
    config::AuthConfig,
    error::{CallError, Code, Result},
};

/// Checks tokens.
pub(in crate::net) struct Tokens {
    keys: Keys,
    validation: Validation,
    subject: String,
    max_token: usize,
}

impl Tokens {
    pub(super) async fn new(config: &AuthConfig) -> Result<Self, KeyError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = config.leeway.as_secs();
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        if !config.audience.is_empty() {
            validation.set_audience(&config.audience);
            required.push("aud");
        }
        if !config.issuer.is_empty() {
            validation.set_issuer(&config.issuer);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        Ok(Self {
            keys: Keys::new(config).await?,
            validation,
            subject: config.subject.clone(),
            max_token: config.max_token,
        })
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`], and why; nothing of the token.
    pub(super) async fn verify(&self, token: &str) -> Result<Identity> {
        if token.len() > self.max_token {
            return Err(too_large(self.max_token));
        }
        let header = decode_header(token).map_err(|_| refused("the token is no JWT that is taken here"))?;
        if header.crit.is_some() {
            return Err(refused("the token wants more (crit) than is understood here"));
        }
        self.keys.look_for(header.kid.as_deref()).await;
        self.identity(self.claims(token, &header)?)
    }

    fn claims(&self, token: &str, header: &Header) -> Result<Value> {
        let keys = self.keys.of(header.kid.as_deref());
        for Key { key, algorithms, .. } in keys {
            // The key says what it is good for, and the token has no say in it.
            if !algorithms.contains(&header.alg) {
                continue;
            }
            let mut validation = self.validation.clone();
            validation.algorithms = algorithms;
            match decode::<Value>(token, &key, &validation) {
                Ok(decoded) => return Ok(decoded.claims),
                Err(error) => match told(error.kind()) {
                    Some(why) => return Err(refused(why)),
                    None => continue,
                },
            }
        }
        Err(refused("the token is not signed with a key that is known here"))
    }

    fn identity(&self, claims: Value) -> Result<Identity> {
        let subject = match lookup(&claims, &self.subject) {
            Some(Value::String(subject)) if !subject.is_empty() => subject.clone(),
            Some(Value::Number(subject)) => subject.to_string(),
            _ => return Err(refused("the token does not say whose it is")),
        };
        let expires = claims.get("exp").and_then(Value::as_f64).and_then(time);
        let expires = expires.ok_or_else(|| refused("the token's exp is no time"))?;
        Ok(Identity::of(subject).with_claims(claims).until(expires))
    }
}

fn time(seconds: f64) -> Option<SystemTime> {
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    UNIX_EPOCH.checked_add(since)
}

/// What is wrong with a token whose signature holds; `None` where it does not.
fn told(error: &ErrorKind) -> Option<&'static str> {
    match error {
        ErrorKind::ExpiredSignature => Some("the token has expired"),
        ErrorKind::ImmatureSignature => Some("the token is not valid yet"),
        ErrorKind::InvalidAudience => Some("the token is for another audience"),
        ErrorKind::InvalidIssuer => Some("the token comes from another issuer"),
        ErrorKind::MissingRequiredClaim(claim) => Some(match claim.as_str() {
            "exp" => "the token has no exp: it would never expire",
            "aud" => "the token has no audience",
            _ => "the token has no issuer",
        }),
        ErrorKind::InvalidClaimFormat(_) | ErrorKind::Json(_) | ErrorKind::Utf8(_) => {
            Some("the token's claims are malformed")
        }
        _ => None,
    }
}

fn refused(why: &'static str) -> CallError {
    CallError::new(Code::Unauthenticated, why)
}
