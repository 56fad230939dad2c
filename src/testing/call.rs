//! A call in the making: by its name, with data and the fields beside it.

use std::{fmt, future::IntoFuture, panic::Location};

use futures_util::future::BoxFuture;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{
    answer::Answer,
    failure::{Line, fail},
};
use crate::call::payload::Data;

/// A call, which is made when it is awaited. It panics then where no answer comes within a minute, and where its socket is disconnected.
///
/// ```
/// # use updraft::{App, Call, Module, testing::TestApp};
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let describe = async |call: Call| format!("{:?} {:?}", call.id(), call.version());
/// let app = TestApp::start(App::new().module(Module::new("api.test").on("describe", describe))).await;
///
/// let answer = app.call("api.test.describe").data([1, 2]).id("k1").field("v", 2).await;
/// assert_eq!(answer.data::<String>(), r#"Some("k1") Some(2)"#);
/// # });
/// ```
#[must_use = "a call is made when it is awaited"]
pub struct TestCall<'a> {
    envelope: Envelope,
    line: Line,
    make: Make<'a>,
}

type Make<'a> = Box<dyn FnOnce(Envelope, Line) -> BoxFuture<'a, Answer> + Send + 'a>;

impl<'a> TestCall<'a> {
    #[track_caller]
    pub(super) fn new(
        event: &str,
        make: impl FnOnce(Envelope, Line) -> BoxFuture<'a, Answer> + Send + 'a,
    ) -> Self {
        Self {
            envelope: Envelope::of(event),
            line: Location::caller(),
            make: Box::new(make),
        }
    }

    /// The call's `data`. What serde calls bytes travels as Buffers: [`bytes::Bytes`], `serde_bytes`.
    ///
    /// # Panics
    /// Where it cannot be written as JSON.
    #[track_caller]
    pub fn data(mut self, data: impl Serialize) -> Self {
        self.envelope = self.envelope.with(data);
        self
    }

    /// Its idempotency key (`id`).
    pub fn id(self, key: &str) -> Self {
        self.field("id", key)
    }

    /// Any field beside `event` and `data`.
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.envelope.fields.insert(name.to_owned(), value.into());
        self
    }
}

impl<'a> IntoFuture for TestCall<'a> {
    type Output = Answer;
    type IntoFuture = BoxFuture<'a, Answer>;

    fn into_future(self) -> Self::IntoFuture {
        (self.make)(self.envelope, self.line)
    }
}

impl fmt::Debug for TestCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestCall({})", self.envelope.event)
    }
}

/// The object that is a call.
pub(super) struct Envelope {
    pub(super) event: String,
    data: Option<Data>,
    fields: Map<String, Value>,
}

impl Envelope {
    /// A call of this name.
    fn of(event: &str) -> Self {
        Self {
            event: event.to_owned(),
            data: None,
            fields: Map::new(),
        }
    }

    /// A call with data.
    #[track_caller]
    pub(super) fn new(event: &str, data: impl Serialize) -> Self {
        Self::of(event).with(data)
    }

    #[track_caller]
    fn with(mut self, data: impl Serialize) -> Self {
        match Data::new(&data) {
            Ok(data) => self.data = Some(data),
            Err(error) => fail(format_args!("the data of {}: {error}", self.event)),
        }
        self
    }
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("event", &self.event)?;
        if let Some(data) = &self.data {
            object.serialize_entry("data", data)?;
        }
        for (name, value) in &self.fields {
            object.serialize_entry(name, value)?;
        }
        object.end()
    }
}
