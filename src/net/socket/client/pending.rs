//! Namespaces that a client is being connected to, and the packets to them meanwhile.

use crate::{call::memory::Held, error::CallError, net::socketio::assembly::Assembled};

/// The namespaces that a client is being connected to.
#[derive(Default)]
pub(super) struct Connecting(Vec<Pending>);

pub(super) struct Pending {
    namespace: Box<str>,
    /// The packets to it, and the pause in reading since then.
    pub(super) early: Vec<Early>,
    pub(super) pause: u64,
}

/// What was said to a namespace too early.
pub(super) enum Early {
    /// It is received once the client is connected; so much is held for it.
    Packet(Assembled, Held),
    /// There was no memory for an event of this name, which is answered once there is a socket.
    Short {
        name: Box<str>,
        ack: Option<u64>,
        why: CallError,
    },
}

impl Connecting {
    /// One more.
    pub(super) fn begin(&mut self, namespace: Box<str>) {
        self.0.push(Pending {
            namespace,
            early: Vec::new(),
            pause: 0,
        });
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// One that is being connected.
    pub(super) fn find(&mut self, namespace: &str) -> Option<&mut Pending> {
        let mut pending = self.0.iter_mut();
        pending.find(|pending| *pending.namespace == *namespace)
    }

    /// It is connected, or refused.
    pub(super) fn take(&mut self, namespace: &str) -> Option<Pending> {
        let found = self.0.iter().position(|pending| *pending.namespace == *namespace);
        found.map(|found| self.0.swap_remove(found))
    }
}
