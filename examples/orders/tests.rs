//! What the kitchen may do, and guests; in microseconds, without a network.

use serde_json::json;
use updraft::{
    Code, Event, Identity,
    testing::{TestApp, TestSocket},
};

use super::{Order, app};

fn guest(app: &TestApp, name: &str) -> TestSocket {
    app.connect(Identity::of(name))
}

fn kitchen(app: &TestApp) -> TestSocket {
    app.connect(Identity::of("kitchen").with_claims(json!({"role": "kitchen"})))
}

#[tokio::test]
async fn an_order_is_placed_cooked_and_collected() {
    let app = TestApp::start(app()).await;
    let (ada, kitchen) = (guest(&app, "ada"), kitchen(&app));

    let soup = json!({"id": "1", "dish": "soup"});
    ada.call("cafe.orders.place").data(soup).await.data::<String>();
    let early = ada.call("cafe.orders.collect").data("1").await;
    assert_eq!(early.error().code(), Code::Conflict);
    kitchen.call("cafe.orders.cook").data("1").await.data::<String>();
    let orders = ada.call("cafe.orders.list").await.data::<Vec<Order>>();
    assert_eq!((&*orders[0].guest, orders[0].is_ready), ("ada", true));
    ada.call("cafe.orders.collect").data("1").await.data::<String>();

    assert!(ada.call("cafe.orders.list").await.data::<Vec<Order>>().is_empty());
    let published = app.published("orders").await;
    let names: Vec<&str> = published.iter().map(|record| &*record.name).collect();
    assert_eq!(names, ["order.placed", "order.cooked", "order.collected"]);
}

#[tokio::test]
async fn a_call_that_is_tried_again_orders_once() {
    let app = TestApp::start(app()).await;
    let ada = guest(&app, "ada");
    let place = || {
        ada.call("cafe.orders.place")
            .id("try")
            .data(json!({"id": "1", "dish": "soup"}))
    };
    let first = place().await.data::<String>();
    assert_eq!(place().await.data::<String>(), first, "the first answer, again");
    assert_eq!(app.published("orders").await.len(), 1);

    // Without the call's id it is another order of the same name.
    let other = ada
        .call("cafe.orders.place")
        .data(json!({"id": "1", "dish": "tea"}))
        .await;
    assert_eq!(other.error().code(), Code::Conflict);
}

#[tokio::test]
async fn each_does_what_is_theirs() {
    let app = TestApp::start(app()).await;
    let order = json!({"id": "1", "dish": "soup", "guest": "ada", "is_ready": true});
    let cooked = Event::new("order.cooked").key("1").data(&order).unwrap();
    app.publish("orders", [cooked]).await.unwrap();

    let anonymous = app.call("cafe.orders.list").await;
    assert_eq!(anonymous.error().code(), Code::Unauthenticated);
    let bob = guest(&app, "bob");
    for name in ["cafe.orders.cook", "cafe.orders.collect"] {
        assert_eq!(
            bob.call(name).data("1").await.error().code(),
            Code::Forbidden,
            "{name}"
        );
    }
    guest(&app, "ada")
        .call("cafe.orders.collect")
        .data("1")
        .await
        .data::<String>();
}
