//! The command line that every app has: `serve`, `config`, `health`, `events`, `call`, `emit`, `log`, `completion`, `manpage`.

mod call;
mod command_line;
mod config;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod emit;
mod events;
mod health;
mod log;
mod logging;
mod manual;
mod reread;
mod serve;
mod server_url;
mod service;
mod telemetry;
mod terminal;
mod traced_log;

use std::process::ExitCode;

use self::{
    command_line::{Command, CommandLine, Unread},
    reread::Reread,
};
use crate::app::App;

impl App {
    /// Is the program: reads its flags, the environment and the file that `--config` names, serves until a signal stops it, lists its
    /// events, calls one, or looks after the journal. It makes its own tokio runtime, and takes its settings from there, not from
    /// [`App::config`]. `docs/commands.md` has the commands.
    ///
    /// What fails is logged, and the exit code says so.
    ///
    /// # Panics
    /// Inside of a tokio runtime: [`App::start`] is for there.
    pub fn run(self) -> ExitCode {
        let line = match command_line::read() {
            Ok(line) => line,
            Err(Unread::Typed(error)) => error.exit(),
            Err(Unread::Files(error, format)) => {
                let (log, _) = format.start(logging::DEFAULT, None);
                log.fail(&error.into());
                return ExitCode::FAILURE;
            }
        };
        let written = line.written();
        let CommandLine {
            cli,
            settings,
            matches,
            given,
        } = line;
        let telemetry = match &cli.command {
            None => telemetry::begin(&cli.config),
            Some(Command::Serve(config)) => telemetry::begin(config),
            Some(_) => Ok(None),
        };
        let told = telemetry.as_ref().ok().and_then(Option::as_deref);
        let (log, filter) = cli.log_format.start(&cli.log, told);
        let reread = Reread::new(written, filter, self.settings_check());
        let serve = |app: Self, config| serve::serve(app.telling(telemetry?), config, &log, reread);
        let done = match cli.command {
            None => serve(self, cli.config),
            Some(Command::Serve(config)) => serve(self, *config),
            Some(Command::Config(settle)) => settle.run(self, (&settings, &given, &matches)),
            Some(Command::Health(health)) => health.ask(),
            Some(Command::Events(events)) => events.list(self),
            Some(Command::Call(call)) => call.make(),
            #[cfg(any(feature = "postgres", feature = "redis"))]
            Some(Command::Emit(emit)) => emit.make(),
            Some(Command::Log(journal)) => journal.run(&self),
            Some(Command::Completion(completion)) => completion.print(CommandLine::line()),
            Some(Command::Manpage(manpage)) => manpage.write(CommandLine::line()),
        };
        log.tell_dropped();
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                log.fail(&failure);
                ExitCode::FAILURE
            }
        }
    }
}
