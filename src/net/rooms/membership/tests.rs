//! Who hears what is said in a room.

use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::net::rooms::event::EventBatch;

/// One who notes all that it hears.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl EventSink for Notes {
    fn offer(self: Arc<Self>, emits: &EventBatch<'_>) -> usize {
        let heard = emits.iter().map(|emit| format!("{:?}", emit.event()));
        self.0.lock().unwrap().extend(heard);
        emits.len()
    }

    fn ask<'a>(
        self: Arc<Self>,
        event: &'a str,
        _: Outgoing<'a>,
        _: Duration,
    ) -> futures_util::future::BoxFuture<'a, Result<Value>> {
        self.0.lock().unwrap().push(format!("asked {event}"));
        Box::pin(async { Ok(Value::Null) })
    }
}

impl Notes {
    fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn somebody(rooms: &Arc<Rooms>) -> (Member, Arc<Notes>) {
    let notes = Arc::<Notes>::default();
    let member = rooms.member(notes.clone());
    member.appear();
    (member, notes)
}

fn event(name: &str) -> String {
    format!("{name:?}")
}

fn within(room: &str) -> Target {
    Target::Within(room.to_owned())
}

#[tokio::test]
async fn who_comes_later_does_not_hear_what_was_said_before_and_who_goes_does() {
    let rooms = Rooms::new(std::iter::once(&Handle::current()));
    let ((ada, _), (bob, to_bob), (eve, to_eve)) = (somebody(&rooms), somebody(&rooms), somebody(&rooms));
    assert!(ada.join("room", 9) && bob.join("room", 9));
    // It is on its way only, as nothing has been waited for.
    ada.emit_to_others(&within("room"), "early", &1).await.unwrap();
    bob.leave("room");
    assert!(eve.join("room", 9));
    assert_eq!(to_bob.heard(), [""; 0]);
    ada.emit_to_others(&within("room"), "late", &2).await.unwrap();
    rooms.settled().await;
    assert_eq!(to_bob.heard(), [event("early")]);
    assert_eq!(to_eve.heard(), [event("late")]);
}

#[tokio::test]
async fn who_has_left_for_good_enters_nothing_and_leaves_no_room_behind() {
    let rooms = Rooms::new(std::iter::empty());
    let ((ada, _), (bob, to_bob)) = (somebody(&rooms), somebody(&rooms));
    assert!(bob.join("room", 9));
    bob.disconnected();
    assert!(bob.join("room", 9));
    bob.appear();
    ada.emit_to_others(&within("room"), "room", &1).await.unwrap();
    ada.emit_to_others(&Target::Broadcast, "all", &2).await.unwrap();
    assert_eq!(to_bob.heard(), [""; 0]);
    assert!(bob.rooms().is_empty());
    assert!(rooms.open().rooms.is_empty());
    drop(ada);
    assert!(rooms.open().everybody.recipients.is_empty());
}

#[tokio::test]
async fn what_is_asked_comes_after_what_was_said() {
    let rooms = Rooms::new(std::iter::once(&Handle::current()));
    let ((ada, to_ada), (bob, to_bob)) = (somebody(&rooms), somebody(&rooms));
    assert!(ada.join("room", 9) && bob.join("room", 9));
    ada.emit_to_others(&within("room"), "said", &1).await.unwrap();
    let wait = Duration::from_secs(1);
    let answers = ada.ask(&within("room"), "question", &2, wait).await;
    assert_eq!(answers.len(), 2);
    assert_eq!(to_ada.heard(), ["asked question"]);
    assert_eq!(to_bob.heard(), [event("said"), "asked question".to_owned()]);
    let to = Target::To("room".to_owned());
    assert_eq!(ada.ask(&to, "others?", &3, wait).await.len(), 1);
    assert_eq!(ada.ask(&within("nowhere"), "anybody?", &4, wait).await.len(), 0);
}

#[tokio::test]
async fn a_socket_is_in_so_many_rooms() {
    let rooms = Rooms::new(std::iter::empty());
    let (ada, _) = somebody(&rooms);
    assert!(ada.join("a", 2) && ada.join("b", 2) && !ada.join("c", 2));
    assert!(ada.join("b", 2), "it is there already");
    ada.leave("a");
    assert!(ada.join("c", 2));
    assert_eq!(ada.rooms(), ["b", "c"]);
}

#[derive(Clone, Debug)]
enum Step {
    Join(usize, usize),
    Leave(usize, usize),
    Say(usize, usize),
    SayAll(usize),
    Wait,
}

const SOCKETS: usize = 5;
const NAMES: [&str; 3] = ["a", "b", "c"];

fn step() -> impl Strategy<Value = Step> {
    let both = || (0..SOCKETS, 0..NAMES.len());
    prop_oneof![
        3 => both().prop_map(|(who, room)| Step::Join(who, room)),
        2 => both().prop_map(|(who, room)| Step::Leave(who, room)),
        8 => both().prop_map(|(who, room)| Step::Say(who, room)),
        1 => (0..SOCKETS).prop_map(Step::SayAll),
        1 => Just(Step::Wait),
    ]
}

/// What each hears, if all that is said is heard at once by those who are there.
fn model(steps: &[Step]) -> Vec<Vec<String>> {
    let mut inside = [[false; NAMES.len()]; SOCKETS];
    let mut heard = vec![Vec::new(); SOCKETS];
    for (number, step) in steps.iter().enumerate() {
        match *step {
            Step::Join(who, room) => inside[who][room] = true,
            Step::Leave(who, room) => inside[who][room] = false,
            Step::Say(by, _) | Step::SayAll(by) => {
                for (who, heard) in heard.iter_mut().enumerate().filter(|(who, _)| *who != by) {
                    let is_there = match *step {
                        Step::Say(_, room) => inside[who][room],
                        _ => true,
                    };
                    heard.extend(is_there.then(|| event(&number.to_string())));
                }
            }
            Step::Wait => {}
        }
    }
    heard
}

fn runtimes(cores: usize) -> Vec<Runtime> {
    let runtime = || Builder::new_multi_thread().worker_threads(1).build().unwrap();
    (0..cores).map(|_| runtime()).collect()
}

/// Sockets that live on cores in turn.
fn play(steps: &[Step], cores: usize) -> Vec<Vec<String>> {
    let runtimes = runtimes(cores);
    let rooms = Rooms::new(runtimes.iter().map(Runtime::handle));
    let sockets: Vec<_> = (0..SOCKETS)
        .map(|number| {
            let _here = runtimes.get(number % cores.max(1)).map(Runtime::enter);
            somebody(&rooms)
        })
        .collect();
    let speaking = async {
        for (number, step) in steps.iter().enumerate() {
            let name = number.to_string();
            let emit = async |by: usize, target| {
                let (socket, _) = &sockets[by];
                socket.emit_to_others(&target, &name, &number).await.unwrap();
            };
            match *step {
                Step::Join(who, room) => assert!(sockets[who].0.join(NAMES[room], 9)),
                Step::Leave(who, room) => sockets[who].0.leave(NAMES[room]),
                Step::Say(by, room) => emit(by, within(NAMES[room])).await,
                Step::SayAll(by) => emit(by, Target::Broadcast).await,
                Step::Wait => rooms.settled().await,
            }
        }
        rooms.settled().await;
    };
    Builder::new_current_thread().build().unwrap().block_on(speaking);
    sockets.iter().map(|(_, notes)| notes.heard()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn who_is_there_hears_all_that_others_say_once_and_in_order(
        steps in prop::collection::vec(step(), 1..120),
        cores in 0..3_usize,
    ) {
        prop_assert_eq!(play(&steps, cores), model(&steps));
    }
}
