//! Settings that are read again while a server runs: which these are, and how they are applied, all or none.

use std::{fmt, sync::Arc};

use axum::Router;
use tokio::sync::Mutex;

use super::clients::Clients;
use crate::{
    config::Config,
    net::{
        auth::KeyError,
        current::Current,
        limits::{origins::Origins, per_address::AddressLimit},
        socket::connection_settings::ConnectionSettings,
        tls::acceptor::{Pair, Tls, TlsError},
    },
};

/// Takes one setting from the first into the second, where that can be done while a server runs.
type Take = fn(&Config, &mut Config);

/// The settings that may change, by the names of their flags. Origins and proxies hold from the next request on, the certificate and the
/// others for new connections, keys where a client connects or shows another token.
const MAY_CHANGE: [(&str, Take); 24] = [
    ("allowed-origins", |new, now| {
        now.http.allowed_origins.clone_from(&new.http.allowed_origins)
    }),
    ("trusted-proxies", |new, now| {
        now.http.trusted_proxies.clone_from(&new.http.trusted_proxies)
    }),
    ("header-timeout", |new, now| {
        now.http.header_timeout = new.http.header_timeout
    }),
    ("tls-cert", |new, now| now.tls.cert.clone_from(&new.tls.cert)),
    ("tls-key", |new, now| now.tls.key.clone_from(&new.tls.key)),
    ("auth-secrets", |new, now| {
        now.auth.secrets.clone_from(&new.auth.secrets)
    }),
    ("auth-keys", |new, now| now.auth.keys.clone_from(&new.auth.keys)),
    ("auth-keys-url", |new, now| {
        now.auth.keys_url.clone_from(&new.auth.keys_url)
    }),
    ("auth-keys-refresh", |new, now| {
        now.auth.keys_refresh = new.auth.keys_refresh
    }),
    ("auth-audience", |new, now| {
        now.auth.audience.clone_from(&new.auth.audience)
    }),
    ("auth-issuer", |new, now| {
        now.auth.issuer.clone_from(&new.auth.issuer)
    }),
    ("auth-subject", |new, now| {
        now.auth.subject.clone_from(&new.auth.subject)
    }),
    ("min-client", |new, now| {
        now.session.min_client.clone_from(&new.session.min_client)
    }),
    ("tcp-timeout", |new, now| {
        now.session.tcp_timeout = new.session.tcp_timeout
    }),
    ("max-connections", |new, now| {
        now.limits.max_connections = new.limits.max_connections
    }),
    ("max-connections-per-address", |new, now| {
        now.limits.max_connections_per_address = new.limits.max_connections_per_address;
    }),
    ("call-rate", |new, now| {
        now.limits.call_rate = new.limits.call_rate
    }),
    ("call-burst", |new, now| {
        now.limits.call_burst = new.limits.call_burst
    }),
    ("byte-rate", |new, now| {
        now.limits.byte_rate = new.limits.byte_rate
    }),
    ("max-rooms", |new, now| {
        now.limits.max_rooms = new.limits.max_rooms
    }),
    ("max-namespaces", |new, now| {
        now.limits.max_namespaces = new.limits.max_namespaces
    }),
    ("max-running", |new, now| {
        now.limits.max_running = new.limits.max_running
    }),
    ("max-waiting", |new, now| {
        now.limits.max_waiting = new.limits.max_waiting
    }),
    ("read-pause", |new, now| {
        now.limits.read_pause = new.limits.read_pause
    }),
];

/// Whether a server with these settings can take this one from the others: it has a certificate from its start on, or none, and asks for
/// tokens from its start on, or never.
fn may_change(name: &str, now: &Config, wanted: &Config) -> bool {
    match name.split_once('-') {
        Some(("tls", _)) => now.tls.cert.is_some() && wanted.tls.cert.is_some(),
        Some(("auth", _)) => now.auth.has_keys() && wanted.auth.has_keys(),
        _ => true,
    }
}

/// Why settings were not applied: those from before go on, all of them.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// An origin that no browser sends.
    #[error("--allowed-origins: '{origin}' is no origin: {problem}")]
    Origin {
        /// What was configured.
        origin: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Certificate and key are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The keys that tokens are checked with cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// What came of settings that were read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    changed: Vec<&'static str>,
    is_complete: bool,
}

impl Reloaded {
    /// The settings that are in force now and were not before, by the names of their flags: `max-rooms`.
    pub fn changed(&self) -> &[&'static str] {
        &self.changed
    }

    /// Whether nothing else differs: if not, the rest holds after a restart.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// What of a running server can be replaced.
pub(super) struct Reload {
    /// The settings in force.
    pub(super) config: Mutex<Config>,
    pub(super) clients: Clients,
    /// The routes for these origins.
    pub(super) routes: Box<dyn Fn(Origins) -> Router + Send + Sync>,
    pub(super) router: Arc<Current<Router>>,
    pub(super) addresses: AddressLimit,
    pub(super) tls: Option<Arc<Tls>>,
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").finish_non_exhaustive()
    }
}

impl Reload {
    /// Applies what may change of these settings. First all is read that may fail.
    pub(super) async fn apply(&self, wanted: &Config) -> Result<Reloaded, ReloadError> {
        let mut config = self.config.lock().await;
        let (next, changed) = next(&config, wanted);
        let origins = Origins::new(&next.http.allowed_origins)
            .map_err(|(origin, problem)| ReloadError::Origin { origin, problem })?;
        let pair = Pair::read(&next.tls)?;
        let auth = &self.clients.shared.auth;
        let keys = match next.auth == config.auth {
            true => None,
            false => auth.read_keys(&next.auth).await?,
        };
        if let Some((tls, pair)) = self.tls.as_ref().zip(pair) {
            tls.replace(pair);
        }
        if let Some(keys) = keys {
            auth.replace_keys(keys);
        }
        self.addresses.replace(&next);
        self.router.replace((self.routes)(origins));
        let shared = &self.clients.shared;
        shared
            .for_new
            .replace(ConnectionSettings::new(&next, &shared.metrics));
        let is_complete = next == *wanted;
        *config = next;
        Ok(Reloaded { changed, is_complete })
    }
}

/// The settings that hold when those that may change have, and which these are.
fn next(now: &Config, wanted: &Config) -> (Config, Vec<&'static str>) {
    let mut next = now.clone();
    let mut changed = Vec::new();
    for (name, take) in MAY_CHANGE
        .into_iter()
        .filter(|(name, _)| may_change(name, now, wanted))
    {
        let before = next.clone();
        take(wanted, &mut next);
        if next != before {
            changed.push(name);
        }
    }
    (next, changed)
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::*;
    use crate::config::Settings;

    /// The settings of a server that is started so.
    fn config(flags: &[&str]) -> Config {
        let matches = Config::augment_args(Command::new("updraft").no_binary_name(true))
            .mut_args(|flag| flag.env(None::<&str>))
            .get_matches_from(flags);
        Config::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn what_may_change_is_a_setting_and_documented_as_such() {
        let settings = Settings::of(&Config::augment_args(Command::new("updraft")));
        let names: Vec<_> = settings.iter().map(|setting| setting.name()).collect();
        let page = include_str!("../../../docs/configuration.md");
        let section = page.split("## Read again while it runs").nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        for (name, _) in MAY_CHANGE {
            assert!(names.contains(&name), "{name}");
            assert!(
                section.contains(&format!("`--{name}`")),
                "docs/configuration.md: --{name}"
            );
        }
    }

    #[test]
    fn each_of_them_is_taken_and_nothing_else() {
        let with_both = ["--auth-secrets", "a", "--tls-cert", "a", "--tls-key", "a"];
        let now = config(&with_both);
        for (name, _) in MAY_CHANGE {
            let value = match name {
                "min-client" => "1.2.3",
                "trusted-proxies" => "10.0.0.1",
                _ if name.contains("timeout") || name.contains("pause") || name.contains("refresh") => "77s",
                _ if name.starts_with("auth") || name.starts_with("tls") || name == "allowed-origins" => {
                    "other"
                }
                _ => "77777",
            };
            let flag = format!("--{name}");
            let mut flags = with_both.to_vec();
            match flags.iter().position(|known| *known == flag) {
                Some(known) => flags[known + 1] = value,
                None => flags.extend([&*flag, value]),
            }
            let wanted = config(&flags);
            let (next, changed) = next(&now, &wanted);
            assert_eq!(changed, [name]);
            assert_eq!(next, wanted, "{name}");
        }
        let wanted = config(&[&with_both[..], &["--port", "1", "--max-call", "7"]].concat());
        assert_eq!(next(&now, &wanted), (now, vec![]));
    }

    #[test]
    fn the_source_of_keys_may_be_another() {
        let sources = [
            config(&["--auth-secrets", "a"]),
            config(&["--auth-keys", "a.pem"]),
            config(&["--auth-keys-url", "https://a.example/keys"]),
        ];
        for now in &sources {
            for wanted in &sources {
                assert_eq!(next(now, wanted).0, *wanted);
            }
        }
    }

    #[test]
    fn tokens_and_tls_begin_with_a_server_or_never() {
        let (with, without) = (
            config(&["--auth-secrets", "a", "--tls-cert", "a", "--tls-key", "a"]),
            config(&[]),
        );
        for (now, wanted) in [(&with, &without), (&without, &with)] {
            assert_eq!(next(now, wanted).1, [""; 0]);
        }
    }
}
