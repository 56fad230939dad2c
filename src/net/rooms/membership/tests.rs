//! Which sockets receive what is emitted to rooms.

use futures_util::future::BoxFuture;

use super::*;
use crate::{
    call::payload::WrittenName,
    config::Parser,
    error::Code,
    net::{
        engineio::{Framing, Protocol},
        rooms::{
            event::{Dropped, EventBatch, EventSink},
            membership::member::Member,
        },
    },
};

/// A socket that notes all that it hears.
struct Notes(SocketId, Mutex<Vec<String>>);

impl EventSink for Notes {
    fn id(&self) -> &SocketId {
        &self.0
    }

    fn offer(self: Arc<Self>, emits: &EventBatch<'_>) -> Dropped {
        let heard = emits.iter().map(|emit| emit.name().as_str().to_owned());
        self.1.lock().unwrap().extend(heard);
        Dropped::default()
    }

    fn ask<'a>(
        self: Arc<Self>,
        event: WrittenName<&'a str>,
        _: Outgoing<'a>,
        _: Duration,
    ) -> BoxFuture<'a, Result<Arguments>> {
        self.1.lock().unwrap().push(format!("asked {}", event.as_str()));
        Box::pin(async { Ok(Arguments::default()) })
    }
}

impl Notes {
    fn heard(&self) -> Vec<String> {
        self.1.lock().unwrap().clone()
    }
}

fn rooms<'a>(cores: impl Iterator<Item = &'a Handle>) -> Arc<Rooms> {
    Rooms::new(cores, None, Missed::default(), None)
}

/// A socket that is still to appear.
fn absent(rooms: &Arc<Rooms>, namespace: &str) -> (Member, Arc<Notes>) {
    let id = SocketId::random().unwrap();
    let notes = Arc::new(Notes(id.clone(), Mutex::default()));
    (rooms.member(namespace, &id, notes.clone()), notes)
}

fn socket_in(rooms: &Arc<Rooms>, namespace: &str) -> (Member, Arc<Notes>) {
    let (member, notes) = absent(rooms, namespace);
    member.appear();
    (member, notes)
}

fn socket(rooms: &Arc<Rooms>) -> (Member, Arc<Notes>) {
    socket_in(rooms, "/")
}

#[tokio::test]
async fn who_comes_later_does_not_hear_what_was_said_before_and_who_goes_does() {
    let rooms = rooms(std::iter::once(&Handle::current()));
    let ((ada, _), (bob, to_bob), (eve, to_eve)) = (socket(&rooms), socket(&rooms), socket(&rooms));
    assert!(ada.join("room", 9) && bob.join("room", 9));
    // It is on its way only, as nothing has been waited for.
    ada.emit_to_others(&Target::within("room"), "early", &1)
        .await
        .unwrap();
    bob.leave("room");
    assert!(eve.join("room", 9));
    assert_eq!(to_bob.heard(), [""; 0]);
    ada.emit_to_others(&Target::within("room"), "late", &2)
        .await
        .unwrap();
    rooms.delivered().await;
    assert_eq!(to_bob.heard(), ["early"]);
    assert_eq!(to_eve.heard(), ["late"]);
}

#[tokio::test]
async fn who_has_left_for_good_enters_nothing_and_leaves_no_room_behind() {
    let rooms = rooms(std::iter::empty());
    let ((ada, _), (bob, to_bob)) = (socket(&rooms), socket(&rooms));
    assert!(bob.join("room", 9));
    bob.disconnected();
    assert!(bob.join("room", 9));
    bob.appear();
    for target in [Target::within("room"), Target::others(), Target::to(&bob.id)] {
        ada.emit_to_others(&target, "event", &1).await.unwrap();
    }
    assert_eq!(to_bob.heard(), [""; 0]);
    assert!(bob.rooms().is_empty());
    ada.disconnected();
    assert!(ada.open.rooms().is_empty());
    drop((ada, bob));
    assert!(rooms.namespaces().is_empty());
}

#[tokio::test]
async fn one_that_is_not_connected_yet_hears_nothing_and_is_in_its_rooms_once_it_is() {
    let rooms = rooms(std::iter::empty());
    let (ada, to_ada) = absent(&rooms, "/");
    assert!(ada.join("room", 9) && ada.join("other", 9) && ada.is_in("room"));
    ada.leave("other");
    let say = async |event: &str| {
        for target in [
            Target::all(),
            Target::to("room"),
            Target::to("other"),
            Target::to(&ada.id),
        ] {
            rooms.emit("/", &target, event, &1).await.unwrap();
        }
    };
    say("early").await;
    ada.appear();
    say("late").await;
    assert_eq!(to_ada.heard(), ["late"; 3]);
}

#[tokio::test]
async fn what_is_asked_comes_after_what_was_said() {
    let rooms = rooms(std::iter::once(&Handle::current()));
    let ((ada, to_ada), (bob, to_bob)) = (socket(&rooms), socket(&rooms));
    assert!(ada.join("room", 9) && bob.join("room", 9));
    ada.emit_to_others(&Target::within("room"), "said", &1)
        .await
        .unwrap();
    let ask = async |target, event| {
        let acks = ada.ask(&target, event, &2, Duration::from_secs(1)).await.unwrap();
        let mut asked: Vec<_> = acks.into_iter().map(|ack| ack.socket).collect();
        asked.sort_unstable();
        asked
    };
    let mut both = [ada.id.clone(), bob.id.clone()];
    both.sort_unstable();
    assert_eq!(ask(Target::within("room"), "question").await, both);
    assert_eq!(to_ada.heard(), ["asked question"]);
    assert_eq!(to_bob.heard(), ["said", "asked question"]);
    let one = |member: &Member| [member.id.clone()];
    assert_eq!(ask(Target::to("room"), "others?").await, one(&bob));
    assert_eq!(ask(Target::to(&bob.id), "you?").await, one(&bob));
    assert_eq!(ask(Target::caller(), "me?").await, one(&ada));
    assert!(ask(Target::within("nowhere"), "anybody?").await.is_empty());
}

#[tokio::test]
async fn a_socket_is_in_so_many_rooms_and_its_own_is_not_among_them() {
    let rooms = rooms(std::iter::empty());
    let (ada, to_ada) = socket(&rooms);
    assert!(ada.join("a", 2) && ada.join("b", 2) && !ada.join("c", 2));
    assert!(ada.join("b", 2), "it is there already");
    assert!(ada.join(ada.id.as_str(), 2), "it is there always");
    ada.leave("a");
    assert!(ada.join("c", 2));
    assert_eq!(ada.rooms(), ["b", "c"]);
    ada.leave(ada.id.as_str());
    rooms.emit("/", &Target::to(&ada.id), "event", &1).await.unwrap();
    assert_eq!(to_ada.heard(), ["event"]);
}

#[tokio::test]
async fn ten_thousand_namespaces_cost_nothing_once_their_sockets_have_gone() {
    let rooms = rooms(std::iter::empty());
    let name = |number: usize| format!("/game/{number}");
    let games: Vec<_> = (0..10_000)
        .map(|number| socket_in(&rooms, &name(number)))
        .collect();
    assert_eq!(rooms.namespaces().len(), games.len());
    for (number, (member, notes)) in games.iter().enumerate() {
        assert!(member.join("players", 9));
        let target = Target::to("players");
        rooms
            .emit(&name(number), &target, &number.to_string(), &1)
            .await
            .unwrap();
        assert_eq!(notes.heard(), [number.to_string()]);
    }
    drop(games);
    let namespaces = rooms.namespaces();
    assert!(namespaces.is_empty());
    assert!(namespaces.capacity() < 100, "{}", namespaces.capacity());
}

#[tokio::test]
async fn more_buffers_than_clients_take_are_refused_where_they_are_emitted() {
    let rooms = rooms(std::iter::empty());
    let ((ada, _), (_bob, to_bob)) = (socket(&rooms), socket(&rooms));
    for (many, is_taken) in [(10, true), (11, false)] {
        let buffers = vec![serde_bytes::Bytes::new(b"bytes"); many];
        let by_function = ada.emit_to_others(&Target::others(), "bytes", &buffers).await;
        let by_server = rooms.emit("/", &Target::all(), "bytes", &buffers).await;
        let wait = Duration::from_secs(1);
        let asked = rooms
            .ask("/", &Target::to(to_bob.id()), "bytes?", &buffers, wait)
            .await;
        for refused in [by_function.err(), by_server.err(), asked.err()] {
            assert_eq!(refused.is_none(), is_taken);
            if let Some(error) = refused {
                assert_eq!(error.code(), Code::TooLarge);
                assert!(error.message().starts_with("11 Buffers in one event"), "{error}");
            }
        }
    }
    assert_eq!(to_bob.heard(), ["bytes", "bytes", "asked bytes?"]);
}

#[test]
fn what_is_written_out_for_many_names_their_namespace() {
    let event = EncodedEvent::new("saved", &[7], &Target::all()).unwrap();
    for (namespace, packet) in [("/", r#"42["saved",[7]]"#), ("/chat", r#"42/chat,["saved",[7]]"#)] {
        let events = [&event];
        let batch = EventBatch::new(namespace, &events);
        let framing = Framing {
            protocol: Protocol::V4,
            deflate: None,
        };
        let frames = batch.frames(Parser::Json, framing);
        let frames: Vec<_> = frames.parts().collect();
        assert_eq!(frames.concat()[2..], *packet.as_bytes());
    }
}

mod model;
