//! The command line that every app has: `serve`, `config`, `events`, `call`, `emit`, `log`.

mod call;
mod command_line;
mod config;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod emit;
mod events;
mod log;
mod logging;
mod serve;
mod terminal;

use std::process::ExitCode;

use self::command_line::{Command, CommandLine, Unread};
use crate::app::App;

impl App {
    /// Is the program: reads its flags, the environment and the file that `--config` names, serves until a signal stops it, lists its
    /// events, calls one, or looks after the journal. Makes its own tokio runtime, so it is not called inside of one.
    pub fn run(self) -> ExitCode {
        let CommandLine {
            cli,
            settings,
            matches,
            given,
        } = match command_line::read() {
            Ok(line) => line,
            Err(Unread::Typed(error)) => error.exit(),
            Err(Unread::Files(error, format)) => {
                format.start(logging::DEFAULT);
                format.fail(&error.into());
                return ExitCode::FAILURE;
            }
        };
        let format = cli.log_format;
        format.start(&cli.log);
        let done = match cli.command {
            None => serve::serve(self, cli.config, format),
            Some(Command::Serve(config)) => serve::serve(self, *config, format),
            Some(Command::Config(settle)) => settle.run(self, (&settings, &given, &matches)),
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
