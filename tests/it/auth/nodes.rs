//! What is revoked at one node is revoked at all on one database.

use serde_json::json;
use tokio::task::block_in_place;
use updraft::{App, Config, JournalConfig};

use super::{auth, closed, configured, connect, last_words, now, refusal, token, unauthenticated};
use crate::support::{Local, TestDatabase};

async fn start(database: &TestDatabase) -> Local {
    let journal = JournalConfig {
        database: Some(database.url.as_str().into()),
        ..JournalConfig::default()
    };
    let config = Config {
        journal,
        ..configured(auth())
    };
    Local::start(App::new(), config).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_that_is_revoked_at_one_node_is_closed_at_all_and_stays_out() {
    let database = block_in_place(TestDatabase::new);
    let nodes = [start(&database).await, start(&database).await];
    for round in 0..3 {
        // Issued after the revocation of the round before.
        let later = token(json!({"iat": now() + 600}));
        let mut sockets = Vec::new();
        for node in &nodes {
            sockets.push(connect(node, &later).await);
        }
        let mut bob = connect(&nodes[1], &token(json!({"sub": "bob"}))).await;
        assert_eq!(nodes[round % 2].server.revoke("ada").await.unwrap(), 1);
        for mut socket in sockets {
            let heard = last_words(&mut socket).await;
            assert_eq!(heard, closed("the identity was revoked"));
        }
        assert!(bob.is_well().await, "others stay");
    }
    let is_refused = async |node: &Local| {
        let told = refusal(node, &json!({"token": token(json!({"iat": now() - 100}))})).await;
        assert_eq!(told, unauthenticated("the identity was revoked"));
    };
    for node in &nodes {
        is_refused(node).await;
    }
    let [first, second] = nodes;
    first.server.stop().await;
    let anew = start(&database).await;
    is_refused(&anew).await;
    assert!(
        connect(&anew, &token(json!({"iat": now() + 600})))
            .await
            .is_well()
            .await
    );
    anew.server.stop().await;
    second.server.stop().await;
}

/// Longer than a key of the database's indexes, and one whose own name is that of another's digest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_of_any_length_is_revoked_at_all_nodes() {
    let database = block_in_place(TestDatabase::new);
    let nodes = [start(&database).await, start(&database).await];
    let long = "ada".repeat(1500);
    for subject in [long.as_str(), "sha256:ada"] {
        let issued = token(json!({"sub": subject, "iat": now() - 100}));
        let mut socket = connect(&nodes[1], &issued).await;
        assert_eq!(nodes[0].server.revoke(subject).await.unwrap(), 0);
        assert_eq!(last_words(&mut socket).await, closed("the identity was revoked"));
        let told = refusal(&nodes[1], &json!({"token": issued})).await;
        assert_eq!(told, unauthenticated("the identity was revoked"));
    }
    for node in nodes {
        node.server.stop().await;
    }
}
