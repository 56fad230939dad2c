//! Heartbeats: whether the other end is there still. In version 4 the server asks and the client answers; in version 3 the
//! client says so by itself. Any byte that comes is life.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::{
    message::Outgoing,
    packet::Protocol,
    session::{CloseReason, Session},
};

/// The share of the time that a client of version 3 may be silent after which it is listened for.
const SLICES: u32 = 8;

/// No interval is shorter.
const SHORTEST: Duration = Duration::from_millis(1);

/// Listens for as long as the session lives.
pub(super) fn begin(session: Arc<Session>) {
    tokio::spawn(async move {
        match session.protocol() {
            Protocol::V4 => ask(&session).await,
            Protocol::V3 => listen(&session).await,
        }
    });
}

async fn ask(session: &Arc<Session>) {
    let settings = session.settings();
    let (interval, ping_timeout) = (settings.ping_interval, settings.ping_timeout);
    loop {
        if pause(session, sleep(interval)).await {
            return;
        }
        session.liveness.watch();
        let ping = Outgoing::Text(b"2".to_vec());
        if !matches!(session.send_queue.send_beyond(&ping), Ok(true)) {
            return session.close(CloseReason::PingTimeout);
        }
        if !is_alive_within(session, ping_timeout).await {
            return session.close(CloseReason::PingTimeout);
        }
    }
}

async fn listen(session: &Arc<Session>) {
    let settings = session.settings();
    let slice = ((settings.ping_interval + settings.ping_timeout) / SLICES).max(SHORTEST);
    let mut silent = 0;
    // By the clock, as each of many pauses takes a little longer than it should.
    let mut slices = interval_at(Instant::now() + slice, slice);
    slices.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while silent < SLICES {
        if pause(session, slices.tick()).await {
            return;
        }
        silent = match session.liveness.was_alive() || session.is_paused() {
            true => 0,
            false => silent + 1,
        };
    }
    session.close(CloseReason::PingTimeout);
}

/// Whether the session ended meanwhile.
async fn pause<T>(session: &Session, pause: impl Future<Output = T>) -> bool {
    tokio::select! {
        _ = pause => session.is_closed(),
        () = ended(session) => true,
    }
}

async fn ended(session: &Session) {
    loop {
        session.liveness.changed.notified().await;
        if session.is_closed() {
            return;
        }
    }
}

/// Whether the client is alive: it sends in time, or reads what is sent, or its reading is paused.
async fn is_alive_within(session: &Session, ping_timeout: Duration) -> bool {
    loop {
        let before = session.send_queue.stalls_at();
        if timeout(ping_timeout, session.liveness.changed.notified())
            .await
            .is_ok()
        {
            return true;
        }
        let takes = session
            .send_queue
            .stalls_at()
            .is_some_and(|now| Some(now) != before);
        if !session.is_paused() && !takes {
            return false;
        }
    }
}
