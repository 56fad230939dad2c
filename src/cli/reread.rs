//! Settings that are read again at SIGHUP: what changes is told, and what needs a restart.

use std::{collections::BTreeMap, ffi::OsString};

use super::{
    command_line::{self, CommandLine, Unread},
    logging::Filter,
};
use crate::{config::said, net::server::lifecycle::Server};

/// The name of the setting that is the program's own, and may change.
const LOG: &str = "log";

/// What is compared, and changed, when the settings are read again.
pub(super) struct Reread {
    /// Each setting as it holds now.
    written: BTreeMap<String, Vec<OsString>>,
    filter: Filter,
}

impl Reread {
    pub(super) fn new(written: BTreeMap<String, Vec<OsString>>, filter: Filter) -> Self {
        Self { written, filter }
    }

    /// Reads flags, variables and files again, and has the server apply what can be applied. Where anything is wrong, nothing changes.
    pub(super) async fn apply(&mut self, server: &Server) {
        match command_line::read() {
            Ok(line) => self.take(line, server).await,
            Err(Unread::Typed(error)) => failed(&[said(&error)]),
            Err(Unread::Files(error, _)) => failed(error.mistakes()),
        }
    }

    async fn take(&mut self, line: CommandLine, server: &Server) {
        let (wanted, log) = (line.written(), line.cli.log.clone());
        let Some(config) = line.serving() else {
            return;
        };
        let reloaded = match server.reload(&config).await {
            Ok(reloaded) => reloaded,
            Err(error) => return failed(&[error.to_string()]),
        };
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

fn failed(mistakes: &[String]) {
    for mistake in mistakes {
        tracing::error!("{mistake}; the settings from before go on");
    }
}
