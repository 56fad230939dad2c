//! A WebSocket that is to take a polling session over, and does not: proxies swallow it, and the session polls on.

use std::{pin::pin, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use super::{Polling, answer, call, server, session::ask, unhurried};
use crate::support::within_patience;

/// What ends a poll for a WebSocket to take over.
const NOOP: &str = "6";

#[tokio::test]
async fn a_websocket_that_breaks_off_leaves_its_session_polling() {
    let server = server(unhurried()).await;
    let client = Polling::connect(&server.url).await;
    for number in 0..3 {
        drop(client.websocket().await);
        client.post(&call(number)).await;
        assert_eq!(client.poll().await.text(), answer(number));
    }
}

#[tokio::test]
async fn a_websocket_that_says_nothing_leaves_its_session_polling() {
    let server = server(unhurried()).await;
    let client = Polling::connect(&server.url).await;
    let _silent = client.websocket().await;
    for number in 0..3 {
        let mut poll = pin!(client.poll());
        // Longer than polls may wait where a WebSocket is about to take over.
        let ended = timeout(Duration::from_millis(300), &mut poll).await;
        assert!(ended.is_err(), "no poll is ended for it: {ended:?}");
        client.post(&call(number)).await;
        assert_eq!(poll.await.text(), answer(number));
    }
}

/// A poll takes the text of an event and some of its Buffers; the others come over the WebSocket.
#[tokio::test]
async fn buffers_of_which_a_poll_took_some_come_over_the_websocket_that_takes_over() {
    let server = server(unhurried()).await;
    let client = Polling::connect(&server.url).await;
    let call = |ack: u32| format!(r#"42{ack}["event",["echo.buffers",{ack}]]"#);
    client.post(&[call(8), call(9)].join("\x1e")).await;
    let mut websocket = client.websocket().await;
    let polled = client.poll().await;
    let polled: Vec<_> = polled.text().split('\x1e').collect();
    assert_eq!(polled.len(), 16, "of 9 and 10 packets");
    assert!(polled[9].starts_with("469-9["), "{polled:?}");
    websocket.send(Message::text("2probe")).await.unwrap();
    assert_eq!(websocket.next().await.unwrap().unwrap(), Message::text("3probe"));
    websocket.send(Message::text("5")).await.unwrap();
    for _ in 0..3 {
        let heard = within_patience("a Buffer", websocket.next()).await;
        assert_eq!(heard.unwrap().unwrap(), Message::binary(&b"x"[..]));
    }
    websocket.send(Message::text(super::call(1))).await.unwrap();
    assert_eq!(websocket.next().await.unwrap().unwrap(), Message::text(answer(1)));
}

#[tokio::test]
async fn a_websocket_that_says_something_else_is_dropped_alone() {
    let server = server(unhurried()).await;
    let client = Polling::connect(&server.url).await;
    for (number, said) in [(0, "5"), (1, "40"), (2, "2probes"), (3, "2")] {
        let mut websocket = client.websocket().await;
        websocket.send(Message::text(said)).await.unwrap();
        let closed = within_patience("the WebSocket to be closed", websocket.next()).await;
        assert!(matches!(closed, None | Some(Err(_))), "{said}: {closed:?}");
        client.post(&call(number)).await;
        assert_eq!(client.poll().await.text(), answer(number), "{said}");
    }
}

#[tokio::test]
async fn a_websocket_that_was_tried_and_is_silent_then_costs_no_answer() {
    let server = server(unhurried()).await;
    let client = Polling::connect(&server.url).await;
    let mut websocket = client.websocket().await;
    let poll = client.poll();
    let probe = async {
        websocket.send(Message::text("2probe")).await.unwrap();
        websocket.next().await.unwrap().unwrap()
    };
    let (ended, probed) = tokio::join!(poll, probe);
    assert_eq!((ended.text(), probed), (NOOP, Message::text("3probe")));
    // A client that goes on polling is not sent away as fast as it comes.
    let begun = std::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(client.poll().await.text(), NOOP);
    }
    assert!(begun.elapsed().as_millis() >= 250, "{:?}", begun.elapsed());
    client.post(&call(1)).await;
    assert_eq!(client.poll().await.text(), answer(1), "it is answered as ever");
    drop(websocket);
    client.post(&call(2)).await;
    assert!(client.until(&answer(2)).await <= 2);
}

#[tokio::test]
async fn what_waits_comes_over_the_websocket_that_takes_over() {
    let server = server(unhurried()).await;
    let client = Polling::connect(&server.url).await;
    let mut websocket = client.websocket().await;
    websocket.send(Message::text("2probe")).await.unwrap();
    assert_eq!(websocket.next().await.unwrap().unwrap(), Message::text("3probe"));
    for number in 0..40 {
        client.post(&call(number)).await;
    }
    // The session moves now, and not before.
    websocket.send(Message::text("5")).await.unwrap();
    websocket.send(Message::text(call(40))).await.unwrap();
    for number in 0..=40 {
        let heard = within_patience("an answer", websocket.next()).await;
        assert_eq!(heard.unwrap().unwrap(), Message::text(answer(number)));
    }
    assert_eq!(client.poll().await.status, 400, "it polls no more");
    let posted = ask(&client.url, "POST", &client.target, "", b"3").await;
    assert_eq!(posted.status, 400);
    websocket.send(Message::text(call(41))).await.unwrap();
    assert_eq!(
        websocket.next().await.unwrap().unwrap(),
        Message::text(answer(41))
    );
}

/// More calls than find room for their answers while no poll takes them, and so than are read.
const UNREAD: u32 = 5000;

/// Posts them while a WebSocket is tried, and one more behind them; the WebSocket.
async fn post_at_an_upgrade(client: &Polling) -> WebSocketStream<TcpStream> {
    let mut websocket = client.websocket().await;
    let many: Vec<_> = (0..UNREAD).map(call).collect();
    let many = many.join("\x1e");
    let probe = async {
        websocket.send(Message::text("2probe")).await.unwrap();
        assert_eq!(websocket.next().await.unwrap().unwrap(), Message::text("3probe"));
    };
    within_patience("the POST to be answered", async {
        tokio::join!(client.post(&many), probe)
    })
    .await;
    within_patience("the next one to be answered", client.post(&call(UNREAD))).await;
    websocket
}

/// As clients poll no more while they wait for that answer, to go over to the WebSocket.
#[tokio::test]
async fn a_post_is_answered_for_its_client_to_upgrade_before_all_of_it_is_received() {
    let server = server(unhurried()).await;
    let client = Polling::connect(&server.url).await;
    let mut websocket = post_at_an_upgrade(&client).await;
    websocket.send(Message::text("5")).await.unwrap();
    websocket.send(Message::text(call(UNREAD + 1))).await.unwrap();
    for number in 0..=UNREAD + 1 {
        let heard = within_patience("an answer", websocket.next()).await;
        assert_eq!(heard.unwrap().unwrap(), Message::text(answer(number)));
    }
}

#[tokio::test]
async fn a_post_that_was_answered_for_an_upgrade_that_fails_is_received_in_its_order() {
    let server = server(unhurried()).await;
    let client = Polling::connect(&server.url).await;
    drop(post_at_an_upgrade(&client).await);
    let mut answers = Vec::new();
    let last = call(UNREAD + 1);
    let post = client.post(&last);
    let poll = async {
        while answers.last() != Some(&answer(UNREAD + 1)) {
            let polled = within_patience("an answer", client.poll()).await;
            let packets = polled.text().split('\x1e').map(str::to_owned);
            answers.extend(packets.filter(|packet| packet != NOOP));
        }
    };
    tokio::join!(post, poll);
    assert!(answers.into_iter().eq((0..=UNREAD + 1).map(answer)));
}

/// A body that is malformed ends its session, also where it was answered before.
#[tokio::test]
async fn a_post_that_was_answered_and_is_malformed_ends_its_session() {
    let server = server(unhurried()).await;
    let client = Polling::connect(&server.url).await;
    let mut websocket = post_at_an_upgrade(&client).await;
    client.post("nonsense").await;
    websocket.send(Message::text("5")).await.unwrap();
    let ended = async { while let Some(Ok(_)) = websocket.next().await {} };
    within_patience("the session to end", ended).await;
    assert_eq!(client.poll().await.status, 400);
}

#[tokio::test]
async fn one_websocket_takes_over_and_no_other() {
    let server = server(unhurried()).await;
    let client = Polling::connect(&server.url).await;
    let turned_away = async || {
        let mut other = client.websocket().await;
        let closed = within_patience("the WebSocket to be closed", other.next()).await;
        assert!(matches!(closed, Some(Ok(Message::Close(_)))), "{closed:?}");
    };
    let mut websocket = client.websocket().await;
    turned_away().await;
    websocket.send(Message::text("2probe")).await.unwrap();
    assert_eq!(websocket.next().await.unwrap().unwrap(), Message::text("3probe"));
    turned_away().await;
    websocket.send(Message::text("5")).await.unwrap();
    websocket.send(Message::text(call(1))).await.unwrap();
    assert_eq!(websocket.next().await.unwrap().unwrap(), Message::text(answer(1)));
    turned_away().await;
    websocket.send(Message::text(call(2))).await.unwrap();
    assert_eq!(websocket.next().await.unwrap().unwrap(), Message::text(answer(2)));
}
