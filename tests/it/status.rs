//! The first thing that anyone tries.

use updraft::testing::TestClient;

use crate::support::Program;

#[tokio::test]
async fn a_server_is_started_and_says_that_it_is_online() {
    let server = Program::start(&[]);
    let mut client = TestClient::connect(&server.url, ()).await;
    assert_eq!(
        client.call("api.services.status").await.data::<String>(),
        "online"
    );
}
