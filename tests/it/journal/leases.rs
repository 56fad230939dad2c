//! What one node at a time does: a lease says which.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::{store::Store, wait_for};
use crate::support::journal_answer;

/// Of a journal that one process has, each lease is its.
pub(super) fn a_lease_is_renewed_with_its_token<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        let ttl = Duration::from_secs(60);
        let lease = async |name: &str, ttl| {
            journal_answer(async || journal.lease(name, ttl).await)
                .await
                .unwrap()
        };
        let first = lease("compaction", ttl).await.unwrap();
        assert!(first.token > 0);
        assert!(first.until > Instant::now() && first.until <= Instant::now() + ttl);
        let again = lease("compaction", 2 * ttl).await.unwrap();
        assert_eq!(again.token, first.token);
        assert!(again.until > first.until, "it ends later");
        assert!(lease("expiry", ttl).await.is_some());
    });
}

/// A node that comes too late commits what it had handled; another one has gone on.
pub(super) fn a_committed_position_never_goes_back<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        for (seq, stands) in [(7, 7), (3, 7), (9, 9), (0, 9)] {
            journal.commit_offset("board", "mailer", seq).await.unwrap();
            assert_eq!(journal.committed_offset("board", "mailer").await, Ok(stands));
        }
        let late = [11, 10, 12, 8].map(|seq| journal.commit_offset("board", "mailer", seq));
        for committed in join_all(late).await {
            committed.unwrap();
        }
        assert_eq!(journal.committed_offset("board", "mailer").await, Ok(12));
        assert_eq!(journal.committed_offset("board", "other").await, Ok(0));
    });
}
