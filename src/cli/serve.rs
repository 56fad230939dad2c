//! `serve`: runs the server until a signal stops it.

use std::{io, time::Duration};

use tokio::signal;

use super::{
    logging::Log,
    reread::Reread,
    service::{self, Notifier, Phase},
    terminal::{Failure, say},
};
use crate::{app::App, config::Config, event::EventName, net::server::lifecycle::Server};

/// How long a stop waits for files that are being read.
const FILES: Duration = Duration::from_secs(1);

pub(super) fn serve(app: App, config: Config, log: &Log, mut settings: Reread) -> Result<(), Failure> {
    let app = match service::listener()? {
        Some(listener) => app.listener(listener),
        None => app,
    };
    let notifier = Notifier::find()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        // Before the server listens, so that no signal after that is missed.
        let mut signals = Signals::new()?;
        let server = app.config(config).start().await?;
        introduce(&server)?;
        let url = server.url();
        notifier.tell(Phase::Ready(url.clone()));
        while signals.next().await == Signal::Reload {
            notifier.tell(Phase::Reloading);
            let applied = tokio::select! {
                applied = settings.apply(&server) => applied,
                () = signals.stop() => break,
            };
            notifier.tell(match applied {
                Ok(()) => Phase::Ready(url.clone()),
                Err(mistakes) => {
                    mistakes.log();
                    Phase::NotReloaded(url.clone())
                }
            });
        }
        notifier.tell(Phase::Stopping);
        log.say("Stopping: calls that run get their answers. Once more stops at once.");
        tokio::select! {
            () = server.stop() => {}
            () = signals.stop() => {}
        }
        Ok(())
    });
    // A file may still be read that has no end.
    runtime.shutdown_timeout(FILES);
    notifier.end();
    served
}

/// Says where it listens, what is registered, and what to try.
fn introduce(server: &Server) -> Result<(), Failure> {
    let url = server.url();
    say(format_args!(
        "Updraft {} listens on {url}",
        env!("CARGO_PKG_VERSION")
    ))?;
    say(server.introduction())?;
    if server.listed().is_empty() {
        return say("No events are registered.");
    }
    say("Events:")?;
    let listed = server.listed().iter();
    listed
        .clone()
        .try_for_each(|event| say(format_args!("  {event}")))?;
    let Some(event) = to_try(server.events()) else {
        return Ok(());
    };
    say(format_args!(
        "Try, from another terminal:\n  {} call {event} --url {url}",
        program()
    ))
}

/// The call that is shown as an example: of the app's own, as the server's own need a topic or a token.
fn to_try(events: &[EventName]) -> Option<&EventName> {
    let of_the_app = || events.iter().filter(|event| !event.is_reserved());
    of_the_app()
        .find(|event| event.function() == "status")
        .or_else(|| of_the_app().next())
}

/// How this program was called.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "updraft".to_owned())
}

/// What a signal asks for.
#[derive(PartialEq)]
enum Signal {
    Reload,
    Stop,
}

/// The signals that a server hears; none is missed once this exists.
struct Signals {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
    #[cfg(unix)]
    interrupt: signal::unix::Signal,
    /// Does not stop the server: it comes when a terminal closes, and as the signal to read files again.
    #[cfg(unix)]
    hangup: signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }

    /// Leaves a hangup that comes meanwhile to `next`.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) -> Signal {
        let _ = signal::ctrl_c().await;
        Signal::Stop
    }

    async fn stop(&mut self) {
        self.next().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(names: &[&str]) -> Option<String> {
        let events: Vec<_> = names.iter().map(|name| EventName::as_written(name)).collect();
        to_try(&events).map(ToString::to_string)
    }

    #[test]
    fn what_to_try_is_a_function_of_the_app() {
        assert_eq!(
            tried(&["auth.refresh", "cafe.list", "topic.subscribe"]).as_deref(),
            Some("cafe.list")
        );
        assert_eq!(
            tried(&["auth.refresh", "cafe.list", "cafe.status"]).as_deref(),
            Some("cafe.status")
        );
        assert_eq!(tried(&["auth.refresh", "topic.subscribe"]), None);
    }
}
