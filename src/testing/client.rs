//! A client of a [`TestServer`](super::TestServer), or of any other.

use std::{fmt, future::Future, panic::Location};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::{
    answer::Answer,
    call::{Envelope, TestCall},
    failure::{Line, fail, fail_at, within},
    inbox::{Inbox, Received},
};
use crate::{
    call::payload::{Arguments, Data},
    client::{Client, ClientError, Incoming, Packet},
    error::{CallError, Code, Result},
    event::Position,
};

/// The event that carries calls.
const EVENT: &str = "event";

/// A Socket.IO client: over a WebSocket, in the root namespace. Dropping it ends the connection, as a network does that
/// is lost; [`close`](Self::close) says goodbye.
///
/// It reads only while a test waits for something: heartbeats are answered meanwhile, and what comes beside is kept in its
/// order.
///
/// ```
/// # use updraft::{App, Context, Module, Result, testing::TestServer};
/// async fn say(text: String, cx: Context) -> Result<()> {
///     cx.all().emit("said", &text).await
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let server = TestServer::start(App::new().module(Module::new("api.room").on("say", say))).await;
/// let (mut ada, mut bob) = (server.connect().await, server.connect().await);
/// ada.call("api.room.say").data("hello").await.data::<()>();
/// assert_eq!(bob.event("said").await.data::<String>(), "hello");
/// # });
/// ```
pub struct TestClient {
    client: Client,
    inbox: Inbox,
    /// The acks that came and were not asked for yet.
    acks: Vec<(u64, Data)>,
    calls: u64,
}

/// A call that was begun: [`TestClient::answer`] gives its answer.
///
/// ```
/// # use updraft::{App, Context, Module, Result, testing::TestServer};
/// async fn ask(cx: Context) -> Result<String> {
///     cx.emit_with_ack("name?", &(), std::time::Duration::from_secs(5)).await
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let server = TestServer::start(App::new().module(Module::new("api.test").on("ask", ask))).await;
/// let mut client = server.connect().await;
/// let begun = client.begin("api.test.ask", ()).await;
/// let asked = client.event("name?").await;
/// client.ack(&asked, "Ada").await;
/// assert_eq!(client.answer(begun).await.data::<String>(), "Ada");
/// # });
/// ```
#[derive(Debug)]
#[must_use = "the answer of a call that was begun is to be asked for"]
pub struct Begun {
    event: String,
    number: u64,
}

impl TestClient {
    /// Connects to any server at its address, as [`TestServer::connect_with`](super::TestServer::connect_with) does to its own;
    /// `()` says nothing.
    ///
    /// # Panics
    /// If the address does not answer, and if the client is refused, or not connected within a minute.
    #[track_caller]
    pub fn connect(url: &str, auth: impl Serialize) -> impl Future<Output = Self> {
        let line = Location::caller();
        let opened = Self::open(url.to_owned(), handshake(auth), line);
        async move { opened.await.unwrap_or_else(|error| refused_at(line, &error)) }
    }

    /// Connects with what the client says of itself, where it does.
    pub(super) async fn open(url: String, auth: Option<Value>, line: Line) -> Result<Self, CallError> {
        match within(line, "a connection", Client::connect(&url, auth.as_ref())).await {
            Ok(client) => Ok(Self {
                client,
                inbox: Inbox::default(),
                acks: Vec::new(),
                calls: 0,
            }),
            Err(ClientError::Refused(refusal)) => Err(refused(&refusal)),
            Err(error) => fail_at(line, error),
        }
    }

    /// Calls a function by its name, with an ack.
    #[track_caller]
    pub fn call(&mut self, event: &str) -> TestCall<'_> {
        TestCall::new(event, |envelope, line| -> BoxFuture<'_, Answer> {
            Box::pin(async move {
                let begun = self.send_call(envelope, line).await;
                self.answered(begun, line).await
            })
        })
    }

    /// Begins a call and does not wait for its answer: for what is to happen meanwhile.
    #[track_caller]
    pub fn begin(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = Begun> {
        let line = Location::caller();
        let envelope = Envelope::new(event, data);
        async move { self.send_call(envelope, line).await }
    }

    /// The answer of a call that was begun.
    ///
    /// # Panics
    /// Where none comes within a minute.
    #[track_caller]
    pub fn answer(&mut self, begun: Begun) -> impl Future<Output = Answer> {
        self.answered(begun, Location::caller())
    }

    async fn send_call(&mut self, envelope: Envelope, line: Line) -> Begun {
        self.calls += 1;
        let number = self.calls;
        let packet = Packet::event(EVENT, &envelope, Some(number));
        let event = envelope.event;
        self.send(packet, line).await;
        Begun { event, number }
    }

    async fn answered(&mut self, begun: Begun, line: Line) -> Answer {
        let what = format!("the answer of {}", begun.event);
        let is_meant = |acks: &(u64, Data)| acks.0 == begun.number;
        let data = self
            .until(line, &what, |this| {
                let place = this.acks.iter().position(is_meant)?;
                Some(this.acks.remove(place).1)
            })
            .await;
        match read_answer(&data) {
            Ok(result) => Answer::new(begun.event, result),
            Err(error) => fail_at(
                line,
                format_args!("{what} is none ({error}): {}", data.to_parts().0),
            ),
        }
    }

    /// Emits an event of any name with one argument, without an ack: a call that wants none is
    /// `emit("event", json!({"event": "api.room.say", "data": "hi"}))`.
    #[track_caller]
    pub fn emit(&mut self, event: &str, data: impl Serialize) -> impl Future<Output = ()> {
        let line = Location::caller();
        let packet = Packet::event(event, &data, None);
        async move { self.send(packet, line).await }
    }

    /// The next event.
    ///
    /// # Panics
    /// Where none comes within a minute.
    #[track_caller]
    pub fn next_event(&mut self) -> impl Future<Output = Received> {
        let line = Location::caller();
        async move { self.until(line, "an event", |this| this.inbox.next()).await }
    }

    /// The next event of this name; what else comes is kept. What topics and the server say has the name `event`.
    ///
    /// # Panics
    /// Where none comes within a minute.
    #[track_caller]
    pub fn event(&mut self, name: &str) -> impl Future<Output = Received> {
        let line = Location::caller();
        async move {
            let what = format!("the event '{name}'");
            self.until(line, &what, |this| this.inbox.next_named(name)).await
        }
    }

    /// Checks that nothing came that was not taken, and that the server has nothing on its way: it answers an unknown
    /// call after all earlier emits.
    ///
    /// # Panics
    /// Where there is an event.
    #[track_caller]
    pub fn received_nothing_else(&mut self) -> impl Future<Output = ()> {
        let line = Location::caller();
        async move {
            let begun = self.send_call(Envelope::new("nobody.knows", ()), line).await;
            let _unknown = self.answered(begun, line).await;
            if let Some(received) = self.inbox.next() {
                fail_at(
                    line,
                    format_args!("{received} was received, and nothing was expected"),
                );
            }
        }
    }

    /// Subscribes to a topic from its beginning. Its events have the name `event`: `topic.start`, the backlog, `topic.live`,
    /// and what happens from then on.
    #[track_caller]
    pub fn subscribe(&mut self, topic: &str) -> TestCall<'_> {
        self.call("topic.subscribe")
            .data(serde_json::json!({ "topic": topic }))
    }

    /// Subscribes to a topic from a position on.
    #[track_caller]
    pub fn resume(&mut self, topic: &str, since: &Position) -> TestCall<'_> {
        let data = serde_json::json!({ "topic": topic, "since": since });
        self.call("topic.subscribe").data(data)
    }

    /// Acks events of this name from now on, with what `respond` makes of their data: one argument, or several
    /// ([`Args`](crate::Args)).
    pub fn respond<R: Serialize>(
        &mut self,
        event: &str,
        respond: impl Fn(Value) -> R + Send + Sync + 'static,
    ) {
        self.inbox.respond(event, respond);
    }

    /// Acks one event that was received, with one argument or several ([`Args`](crate::Args)).
    ///
    /// # Panics
    /// Where the server wants no ack of it.
    #[track_caller]
    pub fn ack(&mut self, received: &Received, data: impl Serialize) -> impl Future<Output = ()> {
        let line = Location::caller();
        let packet = match received.ack {
            Some(number) => Arguments::written(&data).map(|data| Packet::ack(number, &data)),
            None => fail_at(line, format_args!("the server wants no ack of {received}")),
        };
        async move { self.send(packet, line).await }
    }

    /// Waits until the server closes the connection; what it says until then can be taken after.
    ///
    /// # Panics
    /// Where it does not within a minute.
    #[track_caller]
    pub fn closed(&mut self) -> impl Future<Output = ()> {
        let line = Location::caller();
        async move {
            let what = "the server to close the connection";
            within(line, what, async { while self.take_in(line).await.is_ok() {} }).await;
        }
    }

    /// Leaves, as a client does that has no more to say.
    pub async fn close(self) {
        // One that is closed already is closed.
        let _ = self.client.close().await;
    }

    async fn send(&mut self, packet: Result<Packet>, line: Line) {
        let packet = packet.unwrap_or_else(|error| fail_at(line, format_args!("it cannot be sent: {error}")));
        let sent = within(line, "the server to read", self.client.send(packet)).await;
        sent.unwrap_or_else(|error| fail_at(line, error));
    }

    /// Reads until `take` finds what it looks for.
    async fn until<T>(&mut self, line: Line, what: &str, mut take: impl FnMut(&mut Self) -> Option<T>) -> T {
        within(line, what, async {
            loop {
                if let Some(found) = take(self) {
                    return found;
                }
                if let Err(error) = self.take_in(line).await {
                    let came = self.inbox.names();
                    fail_at(
                        line,
                        format_args!("waited for {what}, and {error}; what came: {came}"),
                    );
                }
            }
        })
        .await
    }

    /// Takes in what the server says next.
    async fn take_in(&mut self, line: Line) -> Result<(), ClientError> {
        match self.client.next().await? {
            Incoming::Ack { number, data } => self.acks.push((number, data)),
            Incoming::Event { name, data, ack } => {
                if let Some(response) = self.inbox.take_in(Received { name, data, ack }) {
                    let number = response.number;
                    let packet = response.make().map(|data| Packet::ack(number, &data));
                    self.send(packet, line).await;
                }
            }
        }
        Ok(())
    }
}

/// What a client says of itself; nothing, where that is `()`.
#[track_caller]
pub(super) fn handshake(auth: impl Serialize) -> Option<Value> {
    match serde_json::to_value(auth) {
        Ok(auth) => Some(auth).filter(|auth| !auth.is_null()),
        Err(error) => fail(format_args!(
            "a handshake that cannot be written as JSON: {error}"
        )),
    }
}

pub(super) fn refused_at(line: Line, error: &CallError) -> ! {
    fail_at(line, format_args!("the connection was refused: {error}"))
}

/// `{event, data?}` or `{event, error}`.
#[derive(Deserialize)]
struct AnswerFrame<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    error: Option<CallError>,
}

fn read_answer(answer: &Data) -> serde_json::Result<Result<Data>> {
    let (json, buffers) = answer.to_parts();
    let frame: AnswerFrame<'_> = serde_json::from_str(&json)?;
    Ok(match (frame.error, frame.data) {
        (Some(error), _) => Err(error),
        (None, None) => Ok(Data::default()),
        (None, Some(data)) => Ok(Data::of_packet(data.get().to_owned().into(), buffers)),
    })
}

/// What CONNECT_ERROR says: `{message, data}`.
fn refused(refusal: &str) -> CallError {
    #[derive(Deserialize)]
    struct Refusal {
        data: CallError,
    }
    match serde_json::from_str::<Refusal>(refusal) {
        Ok(refusal) => refusal.data,
        Err(_) => CallError::new(Code::Internal, refusal.to_owned()),
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").finish_non_exhaustive()
    }
}
