//! Any steps of any sockets in any namespaces, beside a model of what each socket is to hear.

use proptest::{collection::vec, prelude::*};
use tokio::runtime::{Builder, Runtime};

use super::{rooms, socket_in};
use crate::call::target::Target;

/// The sender of an emit: a function of this socket, or an emitter to this namespace.
#[derive(Clone, Copy, Debug)]
enum By {
    Function(usize),
    Emitter(usize),
}

/// The room of this name, or that of this socket's id.
#[derive(Clone, Copy, Debug)]
enum Room {
    Named(usize),
    Own(usize),
}

#[derive(Clone, Debug)]
enum Step {
    Join(usize, Room),
    Leave(usize, Room),
    Disconnect(usize),
    Say {
        by: By,
        rooms: Vec<Room>,
        except: Vec<Room>,
    },
    Wait,
}

const SOCKETS: usize = 6;
const NAMES: [&str; 3] = ["a", "b", "c"];
/// Sockets are in the first two in turn.
const NAMESPACES: [&str; 3] = ["/", "/game/1", "/game/2"];

fn namespace_of(socket: usize) -> usize {
    socket % 2
}

fn room() -> impl Strategy<Value = Room> {
    prop_oneof![
        3 => (0..NAMES.len()).prop_map(Room::Named),
        1 => (0..SOCKETS).prop_map(Room::Own),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let by = prop_oneof![
        (0..SOCKETS).prop_map(By::Function),
        (0..NAMESPACES.len()).prop_map(By::Emitter),
    ];
    let said = (by, vec(room(), 0..3), vec(room(), 0..2));
    prop_oneof![
        6 => (0..SOCKETS, room()).prop_map(|(socket, room)| Step::Join(socket, room)),
        4 => (0..SOCKETS, room()).prop_map(|(socket, room)| Step::Leave(socket, room)),
        1 => (0..SOCKETS).prop_map(Step::Disconnect),
        16 => said.prop_map(|(by, rooms, except)| Step::Say { by, rooms, except }),
        2 => Just(Step::Wait),
    ]
}

/// Where each socket is, as far as that is known without the code that is tested.
struct Model {
    inside: [[bool; NAMES.len()]; SOCKETS],
    /// In the room of another's id.
    visits: [[bool; SOCKETS]; SOCKETS],
    is_connected: [bool; SOCKETS],
}

impl Model {
    fn set(&mut self, socket: usize, room: Room, is_in: bool) {
        match room {
            Room::Named(name) => self.inside[socket][name] = is_in,
            Room::Own(other) => self.visits[socket][other] = is_in,
        }
    }

    fn is_in(&self, socket: usize, room: &Room) -> bool {
        match *room {
            Room::Named(name) => self.inside[socket][name],
            Room::Own(other) => socket == other || self.visits[socket][other],
        }
    }

    fn hears(&self, socket: usize, by: By, rooms: &[Room], except: &[Room]) -> bool {
        let is_of_them = match by {
            By::Function(by) => by != socket && namespace_of(by) == namespace_of(socket),
            By::Emitter(namespace) => namespace == namespace_of(socket),
        };
        let is_in = |room| self.is_in(socket, room);
        let is_meant = (rooms.is_empty() || rooms.iter().any(is_in)) && !except.iter().any(is_in);
        self.is_connected[socket] && is_of_them && is_meant
    }
}

/// What each socket receives, if every emit is delivered at once to the sockets that are there.
fn model(steps: &[Step]) -> Vec<Vec<String>> {
    let mut model = Model {
        inside: Default::default(),
        visits: Default::default(),
        is_connected: [true; SOCKETS],
    };
    let mut heard = vec![Vec::new(); SOCKETS];
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Join(socket, room) => model.set(*socket, *room, true),
            Step::Leave(socket, room) => model.set(*socket, *room, false),
            Step::Disconnect(socket) => model.is_connected[*socket] = false,
            Step::Say { by, rooms, except } => {
                for (socket, heard) in heard.iter_mut().enumerate() {
                    let hears = model.hears(socket, *by, rooms, except);
                    heard.extend(hears.then(|| number.to_string()));
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
    let rooms = rooms(runtimes.iter().map(Runtime::handle));
    let sockets: Vec<_> = (0..SOCKETS)
        .map(|number| {
            let _here = runtimes.get(number % cores.max(1)).map(Runtime::enter);
            socket_in(&rooms, NAMESPACES[namespace_of(number)])
        })
        .collect();
    let name = |room: &Room| match *room {
        Room::Named(name) => NAMES[name].to_owned(),
        Room::Own(socket) => String::from(&sockets[socket].0.id),
    };
    let speaking = async {
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::Join(socket, room) => assert!(sockets[*socket].0.join(&name(room), 99)),
                Step::Leave(socket, room) => sockets[*socket].0.leave(&name(room)),
                Step::Disconnect(socket) => sockets[*socket].0.disconnected(),
                Step::Say {
                    by,
                    rooms: to,
                    except,
                } => {
                    let target = to.iter().map(name).fold(Target::all(), Target::and);
                    let target = except.iter().map(name).fold(target, Target::except);
                    let event = number.to_string();
                    let said = match *by {
                        By::Function(by) => sockets[by].0.emit_to_others(&target, &event, &number).await,
                        By::Emitter(namespace) => {
                            rooms.emit(NAMESPACES[namespace], &target, &event, &number).await
                        }
                    };
                    said.unwrap();
                }
                Step::Wait => rooms.delivered().await,
            }
        }
        rooms.delivered().await;
    };
    Builder::new_current_thread().build().unwrap().block_on(speaking);
    sockets.iter().map(|(_, notes)| notes.heard()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn each_socket_hears_all_that_is_meant_for_it_once_and_in_order(
        steps in vec(step(), 1..120),
        cores in 0..3_usize,
    ) {
        prop_assert_eq!(play(&steps, cores), model(&steps));
    }
}
