//! Subscriptions that a client names in its handshake, `{topics: {board: position or null}}`. There is no ack that
//! could refuse one, so what is refused is told by an event, and the others go on.

use std::{fmt, future::Future, sync::Arc};

use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{json, value::RawValue};

use super::subscribe::{ByTopic, begin_by_itself, held, position, refuse};
use crate::{
    call::{context::Context, payload::whole, unknown_event::shortened},
    error::{CallError, Code, Result},
    event::Position,
    feed::channels::{self, Feed},
};

/// What a handshake names, as far as it is within bounds.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Topics in the client's order, each with the position to go on from.
    topics: Vec<(String, Result<Option<Position>>)>,
    /// What is wrong with the whole of it.
    refused: Option<CallError>,
}

impl Wanted {
    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty() && self.refused.is_none()
    }

    /// Reads JSON of whatever form, the first so many topics of it: what does not fit is refused later, beside what
    /// does.
    pub(crate) fn read(json: &str, most: usize) -> Self {
        let topics = serde_json::Deserializer::from_str(&whole(json)).deserialize_map(Topics { most });
        topics.unwrap_or_else(|_| Self {
            topics: Vec::new(),
            refused: Some(invalid("topics come as an object", "auth.topics", "an object")),
        })
    }
}

/// An object of positions by topics.
struct Topics {
    most: usize,
}

impl<'de> Visitor<'de> for Topics {
    type Value = Wanted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of positions by topic")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wanted, A::Error> {
        let mut wanted = Wanted::default();
        while wanted.topics.len() < self.most {
            let Some((topic, since)) = map.next_entry::<String, &RawValue>()? else {
                return Ok(wanted);
            };
            let since = read_since(&topic, since.get());
            wanted.topics.push((topic, since));
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            wanted.refused.get_or_insert_with(|| too_many(self.most));
        }
        Ok(wanted)
    }
}

fn read_since(topic: &str, json: &str) -> Result<Option<Position>> {
    let path = format!("auth.topics.{}", shortened(topic));
    let since: Option<String> = serde_json::from_str(json)
        .map_err(|_| invalid("a position is a text, or null", &path, "a position or null"))?;
    position(since.as_deref(), &path)
}

/// Without what the client wrote, which may be long.
fn invalid(why: &'static str, path: &str, expected: &str) -> CallError {
    CallError::new(Code::InvalidData, why).with_details(json!({ "path": path, "expected": expected }))
}

fn too_many(most: usize) -> CallError {
    CallError::new(
        Code::TooLarge,
        format!("a handshake names {most} topics at most; those beyond were left out"),
    )
    .with_details(json!({ "path": "auth.topics", "most": most }))
}

/// Subscribes to what a handshake names, before the first call is taken in, which then finds these subscriptions. An
/// app without topics refuses them all.
pub(crate) fn at_connection(
    feed: Option<Arc<Feed>>,
    cx: Context,
    wanted: Wanted,
) -> impl Future<Output = ()> + Send {
    let readings = held(&cx);
    let socket = cx.clone();
    let subscribing = async move {
        let mut readings = readings.await;
        let mut refused = Vec::new();
        for (topic, since) in wanted.topics {
            if let Err(error) = try_to_begin(feed.as_deref(), &cx, &mut readings, &topic, since).await {
                refused.push((Some(topic), error));
            }
        }
        drop(readings);
        if let (Some(feed), Some(error)) = (&feed, &wanted.refused)
            && error.code() == Code::TooLarge
        {
            feed.refused_one();
        }
        refused.extend(wanted.refused.map(|error| (None, error)));
        for (topic, error) in refused {
            refuse(&cx, topic.as_deref(), &error).await;
        }
    };
    async move {
        tokio::select! {
            () = subscribing => {}
            () = socket.cancelled() => {}
        }
    }
}

async fn try_to_begin(
    feed: Option<&Feed>,
    cx: &Context,
    readings: &mut ByTopic,
    topic: &str,
    since: Result<Option<Position>>,
) -> Result<()> {
    let feed = feed.ok_or_else(channels::no_such_topic)?;
    begin_by_itself(feed, cx, readings, topic, since?).await
}
