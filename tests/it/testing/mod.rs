//! What a test of one's own modules can do (`updraft::testing`): with and without a network.

mod app;
mod namespaces;
mod server;

use std::time::Duration;

use updraft::{
    App, Context, Event, Json, Module, Position, Projection, Result, State, Topic, everyone, journal::Record,
};

/// So long that a story that waits for it would be noticed.
const LONG: Duration = Duration::from_hours(1);

#[derive(Clone, Default)]
struct Orders(Vec<String>);

impl Orders {
    fn fold(&mut self, record: &Record) {
        self.0.extend(record.data::<String>().unwrap());
    }
}

async fn place(Json(dish): Json<String>, cx: Context) -> Result<Json<Position>> {
    let event = Event::new("order.placed").key(dish.as_str()).data(&dish)?;
    let placed = cx.topic("orders").publish(event).await?;
    cx.within("kitchen").emit("order", &dish).await?;
    Ok(Json(placed))
}

async fn count(orders: State<Projection<Orders>>) -> Result<Json<usize>> {
    orders.read(|orders, _| Json(orders.0.len())).await
}

fn app() -> App {
    let orders = Module::new("api.orders")
        .on("place", place)
        .on("count", count)
        .on("work", async |cx: Context| cx.join("kitchen"));
    App::new()
        .module(orders)
        .topic(Topic::new("orders").readable_by(everyone))
        .project("orders", Orders::default(), Orders::fold)
}

/// What a failed test says.
async fn failure(test: impl Future<Output = ()> + Send + 'static) -> String {
    let panic = tokio::spawn(test).await.unwrap_err().into_panic();
    panic.downcast_ref::<String>().expect("words").clone()
}
