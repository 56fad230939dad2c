//! `events`: lists what a server with this configuration has registered, and what of it streams.

use clap::Args;

use super::terminal::{Failure, say};
use crate::{app::App, config::Config};

#[derive(Args, Debug)]
pub(super) struct Events {
    /// Print a JSON array of {event, streams, takes_frames}
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    config: Config,
}

impl Events {
    pub(super) fn list(self, app: App) -> Result<(), Failure> {
        let registry = app.config(self.config).into_registry()?;
        let events = registry.events();
        match self.json {
            true => say(serde_json::to_string(&events)?),
            false => events.iter().try_for_each(say),
        }
    }
}
