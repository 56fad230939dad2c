//! `serve`: runs the server until it is told to stop.

use std::io;

use tokio::signal;

use super::terminal::{Failure, say};
use crate::{app::App, config::Config, net::server::Server};

pub(super) fn serve(app: App, config: Config) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before the server listens, so that no signal after that is missed.
        let mut signals = Signals::new()?;
        let server = app.config(config).start().await?;
        introduce(&server)?;
        signals.stop().await;
        eprintln!("Stopping: calls that run get their answers. Once more stops at once.");
        tokio::select! {
            () = server.stop() => {}
            () = signals.stop() => {}
        }
        Ok(())
    })
}

/// Says where it listens, what is registered, and what to try.
fn introduce(server: &Server) -> Result<(), Failure> {
    let address = server.address();
    say(format_args!(
        "Updraft {} listens on http://{address}",
        env!("CARGO_PKG_VERSION")
    ))?;
    say(server.introduction())?;
    let events = server.events();
    let Some(first) = events.first() else {
        return say("No events are registered.");
    };
    say("Events:")?;
    events
        .iter()
        .try_for_each(|event| say(format_args!("  {event}")))?;
    let event = events
        .iter()
        .find(|event| event.function() == "status")
        .unwrap_or(first);
    say(format_args!(
        "Try, from another terminal:\n  {} call {event} --url http://{address}",
        program()
    ))
}

/// How this program was called.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "updraft".to_owned())
}

/// The signals that stop a server; none is missed once this exists.
struct Signals {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
    #[cfg(unix)]
    interrupt: signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        #[cfg(unix)]
        use signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(unix)]
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn stop(&mut self) {
        let _ = signal::ctrl_c().await;
    }
}
