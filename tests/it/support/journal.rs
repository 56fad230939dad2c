//! A journal that may be away for a moment.

use std::time::Duration;

use updraft::journal::JournalError;

use super::within_patience;

/// What a journal answers; asked again where it was away, as a database seems to be on a machine that has much to do.
pub(crate) async fn journal_answer<T>(
    mut ask: impl AsyncFnMut() -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    within_patience("the journal to answer", async {
        loop {
            match ask().await {
                Err(JournalError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                answer => return answer,
            }
        }
    })
    .await
}
