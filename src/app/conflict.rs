//! Settings that do not go together.

#[cfg(feature = "redis")]
use crate::config::BusConfig;
use crate::config::{AuthConfig, Config, DeflateConfig, TlsConfig};
#[cfg(feature = "postgres")]
use crate::net::forward::authority;

/// What tokens are checked with.
const KEYS: &str = "--auth-secrets, --auth-keys or --auth-keys-url";

/// So many of the largest calls fit the budget: half of it is for those who wait for memory, a message in fragments takes
/// twice its own of that, and one beyond the limit is to get its error.
const CALLS: usize = 8;

/// Why a configuration does not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A setting that does nothing without another one.
    #[error("{setting} does nothing without {missing}")]
    Alone {
        /// Its flag.
        setting: &'static str,
        /// The flags of those of which one is missing.
        missing: &'static str,
    },
    /// Where no other node would reach this one.
    #[cfg(feature = "postgres")]
    #[error("--node-url: '{0}' is no address of a node: write it as http://10.0.0.5:3000")]
    NodeUrl(String),
    /// A node that others cannot speak to.
    #[cfg(feature = "postgres")]
    #[error(
        "--node-url and --tls-cert do not go together: nodes forward by plain HTTP. Let the balancer speak TLS"
    )]
    NodeTls,
    /// A budget in which a call may find no room for ever.
    #[error("--max-memory {memory} is less than {CALLS} calls of --max-call {call}")]
    Memory {
        /// Bytes for all clients together.
        memory: usize,
        /// Bytes of the largest call.
        call: usize,
    },
}

/// Checks that settings go together. An app may have keys of its own.
///
/// # Errors
/// The first that does not.
pub(super) fn check(config: &Config, asks: Asks) -> Result<(), ConfigError> {
    let (auth, default) = (&config.auth, AuthConfig::default());
    if asks == Asks::ByTokens && !auth.has_keys() {
        let refinements = [
            ("--auth-audience", auth.audience != default.audience),
            ("--auth-issuer", auth.issuer != default.issuer),
            ("--auth-leeway", auth.leeway != default.leeway),
            ("--auth-subject", auth.subject != default.subject),
            ("--auth-max-token", auth.max_token != default.max_token),
            ("--auth-query", auth.query),
            ("--auth-optional", auth.optional),
            ("--auth-at-first-call", auth.at_first_call),
            ("--auth-warning", auth.warning != default.warning),
        ];
        alone(&refinements, KEYS)?;
    }
    #[cfg(feature = "postgres")]
    check_node(config)?;
    #[cfg(feature = "redis")]
    if config.bus.redis.is_none() {
        let (bus, default) = (&config.bus, BusConfig::default());
        let settings = [
            ("--bus-prefix", bus.prefix != default.prefix),
            ("--bus-member", bus.member),
        ];
        alone(&settings, "--bus")?;
    }
    if auth.keys_url.is_empty() {
        let is_set = auth.keys_refresh != default.keys_refresh;
        alone(&[("--auth-keys-refresh", is_set)], "--auth-keys-url")?;
    }
    if config.tls.cert.is_none() {
        let is_set = config.tls.hsts != TlsConfig::default().hsts;
        alone(&[("--tls-hsts", is_set)], "--tls-cert")?;
    }
    let deflate = config.session.deflate;
    if !deflate.per_message {
        let is_set = deflate.threshold != DeflateConfig::default().threshold;
        alone(
            &[("--per-message-deflate-threshold", is_set)],
            "--per-message-deflate",
        )?;
    }
    let (memory, call) = (config.limits.memory(), config.limits.max_call);
    match call <= memory / CALLS {
        true => Ok(()),
        false => Err(ConfigError::Memory { memory, call }),
    }
}

/// What makes it one of several.
#[cfg(feature = "postgres")]
fn check_node(config: &Config) -> Result<(), ConfigError> {
    if config.journal.database.is_none() {
        let listens = config.journal.database_listen.is_some();
        let is_named = config.node_url.is_some();
        alone(
            &[("--database-listen", listens), ("--node-url", is_named)],
            "--database",
        )?;
    }
    match &config.node_url {
        Some(url) if authority(url).is_none() => Err(ConfigError::NodeUrl(url.clone())),
        Some(_) if config.tls.cert.is_some() => Err(ConfigError::NodeTls),
        _ => Ok(()),
    }
}

/// How an app authenticates its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// As the configuration says.
    ByTokens,
    /// By a function of its own.
    ByItself,
}

fn alone(settings: &[(&'static str, bool)], missing: &'static str) -> Result<(), ConfigError> {
    match settings.iter().find(|(_, is_set)| *is_set) {
        Some(&(setting, _)) => Err(ConfigError::Alone { setting, missing }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn checked(change: impl FnOnce(&mut Config)) -> Result<(), ConfigError> {
        let mut config = Config::default();
        change(&mut config);
        check(&config, Asks::ByTokens)
    }

    #[test]
    fn what_would_do_nothing_is_an_error_that_says_what_is_missing() {
        let alone = |setting, missing| Err(ConfigError::Alone { setting, missing });
        assert_eq!(checked(|_| {}), Ok(()));
        let audience = |config: &mut Config| config.auth.audience = vec!["a".to_owned()];
        assert_eq!(checked(audience), alone("--auth-audience", KEYS));
        assert_eq!(
            checked(|config| config.auth.optional = true),
            alone("--auth-optional", KEYS)
        );
        let with_keys = |config: &mut Config| {
            audience(config);
            config.auth.secrets = vec!["secret".into()];
        };
        assert_eq!(checked(with_keys), Ok(()));
        let refresh = |config: &mut Config| config.auth.keys_refresh = Duration::from_secs(1);
        assert_eq!(checked(refresh), alone("--auth-keys-refresh", "--auth-keys-url"));
        #[cfg(feature = "postgres")]
        {
            let listens =
                |config: &mut Config| config.journal.database_listen = Some("postgres:///shop".into());
            assert_eq!(checked(listens), alone("--database-listen", "--database"));
            let named = |url: &str| checked(|config| config.node_url = Some(url.to_owned()));
            assert_eq!(named("http://a:3000"), alone("--node-url", "--database"));
            let node = |url: &str, cert: Option<&str>| {
                checked(|config| {
                    config.journal.database = Some("postgres:///shop".into());
                    config.node_url = Some(url.to_owned());
                    config.tls.cert = cert.map(Into::into);
                })
            };
            assert_eq!(node("http://a:3000", None), Ok(()));
            assert_eq!(
                node("a:3000", None),
                Err(ConfigError::NodeUrl("a:3000".to_owned()))
            );
            assert_eq!(node("http://a:3000", Some("cert.pem")), Err(ConfigError::NodeTls));
        }
        #[cfg(feature = "redis")]
        {
            let member = |config: &mut Config| config.bus.member = true;
            assert_eq!(checked(member), alone("--bus-member", "--bus"));
            let prefix = |config: &mut Config| config.bus.prefix = "chat".to_owned();
            assert_eq!(checked(prefix), alone("--bus-prefix", "--bus"));
        }
        let hsts = |config: &mut Config| config.tls.hsts = Duration::ZERO;
        assert_eq!(checked(hsts), alone("--tls-hsts", "--tls-cert"));
        let threshold = |config: &mut Config| config.session.deflate.threshold = 1;
        assert_eq!(
            checked(threshold),
            alone("--per-message-deflate-threshold", "--per-message-deflate")
        );
    }

    #[test]
    fn an_app_that_decides_by_itself_needs_no_keys() {
        let mut config = Config::default();
        config.auth.at_first_call = true;
        assert_eq!(check(&config, Asks::ByItself), Ok(()));
    }

    #[test]
    fn the_budget_has_room_for_calls() {
        let budget = |memory| {
            checked(|config| {
                (config.limits.max_memory, config.limits.max_call) = (Some(memory), 100);
            })
        };
        assert_eq!(budget(800), Ok(()));
        let short = ConfigError::Memory {
            memory: 799,
            call: 100,
        };
        assert_eq!(budget(799), Err(short));
    }
}
