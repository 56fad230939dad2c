//! Settings of authentication.

use std::{convert::Infallible, fmt, str::FromStr, time::Duration};

use clap::{Args, builder::BoolishValueParser};

use super::time::{time, time_or_zero, written};

/// How tokens (JWT) are verified. Without secrets and keys every client is anonymous.
///
/// ```
/// let mut config = updraft::Config::default();
/// config.auth.secrets = vec!["at least 32 bytes that nobody knows".into()];
/// config.auth.audience = vec!["shop".to_owned()];
/// ```
#[derive(Args, Clone, Debug, PartialEq)]
pub struct AuthConfig {
    /// Secrets that sign tokens (HS256, HS384, HS512), separated by commas: several during a rotation. Prefer the variable:
    /// other users of the machine can read the command line
    #[arg(
        long = "auth-secrets",
        env = "UPDRAFT_AUTH_SECRETS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "SECRET"
    )]
    pub secrets: Vec<Secret>,

    /// Files with keys, separated by commas, each read again when it changes: a public key in PEM (RS, PS, ES, EdDSA), a
    /// JSON Web Key Set, or a secret. `KID=FILE` is for tokens with this `kid`
    #[arg(
        long = "auth-keys",
        env = "UPDRAFT_AUTH_KEYS",
        value_delimiter = ',',
        value_name = "[KID=]FILE"
    )]
    pub keys: Vec<String>,

    /// URLs of JSON Web Key Sets, separated by commas: https://, or http:// within a trusted network
    #[arg(
        long = "auth-keys-url",
        env = "UPDRAFT_AUTH_KEYS_URL",
        value_delimiter = ',',
        value_name = "URL"
    )]
    pub keys_url: Vec<String>,

    /// How often key sets are fetched; a token with an unknown `kid` fetches them at once, every 10s at most
    #[arg(long = "auth-keys-refresh", env = "UPDRAFT_AUTH_KEYS_REFRESH", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().keys_refresh))]
    pub keys_refresh: Duration,

    /// Accepted audiences (`aud`), separated by commas
    #[arg(long = "auth-audience", env = "UPDRAFT_AUTH_AUDIENCE", value_delimiter = ',', value_parser = name)]
    pub audience: Vec<String>,

    /// Accepted issuers (`iss`), separated by commas
    #[arg(long = "auth-issuer", env = "UPDRAFT_AUTH_ISSUER", value_delimiter = ',', value_parser = name)]
    pub issuer: Vec<String>,

    /// Clock difference allowed for `exp` and `nbf`, and for `iat` after a revocation
    #[arg(long = "auth-leeway", env = "UPDRAFT_AUTH_LEEWAY", value_name = "TIME", value_parser = time_or_zero,
        default_value = written(Self::default().leeway))]
    pub leeway: Duration,

    /// Claim that holds the subject
    #[arg(long = "auth-subject", env = "UPDRAFT_AUTH_SUBJECT", value_name = "CLAIM", default_value_t = Self::default().subject)]
    pub subject: String,

    /// Largest token, in bytes
    #[arg(long = "auth-max-token", env = "UPDRAFT_AUTH_MAX_TOKEN", value_name = "BYTES", default_value_t = Self::default().max_token)]
    pub max_token: usize,

    /// Accept a token in the query too (`?token=`), where proxies may log it
    #[arg(long = "auth-query", env = "UPDRAFT_AUTH_QUERY", value_parser = BoolishValueParser::new())]
    pub query: bool,

    /// Accept clients without a token as anonymous; an invalid token is refused all the same
    #[arg(long = "auth-optional", env = "UPDRAFT_AUTH_OPTIONAL", value_parser = BoolishValueParser::new())]
    pub optional: bool,

    /// Refuse at the first call instead of at CONNECT: the call gets the message "user hasn`t permission", and the socket
    /// is closed
    #[arg(long = "auth-at-first-call", env = "UPDRAFT_AUTH_AT_FIRST_CALL", value_parser = BoolishValueParser::new())]
    pub at_first_call: bool,

    /// Time between `server.auth_expiring` and the expiry of a token
    #[arg(long = "auth-warning", env = "UPDRAFT_AUTH_WARNING", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().warning))]
    pub warning: Duration,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            keys: Vec::new(),
            keys_url: Vec::new(),
            keys_refresh: Duration::from_secs(10 * 60),
            audience: Vec::new(),
            issuer: Vec::new(),
            leeway: Duration::from_secs(10),
            subject: "sub".to_owned(),
            max_token: 8 << 10,
            query: false,
            optional: false,
            at_first_call: false,
            warning: Duration::from_secs(60),
        }
    }
}

impl AuthConfig {
    /// Whether there is anything to check tokens with.
    pub(crate) fn has_keys(&self) -> bool {
        !(self.secrets.is_empty() && self.keys.is_empty() && self.keys_url.is_empty())
    }
}

/// A name in a list, without the blanks around it: with them, or empty, no token would ever have it.
fn name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a name between two commas is missing".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
