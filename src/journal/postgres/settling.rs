//! Keeping the index of the last events of keys not far behind the journal. Publishes do not wait for it: what is newer than it,
//! readers find by themselves, so it costs them time where it is far behind, and nothing else.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use tokio_postgres::types::Type;

use super::{log::Log, reader::Readers};
use crate::journal::contract::JournalError;

/// Events that it may be behind.
const BEHIND: u64 = 5000;

/// Events that are settled in one commit.
const STEP: i64 = 20_000;

/// From one look at how far it is behind to the next, and at least so many times as long as settling took: beside a transaction
/// that stays open it takes ever longer, and is not to take ever more of the database.
const LOOK: Duration = Duration::from_secs(1);
const REST: u32 = 4;

/// For as long as the journal is open. Each node does it, in turn.
pub(super) async fn run(readers: Arc<Readers>, log: Arc<Log>) {
    let mut settled = 0;
    loop {
        sleep(LOOK).await;
        while log.told() >= settled + BEHIND {
            let began = Instant::now();
            match step(&readers).await {
                Ok(Some(up_to)) if up_to > settled => settled = up_to,
                // Another node is at it, or what was told is gone.
                Ok(_) => break,
                Err(error) => {
                    tracing::debug!("the last events of keys are not settled: {error}");
                    break;
                }
            }
            sleep(REST * began.elapsed()).await;
        }
    }
}

/// Up to this event, but for what another node is at. What is appended meanwhile waits: under load there would be no end to it.
pub(super) async fn settle(readers: &Readers, head: u64) -> Result<(), JournalError> {
    let mut settled = None;
    loop {
        match step(readers).await? {
            // Events up to it may be gone.
            Some(up_to) if up_to < head && settled != Some(up_to) => settled = Some(up_to),
            _ => return Ok(()),
        }
    }
}

/// Up to which event it is settled; none where another node is at it.
async fn step(readers: &Readers) -> Result<Option<u64>, JournalError> {
    let rows = readers
        .query("SELECT updraft.settle($1)", &[(&STEP, Type::INT8)])
        .await?;
    let up_to = rows.first().and_then(|row| row.get::<_, Option<i64>>(0));
    Ok(up_to.map(i64::cast_unsigned))
}
