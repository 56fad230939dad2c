//! One session, two transports, any order of what its client does with them: each call is answered once, in order.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use proptest::{collection::vec, prelude::*};
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use super::{Polling, answer, call, server, unhurried};
use crate::support::until;

type WebSocket = WebSocketStream<TcpStream>;

#[derive(Clone, Copy, Debug)]
enum Action {
    /// So many calls at once.
    Call(u32),
    /// A WebSocket that says nothing.
    Open,
    /// One that is tried.
    Probe,
    /// The one there is breaks off.
    Drop,
    /// It takes over, where it was tried.
    Upgrade,
    /// All that was asked is waited for.
    Wait,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (1..30_u32).prop_map(Action::Call),
        1 => Just(Action::Open),
        2 => Just(Action::Probe),
        1 => Just(Action::Drop),
        2 => Just(Action::Upgrade),
        1 => Just(Action::Wait),
    ]
}

/// A client as the ready-made ones are: one poll after the other, and none from when its WebSocket takes over.
struct Client {
    polling: Arc<Polling>,
    heard: Arc<Mutex<Vec<String>>>,
    pauses: Arc<AtomicBool>,
    poller: Option<JoinHandle<()>>,
    opened: Option<(WebSocket, bool)>,
    websocket: Option<SplitSink<WebSocket, Message>>,
    asked: u32,
}

impl Client {
    async fn connect(url: &str) -> Self {
        let polling = Arc::new(Polling::connect(url).await);
        let (heard, pauses) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let poller = tokio::spawn({
            let (polling, heard, pauses) = (polling.clone(), heard.clone(), pauses.clone());
            async move {
                while !pauses.load(Ordering::SeqCst) {
                    let polled = polling.poll().await;
                    assert_eq!(polled.status, 200);
                    hear(&heard, polled.text().split('\x1e'));
                }
            }
        });
        Self {
            polling,
            heard,
            pauses,
            poller: Some(poller),
            opened: None,
            websocket: None,
            asked: 0,
        }
    }

    async fn play(&mut self, action: Action) {
        match action {
            Action::Call(count) => self.call(count).await,
            Action::Wait => self.wait().await,
            _ if self.websocket.is_some() => {}
            Action::Open => self.open().await,
            Action::Probe => self.probe().await,
            Action::Drop => self.opened = None,
            Action::Upgrade => self.upgrade().await,
        }
    }

    async fn call(&mut self, count: u32) {
        let calls: Vec<_> = (self.asked..self.asked + count).map(call).collect();
        self.asked += count;
        match &mut self.websocket {
            Some(websocket) => {
                for call in calls {
                    websocket.send(Message::text(call)).await.unwrap();
                }
            }
            None => self.polling.post(&calls.join("\x1e")).await,
        }
    }

    async fn open(&mut self) {
        self.opened = None;
        // The one before is gone when the server has seen that; until then others are closed.
        loop {
            let mut websocket = self.polling.websocket().await;
            websocket.send(Message::Ping(Bytes::new())).await.unwrap();
            if let Some(Ok(Message::Pong(_))) = websocket.next().await {
                self.opened = Some((websocket, false));
                return;
            }
        }
    }

    async fn probe(&mut self) {
        if self.opened.is_none() {
            self.open().await;
        }
        let Some((websocket, is_probed)) = &mut self.opened else {
            return;
        };
        if !*is_probed {
            websocket.send(Message::text("2probe")).await.unwrap();
            assert_eq!(websocket.next().await.unwrap().unwrap(), Message::text("3probe"));
            *is_probed = true;
        }
    }

    async fn upgrade(&mut self) {
        let Some((mut websocket, true)) = self.opened.take() else {
            return;
        };
        self.pauses.store(true, Ordering::SeqCst);
        if let Some(poller) = self.poller.take() {
            poller.await.unwrap();
        }
        websocket.send(Message::text("5")).await.unwrap();
        let (sink, mut stream) = websocket.split();
        self.websocket = Some(sink);
        let heard = self.heard.clone();
        tokio::spawn(async move {
            while let Some(Ok(Message::Text(text))) = stream.next().await {
                hear(&heard, [text.as_str()].into_iter());
            }
        });
    }

    async fn wait(&self) {
        until("all answers", || {
            self.heard.lock().unwrap().len() >= self.asked as usize
        })
        .await;
    }
}

/// What is said, but for heartbeats and what ends polls.
fn hear<'a>(heard: &Mutex<Vec<String>>, packets: impl Iterator<Item = &'a str>) {
    let said = packets.filter(|packet| !matches!(*packet, "2" | "6"));
    heard.lock().unwrap().extend(said.map(str::to_owned));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn each_call_is_answered_once_and_in_order(actions in vec(action(), 1..15)) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = server(unhurried()).await;
            let mut client = Client::connect(&server.url).await;
            for action in actions {
                client.play(action).await;
            }
            client.wait().await;
            let expected: Vec<_> = (0..client.asked).map(answer).collect();
            assert_eq!(*client.heard.lock().unwrap(), expected);
        });
    }
}
