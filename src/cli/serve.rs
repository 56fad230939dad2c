//! `serve`: runs the server until it is told to stop.

use std::io;

use tokio::signal;

use super::terminal::{Failure, say};
use crate::{app::App, config::Config, net::server::Server};

pub(super) fn serve(app: App, config: Config) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before the server listens, so that no signal after that is missed.
        let mut signals = Signals::new(&config)?;
        let server = app.config(config).start().await?;
        introduce(&server)?;
        while signals.next().await == Signal::Reload {
            reload(&server);
        }
        eprintln!("Stopping: calls that run get their answers. Once more stops at once.");
        tokio::select! {
            () = server.stop() => {}
            () = signals.stop() => {}
        }
        Ok(())
    })
}

fn reload(server: &Server) {
    match server.reload_certificate() {
        Ok(()) => tracing::info!("the certificate was read again"),
        Err(error) => tracing::error!("{error}; the certificate from before goes on"),
    }
}

/// Says where it listens, what is registered, and what to try.
fn introduce(server: &Server) -> Result<(), Failure> {
    let url = server.url();
    say(format_args!(
        "Updraft {} listens on {url}",
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
        "Try, from another terminal:\n  {} call {event} --url {url}",
        program()
    ))
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
    /// Where there is something to read again; otherwise it ends the program, as ever.
    #[cfg(unix)]
    hangup: Option<signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new(config: &Config) -> io::Result<Self> {
        use signal::unix::{SignalKind, signal};
        let hangup = config.tls.cert.as_ref().map(|_| signal(SignalKind::hangup()));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: hangup.transpose()?,
        })
    }

    async fn next(&mut self) -> Signal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = hangup => Signal::Reload,
        }
    }

    async fn stop(&mut self) {
        while self.next().await != Signal::Stop {}
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new(_: &Config) -> io::Result<Self> {
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
