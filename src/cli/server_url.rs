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
    // Settings that are wrong are told when the command line is read with them.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_where_it_listens_or_by_this_machine_where_it_listens_everywhere() {
        for (host, url) in [
            ("::1", "http://[::1]:4000"),
            ("10.0.0.7", "http://10.0.0.7:4000"),
            ("0.0.0.0", "http://127.0.0.1:4000"),
            ("::", "http://127.0.0.1:4000"),
        ] {
            let host = host.parse().unwrap();
            let config = Config {
                host,
                port: 4000,
                ..Config::default()
            };
            assert_eq!(of(&config), url);
        }
    }
}
