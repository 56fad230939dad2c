//! What a socket of a test received and the test did not take yet; how it acks.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::failure::fail;
use crate::{
    call::payload::{Arguments, Data},
    error::Result,
};

/// An event that a socket received: of [`TestSocket::event`](super::TestSocket::event) and its like, which has an example.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its name: `message`, or `event` where a topic or the server says something.
    pub name: String,
    pub(super) data: Data,
    pub(super) ack: Option<u64>,
}

impl Received {
    /// Its data as a type.
    ///
    /// # Panics
    /// Where it is something else.
    #[track_caller]
    pub fn data<T: DeserializeOwned>(&self) -> T {
        match self.data.json() {
            Ok(data) => data,
            Err(error) => fail(format_args!("{self} is something else: {error}")),
        }
    }

    /// Its data as it is: for a Buffer, which [`Data::bytes`] gives.
    pub fn raw(&self) -> &Data {
        &self.data
    }

    /// Whether the function that emitted it waits for an ack.
    pub fn wants_ack(&self) -> bool {
        self.ack.is_some()
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the event '{}' with {}", self.name, self.data.to_parts().0)
    }
}

/// What a socket answers to an event that wants an ack.
type Respond = Arc<dyn Fn(Value) -> Result<Arguments> + Send + Sync>;

/// An ack that is to be made of an event's data, with nothing locked: it is the test's own code.
pub(super) struct Response {
    pub(super) number: u64,
    respond: Respond,
    data: Value,
}

impl Response {
    /// # Errors
    /// Where it cannot be written as JSON.
    pub(super) fn make(self) -> Result<Arguments> {
        (self.respond)(self.data)
    }
}

/// The events of one socket that the test did not take yet.
#[derive(Default)]
pub(super) struct Inbox {
    waiting: VecDeque<Received>,
    responses: HashMap<String, Respond>,
}

impl Inbox {
    /// Acks events of this name from now on.
    pub(super) fn respond<R: Serialize>(
        &mut self,
        event: &str,
        respond: impl Fn(Value) -> R + Send + Sync + 'static,
    ) {
        let respond = move |data| Arguments::written(&respond(data));
        self.responses.insert(event.to_owned(), Arc::new(respond));
    }

    /// Takes an event in; or says how to ack it, where that was said before.
    pub(super) fn take_in(&mut self, received: Received) -> Option<Response> {
        if let (Some(number), Some(respond)) = (received.ack, self.responses.get(&received.name)) {
            return Some(Response {
                number,
                respond: respond.clone(),
                data: received.data.json().unwrap_or_default(),
            });
        }
        self.waiting.push_back(received);
        None
    }

    /// The first that waits.
    pub(super) fn next(&mut self) -> Option<Received> {
        self.waiting.pop_front()
    }

    /// The first that waits with this name; the others wait on.
    pub(super) fn next_named(&mut self, name: &str) -> Option<Received> {
        let place = self.waiting.iter().position(|received| received.name == name)?;
        self.waiting.remove(place)
    }

    /// The names of waiting events, for the message of a test that waits for another.
    pub(super) fn names(&self) -> String {
        match self.waiting.is_empty() {
            true => "nothing".to_owned(),
            false => {
                let names: Vec<&str> = self.waiting.iter().map(|received| &*received.name).collect();
                names.join(", ")
            }
        }
    }
}
