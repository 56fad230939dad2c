//! `events`: lists what a server with this configuration has registered.

use clap::Args;

use super::terminal::{Failure, say};
use crate::{app::App, config::Config};

#[derive(Args, Debug)]
pub(super) struct Events {
    /// Print a JSON array
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    config: Config,
}

impl Events {
    pub(super) fn list(self, app: App) -> Result<(), Failure> {
        let registry = app.config(self.config).into_registry()?;
        let names = registry.events();
        match self.json {
            true => say(serde_json::to_string(&names)?),
            false => names.iter().try_for_each(say),
        }
    }
}
