//! The command line that every app has: `serve`, `health`, `events`, `call`, `emit`, `log`.

mod call;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod emit;
mod events;
mod health;
mod log;
mod logging;
mod serve;
mod service;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::logging::LogFormat;
use crate::{app::App, config::Config};

/// An event server that speaks Socket.IO
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: Config,

    /// How the log is written to standard error; UPDRAFT_LOG says how much, as in `updraft=debug`
    #[arg(
        long,
        env = "UPDRAFT_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value = "text",
        help_heading = "Options",
        global = true
    )]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C; the default command
    Serve(Box<Config>),
    /// Ask a running server whether it is ready for clients; fails where it is not, as the health check of a container
    Health(health::Health),
    /// List the events of a server with this configuration
    Events(Box<events::Events>),
    /// Call an event of a running server and print the answer; events that it emits meanwhile go to standard error, as
    /// `name: data`
    Call(call::Call),
    /// Emit to the sockets of all servers that share a bus, those of Node too
    #[cfg(any(feature = "postgres", feature = "redis"))]
    Emit(Box<emit::Emit>),
    /// Inspect, export, import, verify and compact the journal
    Log(log::Log),
}

impl App {
    /// Is the program: reads its flags and the environment, serves until a signal stops it, lists its
    /// events, calls one, or looks after the journal. Makes its own tokio runtime, so it is not called inside of one.
    pub fn run(self) -> ExitCode {
        let cli = Cli::parse();
        let format = cli.log_format;
        format.start();
        let done = match cli.command {
            None => serve::serve(self, cli.config, format),
            Some(Command::Serve(config)) => serve::serve(self, *config, format),
            Some(Command::Health(health)) => health.ask(),
            Some(Command::Events(events)) => events.list(self),
            Some(Command::Call(call)) => call.make(),
            #[cfg(any(feature = "postgres", feature = "redis"))]
            Some(Command::Emit(emit)) => emit.make(),
            Some(Command::Log(log)) => log.run(&self),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                format.fail(&failure);
                ExitCode::FAILURE
            }
        }
    }
}
