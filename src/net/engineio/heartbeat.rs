//! Heartbeats: whether the other end is there still. In version 4 the server asks and the client answers; in version 3 the
//! client says so by itself. Any byte that comes is life.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};

use super::{close_reason::CloseReason, message::Outgoing, packet::Protocol, session::Session};

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
    let mut slices = slices(settings.ping_interval + settings.ping_timeout);
    let mut silent = 0;
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

/// The slices of a time, by the clock: one that is noticed late puts off none of those behind it.
fn slices(time: Duration) -> Interval {
    let slice = (time / SLICES).max(SHORTEST);
    let mut slices = interval_at(Instant::now() + slice, slice);
    slices.set_missed_tick_behavior(MissedTickBehavior::Skip);
    slices
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

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slice_that_is_noticed_late_puts_off_none_of_those_behind_it() {
        let begun = Instant::now();
        let mut slices = slices(Duration::from_millis(800));
        advance(Duration::from_millis(120)).await;
        slices.tick().await;
        for _ in 1..SLICES {
            slices.tick().await;
        }
        assert_eq!(begun.elapsed(), Duration::from_millis(800));
    }
}
