//! A projection of events that a test names.

use std::{future::Future, panic::Location, sync::Arc};

use super::{app::TestApp, failure::fail_at};
use crate::{
    app::App,
    event::Event,
    feed::{Projection, Topic},
    journal::Record,
};

/// The name of the topic that the events are published to.
const TOPIC: &str = "test";

/// A projection of these events, folded one after the other as [`App::project`] does: for functions that look at one, and for
/// the fold itself. Nothing more is folded into it. It stands on a topic of its own in memory, inside a tokio runtime.
///
/// ```
/// use updraft::{Event, journal::Record, testing::projection};
///
/// fn count(orders: &mut u32, record: &Record) {
///     *orders += u32::from(record.name == "order.placed");
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let orders = projection(0, count, [Event::new("order.placed"), Event::new("order.cancelled")]).await;
/// assert_eq!(orders.read(|orders, seq| (*orders, seq)).await.unwrap(), (1, 2));
/// # });
/// ```
///
/// # Panics
/// Where an event cannot be published.
#[track_caller]
pub fn projection<T: Clone + Send + Sync + 'static>(
    state: T,
    fold: impl Fn(&mut T, &Record) + Send + Sync + 'static,
    events: impl IntoIterator<Item = Event>,
) -> impl Future<Output = Arc<Projection<T>>> {
    let line = Location::caller();
    let events: Vec<Event> = events.into_iter().collect();
    async move {
        let app = App::new().topic(Topic::new(TOPIC)).project(TOPIC, state, fold);
        let app = TestApp::start(app).await;
        let projection = app.state::<Projection<T>>();
        if !events.is_empty() {
            match app.publish(TOPIC, events).await {
                Ok(last) => projection.reached(last.seq).await,
                Err(error) => fail_at(line, format_args!("the events cannot be published: {error}")),
            }
        }
        projection
    }
}
