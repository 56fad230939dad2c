//! The server that `health` and `call` ask unless told another: the one that the same variables and file start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Command;

use crate::config::{Config, Given, Settings};

/// Without settings.
pub(super) const DEFAULT: &str = "http://127.0.0.1:3000";

/// Commands with a `--url`.
const ASKING: [&str; 2] = ["call", "health"];

/// The command, with that server for the default of `--url`.
pub(super) fn apply(given: &Given, settings: &Settings, command: Command) -> Command {
    // Settings that are wrong are told by `serve`, which starts no server with them.
    let url = of(&Config::of(given, settings).unwrap_or_default());
    ASKING.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |asking| {
            asking.mut_arg("url", |flag| flag.default_value(url.clone()))
        })
    })
}

fn of(config: &Config) -> String {
    let scheme = match config.tls.cert {
        Some(_) => "https",
        None => "http",
    };
    let host = match config.host {
        every if every.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host,
    };
    format!("{scheme}://{}", SocketAddr::new(host, config.port))
}
