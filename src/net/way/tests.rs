//! What goes through the engine and what goes past it, in one log.

use std::{
    sync::{Mutex, Weak},
    task::{Context, Poll},
};

use super::*;
use crate::net::control::Control;

/// An engine and a connection; what each was given.
#[derive(Default)]
struct Log {
    given: Mutex<Vec<String>>,
    expected: Mutex<bool>,
}

impl Log {
    fn write(&self, line: String) {
        self.given.lock().unwrap().push(line);
    }
}

impl Engine for Arc<Log> {
    fn try_send(&self, kind: Kind<'_>, _: Outgoing<'_>) -> Result<(), Untaken> {
        self.write(match kind {
            Kind::Event(name) => format!("engine: {name}"),
            Kind::Ack(id) => format!("engine: ack {id}"),
        });
        Ok(())
    }

    fn carrier(&self) -> Carrier {
        Carrier::WebSocket
    }
}

impl Straight for Log {
    fn expect(&self, mark: Vec<u8>) -> bool {
        assert_eq!(mark[2..], *br#"42["server.mark",null]"#);
        !std::mem::replace(&mut self.expected.lock().unwrap(), true)
    }

    fn expect_no_more(&self) {
        *self.expected.lock().unwrap() = false;
    }

    fn is_clear(&self) -> bool {
        !*self.expected.lock().unwrap()
    }

    fn expect_last(&self, _: Vec<u8>) {}

    fn has_left(&self) -> bool {
        self.is_clear()
    }

    fn poll_over(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn send(self: Arc<Self>, frames: &[u8]) -> bool {
        self.write(format!("straight: {}", String::from_utf8_lossy(&frames[2..])));
        true
    }

    fn send_last(self: Arc<Self>, frames: &[u8]) {
        self.send(frames);
    }

    fn is_waiting(&self) -> bool {
        false
    }
}

#[test]
fn what_was_given_to_the_engine_leaves_before_anything_goes_past_it() {
    let log = Arc::<Log>::default();
    let control = Arc::<Control>::default();
    let wire: Arc<dyn Straight> = log.clone();
    control.leads_straight(Arc::downgrade(&wire) as Weak<dyn Straight>);
    let link = Arc::<Link>::default();
    link.carried_by(&control);
    let mut way = Way::default();
    let send = |way: &mut Way, id| way.send(&log, &link, Kind::Ack(id), &id).is_ok();

    assert!(send(&mut way, 1));
    assert!(!send(&mut way, 2), "before the mark came");
    assert!(!way.turn(), "before the mark came");
    assert!(way.is_waiting(), "before the mark came");
    log.expect_no_more();
    assert!(!way.is_waiting());
    assert!(send(&mut way, 2));
    assert!(way.turn());
    assert!(send(&mut way, 3), "behind what somebody else gave to the engine");
    assert!(!send(&mut way, 4));
    log.expect_no_more();
    assert!(send(&mut way, 4));
    let expected = [
        "engine: ack 1",
        "engine: server.mark",
        "straight: 432[2]",
        "engine: ack 3",
        "engine: server.mark",
        "straight: 434[4]",
    ];
    assert_eq!(*log.given.lock().unwrap(), expected);
}
