use proptest::{collection::vec, prelude::*};

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_is_lost_doubled_or_reordered_and_nothing_is_left(
        story in vec(any::<u8>(), 0..160),
    ) {
        play(&story);
    }
}

/// A WebSocket that was asked for before the server drains may be there once all others were closed.
#[tokio::test(start_paused = true)]
async fn a_session_that_begins_as_the_server_drains_is_closed() {
    for protocol in [Protocol::V3, Protocol::V4] {
        let server = Play::new().server;
        let session = server.open(protocol, Default::default).unwrap();
        server.drain();
        server.begin(&session);
        assert_eq!(session.closed(), Some(CloseReason::ShuttingDown));
    }
}

/// What the stories are made of does happen.
#[tokio::test(start_paused = true)]
async fn a_websocket_that_was_tried_carries_the_session_and_all_is_heard() {
    for protocol in [Protocol::V3, Protocol::V4] {
        let mut play = Play::new();
        let moment = Step::Wait(Duration::from_millis(200));
        let story = [
            Step::Open(protocol, Transport::Polling),
            Step::Post(16),
            Step::Say(20, 300),
            moment.clone(),
            Step::Probe,
            moment.clone(),
            Step::Say(7, 40_000),
            Step::Upgrade,
            Step::Send(32),
            moment,
        ];
        for step in story {
            play.step((step, 3)).await;
        }
        let client = play.client.as_ref().expect("a client");
        let record = client.record.clone();
        let state = record.session().expect("a session").state().transport;
        assert_eq!(state, Transport::WebSocket);
        assert_eq!(record.received(), (1..=48).collect::<Vec<_>>());
        assert!(record.said() > 27, "some were answered");
        assert_eq!(lock(&client.ear).numbers, (1..=record.said()).collect::<Vec<_>>());
        assert!(client.is_orderly);
        play.end().await;
        assert_eq!(record.closed(), [CloseReason::TransportClose]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_silent_is_missed_in_time() {
    for (protocol, transport) in [
        (Protocol::V3, Transport::Polling),
        (Protocol::V3, Transport::WebSocket),
        (Protocol::V4, Transport::Polling),
        (Protocol::V4, Transport::WebSocket),
    ] {
        let mut play = Play::new();
        play.step((Step::Open(protocol, transport), 0)).await;
        play.step((Step::Beat(false), 0)).await;
        let record = play.client.as_ref().expect("a client").record.clone();
        sleep(PING_INTERVAL).await;
        assert!(!record.is_over(), "{protocol:?} {transport:?}");
        // A client of protocol 3 is listened for in slices.
        sleep(PING_TIMEOUT + (PING_INTERVAL + PING_TIMEOUT) / 8 + Duration::from_secs(1)).await;
        assert_eq!(
            record.closed(),
            [CloseReason::PingTimeout],
            "{protocol:?} {transport:?}"
        );
        play.end().await;
    }
}
