//! What clients ack to an emitter.

use std::time::Duration;

use serde_json::json;
use updraft::{App, Code, testing::TestServer};

use super::rooms;
use crate::support::PATIENCE;

/// Longest that an ack is waited for: the others come in that time on a machine that has much to do.
const LONGEST: Duration = Duration::from_secs(20);

#[tokio::test]
async fn each_socket_acks_for_itself_and_one_that_never_does_holds_no_other_up() {
    let server = TestServer::start(App::new().module(rooms())).await;
    let mut clients = [
        server.connect().await,
        server.connect().await,
        server.connect().await,
        server.connect().await,
    ];
    let mut ids = Vec::new();
    for client in &mut clients {
        ids.push(client.call("room.id").await.data::<String>());
    }
    let io = server.emitter();
    let mut expected = Vec::new();
    let [ada, bob, silent, outside] = &mut clients;
    for client in [&mut *ada, &mut *bob, &mut *silent] {
        client.call("room.join").data("room").await.data::<()>();
    }
    ada.respond("seat?", |row| json!({ "row": row, "seat": 1 }));
    bob.respond("seat?", |_| json!("standing"));
    expected.push((ids[0].clone(), Ok(json!({"row": 7, "seat": 1}))));
    expected.push((ids[1].clone(), Ok(json!("standing"))));
    expected.push((ids[2].clone(), Err(Code::Timeout)));

    let asking = async {
        let room = io.of("/").to("room");
        room.emit_with_ack::<serde_json::Value>("seat?", &7, LONGEST)
            .await
            .unwrap()
    };
    // Clients of a test read only while they are waited for: until the server says something else.
    let (acks, ..) = tokio::join!(asking, ada.event("over"), bob.event("over"), async {
        let asked = silent.event("seat?").await;
        assert!(asked.wants_ack());
        io.of("/").emit("over", &()).await.unwrap();
    });
    let mut acked: Vec<_> = acks
        .into_iter()
        .map(|ack| (ack.socket.to_string(), ack.result.map_err(|error| error.code())))
        .collect();
    assert_eq!(
        acked.last().unwrap().0,
        ids[2],
        "those that came are returned in their order"
    );
    acked.sort_by_key(|(id, _)| ids.iter().position(|one| one == id));
    assert_eq!(acked, expected);
    outside.event("over").await;
    outside.received_nothing_else().await;
}

#[tokio::test]
async fn an_ack_that_does_not_fit_is_an_error_of_its_socket_and_so_is_one_that_is_lost() {
    let server = TestServer::start(App::new().module(rooms())).await;
    let [mut ada, mut bob] = [server.connect().await, server.connect().await];
    let ids = [
        ada.call("room.id").await.data::<String>(),
        bob.call("room.id").await.data::<String>(),
    ];
    let io = server.emitter();
    let asking = async {
        let all = io.of("/");
        all.emit_with_ack::<u32>("number?", &(), PATIENCE).await.unwrap()
    };
    let (mut acks, ()) = tokio::join!(asking, async {
        let asked = ada.event("number?").await;
        ada.ack(&asked, "no number").await;
        bob.event("number?").await;
        bob.close().await;
    });
    acks.sort_by_key(|ack| ids.iter().position(|id| id == ack.socket.as_str()));
    let codes: Vec<_> = acks
        .into_iter()
        .map(|ack| ack.result.unwrap_err().code())
        .collect();
    assert_eq!(codes, [Code::InvalidData, Code::Unavailable]);
}
