//! Settings that are read again at SIGHUP: what changes is told, and what needs a restart. All is checked first, and where anything is
//! wrong nothing changes.

use std::{collections::BTreeMap, ffi::OsString};

use super::{
    command_line::{self, CommandLine, Unread},
    logging::Filter,
};
use crate::{app::settings_check::SettingsCheck, config::said, net::server::lifecycle::Server};

/// The name of the setting that is the program's own, and may change.
const LOG: &str = "log";

/// What is compared, and changed, when the settings are read again.
pub(super) struct Reread {
    /// Each setting as it holds now.
    written: BTreeMap<String, Vec<OsString>>,
    filter: Filter,
    check: SettingsCheck,
}

/// The settings were not read again: everything that is wrong.
pub(super) struct Mistakes(Vec<String>);

impl Reread {
    pub(super) fn new(
        written: BTreeMap<String, Vec<OsString>>,
        filter: Filter,
        check: SettingsCheck,
    ) -> Self {
        Self {
            written,
            filter,
            check,
        }
    }

    /// Reads flags, variables and files again, and has the server apply what can be applied. Where anything is wrong, nothing changes;
    /// nor where this is dropped before it completes.
    pub(super) async fn apply(&mut self, server: &Server) -> Result<(), Mistakes> {
        // A file may be a pipe that nobody writes, or on a disk that is away.
        let line = tokio::task::spawn_blocking(command_line::read).await;
        let line = line.map_err(|error| Mistakes(vec![error.to_string()]))??;
        self.take(line, server).await
    }

    async fn take(&mut self, line: CommandLine, server: &Server) -> Result<(), Mistakes> {
        let (wanted, log) = (line.written(), line.cli.log.clone());
        let Some(config) = line.serving() else {
            return Ok(());
        };
        let mistake = |error: String| Mistakes(vec![error]);
        self.check
            .check(&config)
            .map_err(|error| mistake(error.to_string()))?;
        let reloaded = server.reload(&config).await;
        let reloaded = reloaded.map_err(|error| mistake(error.to_string()))?;
        let mut changed = reloaded.changed().to_vec();
        if self.written.get(LOG) != wanted.get(LOG) {
            self.filter.replace(&log);
            changed.push(LOG);
        }
        if config.tls.cert.is_some() && server.url().starts_with("https") {
            tracing::info!("the certificate was read again");
        }
        for name in &changed {
            tracing::info!("--{name} was changed{}", since(name));
            if let Some((name, values)) = wanted.get_key_value(*name) {
                self.written.insert(name.clone(), values.clone());
            }
        }
        let differs = wanted
            .iter()
            .filter(|(name, values)| self.written.get(*name) != Some(*values));
        let differs: Vec<_> = differs.map(|(name, _)| format!("--{name}")).collect();
        if !differs.is_empty() {
            tracing::warn!("what was changed and needs a restart: {}", differs.join(", "));
        } else if changed.is_empty() {
            tracing::info!("the settings were read again: none was changed");
        }
        Ok(())
    }
}

/// For what it holds.
fn since(name: &str) -> &'static str {
    match name {
        LOG | "allowed-origins" | "trusted-proxies" => "",
        _ if name.starts_with("auth-") => ": for clients that connect or show another token",
        _ => ": for new connections",
    }
}

impl From<Unread> for Mistakes {
    fn from(unread: Unread) -> Self {
        Self(match unread {
            Unread::Typed(error) => vec![said(&error)],
            Unread::Files(error, _) => error.mistakes().to_vec(),
        })
    }
}

impl Mistakes {
    /// Logs them.
    pub(super) fn log(&self) {
        for mistake in &self.0 {
            tracing::error!("{mistake}; the settings from before go on");
        }
    }
}
