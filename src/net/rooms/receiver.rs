//! What other nodes say, done here.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::Semaphore;

use super::{
    bus::{
        Heard,
        message::{AcksWanted, Answer, Message, NamedEvent},
        other_nodes::OtherNodes,
    },
    event::EncodedEvent,
    hub::ServerHub,
    membership::Rooms,
};
use crate::{
    call::{
        heed::HeedFunctions,
        hub::{Change, Hub},
        payload::Arguments,
        target::Target,
    },
    net::socketio::ROOT,
};

/// Most functions for announced events that run at a time; further events are lost.
const MOST_HEEDING: usize = 1024;

/// Does what other nodes say to this one, one after the other.
pub(in crate::net) struct Receiver {
    nodes: Arc<OtherNodes>,
    hub: Arc<ServerHub>,
    rooms: Arc<Rooms>,
    heeded: HeedFunctions,
    /// For the functions that run.
    heeding: Arc<Semaphore>,
}

impl Receiver {
    pub(in crate::net) fn new(
        nodes: Arc<OtherNodes>,
        hub: Arc<ServerHub>,
        rooms: Arc<Rooms>,
        heeded: HeedFunctions,
    ) -> Self {
        Self {
            nodes,
            hub,
            rooms,
            heeded,
            heeding: Arc::new(Semaphore::new(MOST_HEEDING)),
        }
    }

    /// Until the bus ends.
    pub(in crate::net) async fn run(self) {
        while let Some(heard) = self.nodes.bus().next().await {
            self.act(heard).await;
        }
    }

    async fn act(&self, heard: Heard) {
        let Heard {
            namespace,
            from,
            message,
            room: _room,
        } = heard;
        match message {
            Message::Emit {
                target,
                event,
                acks: None,
            } => self.emit(&namespace, &target, event).await,
            Message::Emit {
                target,
                event,
                acks: Some(wanted),
            } => self.ask(&namespace, &target, event, wanted).await,
            Message::Join { target, rooms } => {
                for room in &rooms {
                    self.change(&namespace, &target, Change::Join(room)).await;
                }
            }
            Message::Leave { target, rooms } => {
                for room in &rooms {
                    self.change(&namespace, &target, Change::Leave(room)).await;
                }
            }
            Message::Disconnect { target, closes } => {
                let change = if closes { Change::Close } else { Change::Disconnect };
                self.change(&namespace, &target, change).await;
            }
            Message::List { target, request } => {
                let sockets = self.hub.sockets_here(&namespace, &target).unwrap_or_default();
                self.answer(&namespace, request, Answer::Sockets(sockets)).await;
            }
            Message::Announce { event, request } => self.heed(&namespace, event, request),
            Message::Answer { request, answer } => self.nodes.answered(&request, from, answer),
        }
    }

    async fn emit(&self, namespace: &str, target: &Target, event: NamedEvent) {
        if let Err(error) = self.rooms.emit_of_other_node(namespace, target, event).await {
            tracing::debug!(%error, "an emit of another node that clients could not take");
        }
    }

    async fn change(&self, namespace: &str, target: &Target, change: Change<'_>) {
        if let Err(error) = self.hub.change_here(namespace, target, change).await {
            tracing::debug!(%error, "a socket that another node could not change");
        }
    }

    async fn answer(&self, namespace: &str, request: String, answer: Answer) {
        let answer = Message::Answer { request, answer };
        self.nodes.bus().publish(namespace, answer).await;
    }

    /// Asks the sockets of a target, and passes on what each acks.
    async fn ask(&self, namespace: &Arc<str>, target: &Target, event: NamedEvent, wanted: AcksWanted) {
        let AcksWanted { request, wait } = wanted;
        let snapshot = self.rooms.select(namespace, target);
        let recipients: Vec<_> = snapshot
            .iter()
            .flat_map(|snapshot| snapshot.recipients())
            .cloned()
            .collect();
        let asked = Answer::Asked {
            sockets: recipients.len(),
            ids: recipients
                .iter()
                .map(|recipient| recipient.sink.id().into())
                .collect(),
        };
        self.answer(namespace, request.clone(), asked).await;
        let Ok(event) = EncodedEvent::of_other_node(event, target) else {
            return;
        };
        self.rooms.delivered().await;
        let (nodes, namespace) = (self.nodes.clone(), namespace.clone());
        begin(async move {
            let asked = recipients
                .iter()
                .map(|recipient| recipient.ask(event.name(), event.data(), wait));
            let mut acks: FuturesUnordered<_> = asked.collect();
            while let Some(ack) = acks.next().await {
                let Ok(arguments) = ack.result else {
                    continue;
                };
                let answer = Answer::Acked {
                    socket: Some((&ack.socket).into()),
                    arguments,
                };
                let request = request.clone();
                nodes
                    .bus()
                    .publish(&namespace, Message::Answer { request, answer })
                    .await;
            }
        });
    }

    /// Runs the function for an event that another node announced.
    fn heed(&self, namespace: &Arc<str>, event: NamedEvent, request: Option<String>) {
        let Ok(running) = self.heeding.clone().try_acquire_owned() else {
            self.nodes.bus().counts().lost.behind.inc();
            tracing::warn!(
                event = event.name.as_str(),
                "too many events of other nodes are heeded already"
            );
            return;
        };
        let (nodes, heeded, namespace) = (self.nodes.clone(), self.heeded.clone(), namespace.clone());
        begin(async move {
            let _running = running;
            let answer = Answer::Heeded(match &*namespace {
                ROOT => heeded.run(event.name.as_str(), &event.data).await,
                _ => Arguments::default(),
            });
            if let Some(request) = request {
                nodes
                    .bus()
                    .publish(&namespace, Message::Answer { request, answer })
                    .await;
            }
        });
    }
}

/// Begins something, so that what is heard next comes after its beginning, and lets it go on beside that.
fn begin(task: impl Future<Output = ()> + Send + 'static) {
    let mut task = Box::pin(task);
    if (&mut task).now_or_never().is_none() {
        tokio::spawn(task);
    }
}
