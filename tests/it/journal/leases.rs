//! What one node at a time does: a lease says which.

use std::time::{Duration, Instant};

use super::{store::Store, wait_for};

/// Of a journal that one process has, each lease is its.
pub(super) fn a_lease_is_renewed_with_its_token<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        let ttl = Duration::from_secs(60);
        let first = journal.lease("compaction", ttl).await.unwrap().unwrap();
        assert!(first.token > 0);
        assert!(first.until > Instant::now() && first.until <= Instant::now() + ttl);
        let again = journal.lease("compaction", 2 * ttl).await.unwrap().unwrap();
        assert_eq!(again.token, first.token);
        assert!(again.until > first.until, "it ends later");
        assert!(journal.lease("expiry", ttl).await.unwrap().is_some());
    });
}
