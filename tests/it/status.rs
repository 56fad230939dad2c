//! The first thing that anyone tries.

use crate::support::{Program, RawClient};

#[tokio::test]
async fn a_server_is_started_and_says_that_it_is_online() {
    let server = Program::start(&[]);
    let mut client = RawClient::connect(&server.url).await;
    assert!(client.is_well().await);
}
