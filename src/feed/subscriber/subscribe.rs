//! What clients call: `topic.subscribe`, `topic.unsubscribe`; and the task that feeds each subscription.

use std::{collections::HashMap, future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use serde::Deserialize;
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::subscription::Subscription;
use crate::{
    call::{
        context::Context,
        dispatch::said,
        extract::{Json, State},
        identity::Identity,
        module::Module,
        unknown_event::shortened,
    },
    error::{CallError, Code, Result},
    event::{MalformedPosition, Position},
    feed::{
        channels::{Channel, Feed},
        topic::frame::{self, EVENT, Frame, Start},
    },
    journal::JournalError,
};

/// Before a journal that could not be read is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The functions under `topic.`.
pub(crate) fn module() -> Module {
    Module::reserved("topic")
        .on("subscribe", subscribe)
        .on("unsubscribe", unsubscribe)
}

#[derive(Deserialize)]
struct Subscribe {
    topic: String,
    since: Option<String>,
}

#[derive(Deserialize)]
struct Unsubscribe {
    topic: String,
}

async fn subscribe(
    Json(Subscribe { topic, since }): Json<Subscribe>,
    State(feed): State<Feed>,
    cx: Context,
) -> Result<Json<Start>> {
    let since = position(since.as_deref(), "data.since")?;
    begin(&feed, &cx, &topic, since).await.map(Json)
}

async fn unsubscribe(Json(Unsubscribe { topic }): Json<Unsubscribe>, cx: Context) {
    if let Some(readings) = cx.socket_data::<Readings>() {
        let reading = readings.0.lock().await.remove(&topic);
        end(reading).await;
    }
}

/// The position that a client writes at this path of what it sends.
pub(super) fn position(since: Option<&str>, path: &str) -> Result<Option<Position>> {
    since
        .map(str::parse)
        .transpose()
        .map_err(|error: MalformedPosition| {
            CallError::new(Code::InvalidData, error.to_string())
                .with_details(serde_json::json!({ "path": path, "expected": "a position" }))
        })
}

/// The subscriptions of a socket.
#[derive(Default)]
struct Readings(Arc<Mutex<ByTopic>>);

pub(super) type ByTopic = HashMap<String, Reading>;

/// The subscriptions of a socket, locked from the call of this function on if they are free.
pub(super) fn held(cx: &Context) -> impl Future<Output = OwnedMutexGuard<ByTopic>> + Send + use<> {
    let readings = cx.socket_data_or_default::<Readings>().0.clone();
    let first = readings.clone().try_lock_owned();
    async move {
        match first {
            Ok(readings) => readings,
            Err(_) => readings.lock_owned().await,
        }
    }
}

/// A subscription that is fed.
pub(super) struct Reading {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn begin(feed: &Feed, cx: &Context, topic: &str, since: Option<Position>) -> Result<Start> {
    let mut readings = held(cx).await;
    // While they are locked: an identity that changes from now on is checked again after this.
    let channel = admit(feed, cx, topic).await?;
    check_room(feed, &mut readings, topic)?;
    // The first is over before the second begins: nothing of it arrives after its start.
    end(readings.remove(topic)).await;
    let begun = Subscription::begin(channel, since.as_ref()).await;
    let (subscription, start) = begun.map_err(JournalError::refusal)?;
    let feeding = feed_until_broken(subscription, start.frame()?, cx.clone());
    readings.insert(topic.to_owned(), Reading::start(feeding, topic, cx));
    Ok(start)
}

/// The same without an ack: if the journal is unavailable it begins once it is available again. A broken journal is
/// reported.
pub(super) async fn begin_by_itself(
    feed: &Feed,
    cx: &Context,
    readings: &mut ByTopic,
    topic: &str,
    since: Option<Position>,
) -> Result<()> {
    let channel = admit(feed, cx, topic).await?;
    check_room(feed, readings, topic)?;
    end(readings.remove(topic)).await;
    let feeding = begin_when_it_can(channel, since, cx.clone());
    readings.insert(topic.to_owned(), Reading::start(feeding, topic, cx));
    Ok(())
}

async fn begin_when_it_can(channel: Arc<Channel>, since: Option<Position>, cx: Context) -> JournalError {
    loop {
        let failure = match Subscription::begin(channel.clone(), since.as_ref()).await {
            Ok((subscription, start)) => match start.frame() {
                Ok(start) => return feed_until_broken(subscription, start, cx).await,
                Err(error) => JournalError::Unavailable(error.to_string()),
            },
            Err(failure) => failure,
        };
        if let Some(broken) = wait_after(failure).await {
            return broken;
        }
    }
}

/// Waits for a journal that may be there again; the error, where waiting does not help.
pub(super) async fn wait_after(failure: JournalError) -> Option<JournalError> {
    if matches!(failure, JournalError::Broken(_)) {
        return Some(failure);
    }
    tracing::warn!("a subscription waits for the journal: {failure}");
    tokio::time::sleep(AFTER_FAILURE).await;
    None
}

/// The client has another identity: subscriptions without the right end, and the client is told.
pub(crate) async fn ask_again(feed: Arc<Feed>, cx: Context) {
    let mut readings = held(&cx).await;
    readings.retain(|_, reading| reading.goes_on());
    let topics: Vec<String> = readings.keys().cloned().collect();
    let mut refused = Vec::new();
    for topic in topics {
        if let Err(error) = admit(&feed, &cx, &topic).await {
            end(readings.remove(&topic)).await;
            refused.push((topic, error));
        }
    }
    drop(readings);
    for (topic, error) in refused {
        refuse(&cx, Some(&topic), &error).await;
    }
}

/// Tells a client, for as long as it is there, what it does not get.
pub(super) async fn refuse(cx: &Context, topic: Option<&str>, error: &CallError) {
    tracing::debug!(%error, "a subscription was refused");
    let topic = topic.map(shortened);
    let Ok(refused) = frame::refused(topic, error) else {
        return tracing::error!("a refusal cannot be written as JSON");
    };
    tokio::select! {
        () = say(cx, &refused) => {}
        () = cx.cancelled() => {}
    }
}

/// Whether there is room for a subscription, or one that it replaces.
fn check_room(feed: &Feed, readings: &mut ByTopic, topic: &str) -> Result<()> {
    readings.retain(|_, reading| reading.goes_on());
    let most = feed.most_subscriptions();
    if readings.len() < most || readings.contains_key(topic) {
        return Ok(());
    }
    feed.refused_one();
    let full = CallError::new(
        Code::TooLarge,
        format!("a socket is subscribed to {most} topics at most"),
    );
    Err(full.with_details(serde_json::json!({ "most": most })))
}

/// The topic, if this client may read it, with the identity that it has when the guard has answered.
pub(super) async fn admit(feed: &Feed, cx: &Context, topic: &str) -> Result<Arc<Channel>> {
    let channel = feed.channel(topic)?;
    loop {
        let identity = cx.identity();
        ask(feed, channel, cx, identity.clone()).await?;
        if cx.identity() == identity {
            return Ok(channel.clone());
        }
    }
}

/// Asks a topic's guard. One that panics or takes too long has not let the client read.
async fn ask(feed: &Feed, channel: &Channel, cx: &Context, identity: Identity) -> Result<()> {
    let asked = async { channel.topic.admit(cx.socket_id().clone(), identity).await };
    let asked = AssertUnwindSafe(asked).catch_unwind();
    match tokio::time::timeout(feed.longest_guard(), asked).await {
        Ok(Ok(admitted)) => admitted,
        Ok(Err(panic)) => Err(CallError::internal(format_args!(
            "the guard of topic '{}' panicked: {}",
            channel.topic.name,
            said(&*panic)
        ))),
        Err(_) => Err(CallError::new(Code::Timeout, "the topic's guard took too long")),
    }
}

impl Reading {
    /// Feeds a reader for as long as its socket lives, also where the topic stays silent for ever. Where the feeding ends
    /// by itself, the reader is told why.
    fn start(
        feeding: impl Future<Output = JournalError> + Send + 'static,
        topic: &str,
        cx: &Context,
    ) -> Self {
        let (stop, cx, topic) = (CancellationToken::new(), cx.clone(), topic.to_owned());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let feeding = async {
                let broken = feeding.await;
                refuse(&cx, Some(&topic), &broken.refusal()).await;
            };
            tokio::select! {
                () = feeding => {}
                () = stopped.cancelled() => {}
                () = cx.cancelled() => {}
            }
        });
        Self { stop, task }
    }

    /// Whether more may come of it.
    fn goes_on(&self) -> bool {
        !self.task.is_finished()
    }
}

/// Ends a subscription, and waits until nothing of it can come any more.
async fn end(reading: Option<Reading>) {
    if let Some(Reading { stop, task }) = reading {
        stop.cancel();
        let _ = task.await;
    }
}

/// Emits to a reader. One that is too slow for one emit is not dropped: the emit is repeated.
async fn say(cx: &Context, frame: &Frame) {
    while cx.emit_written(EVENT, frame).await.is_err() {
        tokio::time::sleep(AFTER_FAILURE).await;
    }
}

/// A batch, and the next when that has left; until the journal is broken where the reader stands: how.
async fn feed_until_broken(mut subscription: Subscription, start: Frame, cx: Context) -> JournalError {
    let mut frames = vec![start];
    loop {
        let said = cx.try_emit_written(EVENT, &mut frames.iter());
        match said == frames.len() {
            true => subscription.widen(),
            false => subscription.narrow(),
        }
        for frame in &frames[said..] {
            say(&cx, frame).await;
        }
        cx.ready().await;
        frames = match subscription.next(&cx).await {
            Ok(frames) => frames,
            Err(failure) => match wait_after(failure).await {
                Some(broken) => return broken,
                None => Vec::new(),
            },
        };
    }
}
