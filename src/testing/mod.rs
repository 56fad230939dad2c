//! Tests of your own modules: an app without sockets ([`TestApp`]), or on a port of its own ([`TestServer`]).
//!
//! ```
//! use serde_json::json;
//! use updraft::{App, Code, Context, Event, Identity, Json, Module, Position, Result, Topic, require, signed_in};
//! use updraft::testing::{Target, TestApp};
//!
//! async fn place(Json(dish): Json<String>, cx: Context) -> Result<Json<Position>> {
//!     let placed = cx.topic("orders").publish(Event::new("order.placed").data(&dish)?).await?;
//!     cx.within("kitchen").emit("order", &dish).await?;
//!     Ok(Json(placed))
//! }
//!
//! // As `main` uses it: `app().run()`.
//! fn app() -> App {
//!     let orders = Module::new("api.orders").guard(require(signed_in())).on("place", place);
//!     App::new().module(orders).topic(Topic::new("orders"))
//! }
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let app = TestApp::start(app()).await;
//!
//! let refused = app.call("api.orders.place").data("soup").await;
//! assert_eq!(refused.error().code(), Code::Unauthenticated);
//!
//! let ada = app.connect(Identity::of("ada"));
//! let answer = ada.call("api.orders.place").data("soup").await;
//! let emitted = app.emitted();
//! assert_eq!((&emitted[0].to, &*emitted[0].event), (&Target::within("kitchen"), "order"));
//! let published = app.published("orders").await;
//! assert_eq!(published[0].seq.to_string(), answer.data::<String>().split_once(':').unwrap().1);
//! # });
//! ```
//!
//! `docs/testing.md` leads through all of it.
//!
//! **What fails, panics**, as assertions do, and says what was expected and in which line of the test. Nothing here waits
//! for longer than a minute: what does not come by then is a panic, too, which says what was waited for.
//!
//! It is there without a feature to ask for: it stands on what the server and `updraft call` consist of, takes no dependency of its own,
//! and what a program does not use of it is not in its binary.

mod answer;
mod app;
mod call;
mod client;
mod failure;
mod hub;
mod inbox;
mod peer;
mod projection;
mod published;
mod recipient;
mod rooms;
mod server;
mod socket;

pub use self::{
    answer::Answer,
    app::TestApp,
    call::TestCall,
    client::{Begun, TestClient},
    inbox::Received,
    projection::projection,
    rooms::Emitted,
    server::TestServer,
    socket::TestSocket,
};
pub use crate::call::target::Target;
