//! Without a network.

use std::{future::ready, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use updraft::{
    App, CallError, Code, Config, Context, Data, Event, Identity, Json, Module, Position, Projection, Result,
    State, claim,
    journal::Record,
    require,
    testing::{Target, TestApp, projection},
};

use super::{LONG, Orders, app, failure, place};
use crate::support::within_patience;

#[tokio::test]
async fn a_call_shows_its_answer_and_what_it_emitted_and_published() {
    let app = TestApp::start(app()).await;
    let (cook, guest) = (
        app.connect(Identity::of("cook")),
        app.connect(Identity::ANONYMOUS),
    );
    cook.call("api.orders.work").await.data::<()>();
    assert_eq!(cook.rooms(), ["kitchen"]);

    let answer = guest.call("api.orders.place").data("soup").await;
    let placed: Position = answer.data::<String>().parse().unwrap();

    let emitted = app.emitted();
    assert_eq!(emitted.len(), 1);
    assert_eq!(emitted[0].by.as_ref(), Some(guest.id()));
    assert_eq!(emitted[0].to, Target::within("kitchen"));
    assert_eq!(
        (&*emitted[0].event, emitted[0].data::<String>()),
        ("order", "soup".to_owned())
    );
    assert_eq!(cook.event("order").await.data::<String>(), "soup");
    cook.received_nothing_else();
    guest.received_nothing_else();

    let published = app.published("orders").await;
    assert_eq!(published.len(), 1);
    assert_eq!(
        (&*published[0].name, published[0].key.as_deref()),
        ("order.placed", Some("soup"))
    );
    assert_eq!(published[0].seq, placed.seq);

    let orders = app.state::<Projection<Orders>>();
    orders.reached(placed.seq).await;
    assert_eq!(app.call("api.orders.count").await.data::<usize>(), 1);
}

#[tokio::test]
async fn each_target_reaches_whom_it_reaches_on_a_server() {
    let module = Module::new("room")
        .on("join", async |cx: Context| cx.join("room"))
        .on("caller", async |cx: Context| cx.emit("said", "caller").await)
        .on("to", async |cx: Context| cx.to("room").emit("said", "to").await)
        .on("within", async |cx: Context| {
            cx.within("room").emit("said", "within").await
        })
        .on("broadcast", async |cx: Context| {
            cx.broadcast().emit("said", "broadcast").await
        });
    let app = TestApp::start(App::new().module(module)).await;
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| app.connect(Identity::of(name)));
    for socket in [&ada, &bob] {
        socket.call("room.join").await.data::<()>();
    }
    // Sender and receivers: Ada and Bob are in the room, Eve is not.
    let room = || "room".to_owned();
    for (speaker, word, target, hearers) in [
        (&ada, "caller", Target::caller(), vec![&ada]),
        (&ada, "to", Target::to(room()), vec![&bob]),
        (&ada, "within", Target::within(room()), vec![&ada, &bob]),
        (&ada, "broadcast", Target::others(), vec![&bob, &eve]),
        (&eve, "to", Target::to(room()), vec![&ada, &bob]),
        (&eve, "within", Target::within(room()), vec![&ada, &bob]),
    ] {
        speaker.call(&format!("room.{word}")).await.data::<()>();
        let emitted = app.emitted();
        let last = emitted.last().unwrap();
        assert_eq!((last.by.as_ref(), &last.to), (Some(speaker.id()), &target));
        for socket in hearers {
            assert_eq!(socket.event("said").await.data::<String>(), word);
        }
        for socket in [&ada, &bob, &eve] {
            socket.received_nothing_else();
        }
    }
}

#[tokio::test]
async fn guards_limits_and_time_outs_hold_as_on_a_server() {
    let module = Module::new("api.admin")
        .on("open", async || "open")
        .guard(require(claim("roles").contains("admin")));
    let slow = Module::new("api.slow").on("wait", async || tokio::time::sleep(LONG).await);
    let rooms = Module::new("api.rooms").on("join", async |Json(room): Json<String>, cx: Context| {
        cx.join(&room)
    });
    let mut config = Config::default();
    config.limits.call_timeout = Duration::from_millis(20);
    config.limits.max_call = 1000;
    config.limits.max_rooms = 1;
    let app = App::new()
        .module(module)
        .module(slow)
        .module(rooms)
        .config(config);
    let app = TestApp::start(app).await;

    let admin = Identity::of("ada").with_claims(json!({"roles": ["admin"]}));
    let (ada, bob) = (app.connect(admin.clone()), app.connect(Identity::of("bob")));
    assert_eq!(
        app.call("api.admin.open").await.error().code(),
        Code::Unauthenticated
    );
    assert_eq!(bob.call("api.admin.open").await.error().code(), Code::Forbidden);
    assert_eq!(ada.call("api.admin.open").await.data::<String>(), "open");
    bob.set_identity(admin);
    assert_eq!(bob.call("api.admin.open").await.data::<String>(), "open");

    assert_eq!(app.call("api.slow.wait").await.error().code(), Code::Timeout);
    assert_eq!(app.call("api.slow.none").await.error().code(), Code::UnknownEvent);
    let large = app.call("api.admin.open").data("x".repeat(1000)).await;
    assert_eq!(large.error().code(), Code::TooLarge);

    ada.call("api.rooms.join").data("first").await.data::<()>();
    ada.call("api.rooms.join").data("first").await.data::<()>();
    let second = ada.call("api.rooms.join").data("second").await;
    assert_eq!(second.error().details(), Some(&json!({"most": 1})));
    assert_eq!(ada.rooms(), ["first"]);
}

#[tokio::test]
async fn a_call_with_a_key_is_applied_once() {
    let app = TestApp::start(app()).await;
    let ada = app.connect(Identity::of("ada"));
    let first = ada
        .call("api.orders.place")
        .id("1")
        .data("soup")
        .await
        .data::<String>();
    let again = ada
        .call("api.orders.place")
        .id("1")
        .data("soup")
        .await
        .data::<String>();
    assert_eq!(first, again);
    assert_eq!(app.published("orders").await.len(), 1);
    let other = ada.call("api.orders.place").id("1").data("tea").await;
    assert_eq!(other.error().code(), Code::Conflict);
}

#[tokio::test]
async fn a_socket_subscribes_without_a_network() {
    let app = TestApp::start(app()).await;
    app.call("api.orders.place").data("soup").await.data::<Value>();
    let ada = app.connect(Identity::ANONYMOUS);
    ada.call("topic.subscribe")
        .data(json!({"topic": "orders"}))
        .await
        .data::<Value>();
    for expected in ["topic.start", "order.placed", "topic.live"] {
        assert_eq!(ada.event("event").await.data::<Value>()["event"], expected);
    }
    app.call("api.orders.place").data("tea").await.data::<Value>();
    assert_eq!(ada.event("event").await.data::<Value>()["data"], "tea");
    assert_eq!(
        app.emitted().len(),
        2,
        "what topics say was emitted by no function"
    );
}

#[tokio::test]
async fn a_test_answers_what_functions_ask() {
    async fn ask(cx: Context) -> Result<Json<Vec<String>>> {
        cx.join("room")?;
        let room = cx.within("room");
        let answers = room.emit_with_ack::<String>("name?", &(), Duration::from_secs(2));
        let answers = answers.await?.into_iter().map(|ack| match ack.result {
            Ok(name) => name,
            Err(error) => error.code().to_string(),
        });
        Ok(Json(answers.collect()))
    }
    let join = async |cx: Context| cx.join("room");
    let app =
        TestApp::start(App::new().module(Module::new("api.names").on("ask", ask).on("join", join))).await;
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| app.connect(Identity::of(name)));
    for socket in [&ada, &bob, &eve] {
        socket.call("api.names.join").await.data::<()>();
    }
    let here = ada.clone();
    ada.respond("name?", move |_| {
        json!(format!("Ada in the {}", here.rooms().join("")))
    });
    let asking = ada.call("api.names.ask").into_future();
    let (answer, ()) = tokio::join!(asking, async {
        let asked = bob.next_event().await;
        assert!(asked.wants_ack());
        bob.ack(&asked, "Bob");
    });
    assert_eq!(
        answer.data::<Vec<String>>(),
        ["Ada in the room", "Bob", "timeout"],
        "and Eve said nothing"
    );
}

#[tokio::test]
async fn calls_of_one_socket_begin_in_order_and_a_guard_holds_back_those_behind_it() {
    let (order, mut begun) = unbounded_channel::<&str>();
    async fn slow(begun: State<UnboundedSender<&'static str>>) -> Result<()> {
        Ok(begun.send("slow")?)
    }
    async fn fast(begun: State<UnboundedSender<&'static str>>) -> Result<()> {
        Ok(begun.send("fast")?)
    }
    let guarded = Module::new("api.slow").guard(guarded_slowly).on("call", slow);
    let app = App::new()
        .state(order)
        .module(guarded)
        .module(Module::new("api.fast").on("call", fast));
    let app = TestApp::start(app).await;
    let (ada, bob) = (app.connect(Identity::of("ada")), app.connect(Identity::of("bob")));
    let (slow, fast, others) = tokio::join!(
        ada.call("api.slow.call").into_future(),
        ada.call("api.fast.call").into_future(),
        bob.call("api.fast.call").into_future(),
    );
    for answer in [slow, fast, others] {
        answer.data::<()>();
    }
    let order = [begun.recv().await, begun.recv().await, begun.recv().await];
    assert_eq!(
        order.map(Option::unwrap),
        ["fast", "slow", "fast"],
        "Bob does not wait for Ada"
    );
}

async fn guarded_slowly(_: Context) -> Result<()> {
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(())
}

#[tokio::test]
async fn a_function_learns_that_its_socket_went() {
    let (sender, mut gone) = unbounded_channel::<Vec<String>>();
    async fn stay(cx: Context, gone: State<UnboundedSender<Vec<String>>>) -> Result<()> {
        cx.join("room")?;
        tokio::spawn(async move {
            cx.cancelled().await;
            let _ = gone.send(cx.rooms());
        });
        Ok(())
    }
    let app = TestApp::start(
        App::new()
            .state(sender)
            .module(Module::new("api").on("stay", stay)),
    )
    .await;
    let (ada, bob) = (app.connect(Identity::of("ada")), app.connect(Identity::of("bob")));
    ada.call("api.stay").await.data::<()>();
    bob.call("api.stay").await.data::<()>();
    ada.disconnect();
    let next = within_patience("the function to learn it", gone.recv()).await;
    assert_eq!(next, Some(Vec::new()));
    assert!(!ada.is_connected() && bob.is_connected());
    drop(app);
    let next = within_patience("the other to learn it", gone.recv()).await;
    assert_eq!(next, Some(Vec::new()), "with the app its sockets go");
}

#[tokio::test]
async fn what_a_function_keeps_on_a_socket_goes_with_it() {
    let kept = Arc::new("kept");
    let value = kept.clone();
    let keep = Module::new("api").on("keep", move |cx: Context| {
        cx.set_socket_data(value.clone());
        ready(())
    });
    let app = TestApp::start(App::new().module(keep)).await;
    let ada = app.connect(Identity::of("ada"));
    ada.call("api.keep").await.data::<()>();
    assert_eq!(
        Arc::strong_count(&kept),
        3,
        "the test's, the module's, the socket's"
    );
    drop(ada);
    assert_eq!(Arc::strong_count(&kept), 2);
}

#[tokio::test]
async fn listeners_are_waited_for_and_their_dead_letters_seen() {
    let (sender, mut heard) = unbounded_channel::<String>();
    let mail = move |record: Record| {
        let sender = sender.clone();
        async move {
            match record.data::<String>()?.as_deref() {
                Some("poison") => Err(CallError::new(Code::Unavailable, "no")),
                dish => Ok(sender.send(dish.unwrap_or_default().to_owned())?),
            }
        }
    };
    let app = TestApp::start(app().consumer("orders", "mail", mail)).await;
    for dish in ["soup", "poison", "tea"] {
        app.call("api.orders.place").data(dish).await.data::<Value>();
    }
    app.caught_up("orders", "mail").await;
    assert_eq!(
        [heard.try_recv(), heard.try_recv()].map(Result::unwrap),
        ["soup", "tea"]
    );
    let dead = app.published("orders.dead.mail").await;
    assert_eq!(dead[0].data::<String>().unwrap().unwrap(), "poison");
}

#[tokio::test]
async fn buffers_come_and_go_as_on_the_wire() {
    let echo = Module::new("api").on("echo", async |data: Data| data);
    let app = TestApp::start(App::new().module(echo)).await;
    let bytes = Bytes::from_static(b"\x00\xff");
    let answer = app.call("api.echo").data(&bytes).await;
    assert_eq!(answer.raw().bytes().unwrap(), bytes);
    let fields = app.call("api.echo").data(json!({"a": [1, 2]})).await;
    assert_eq!(fields.data::<Value>(), json!({"a": [1, 2]}));
}

#[tokio::test]
async fn a_projection_needs_no_server() {
    let dish = |name: &str| Event::new("order.placed").data(name).unwrap();
    let orders = projection(Orders::default(), Orders::fold, [dish("soup"), dish("tea")]).await;
    let (dishes, seq) = orders.read(|orders, seq| (orders.0.clone(), seq)).await.unwrap();
    assert_eq!((dishes, seq), (vec!["soup".to_owned(), "tea".to_owned()], 2));
}

#[tokio::test]
async fn a_function_can_be_called_with_arguments_of_ones_own() {
    let app = TestApp::start(app()).await;
    let ada = app.connect(Identity::of("ada"));
    let Json(placed) = place(Json("soup".to_owned()), ada.context()).await.unwrap();
    assert_eq!(app.published("orders").await[0].seq, placed.seq);
}

#[tokio::test]
async fn what_fails_says_what_was_expected_and_where() {
    let app = Arc::new(TestApp::start(app()).await);
    let answers = app.clone();
    let said = failure(async move {
        answers.call("api.orders.nothing").await.data::<()>();
    });
    let said = said.await;
    assert!(
        said.starts_with("api.orders.nothing failed: unknown_event: "),
        "{said}"
    );
    let answers = app.clone();
    let said = failure(async move {
        answers.call("api.orders.count").await.error();
    });
    assert_eq!(said.await, "api.orders.count should have failed, and answered 0");
    let answers = app.clone();
    let said = failure(async move {
        answers.call("api.orders.count").await.data::<String>();
    });
    let told = "api.orders.count answered 0, which is no alloc::string::String: ";
    assert!(said.await.starts_with(told));
    let topics = app.clone();
    let line = line!() + 2;
    let said = failure(async move {
        topics.published("ordres").await;
    });
    let here = format!("{}:{line}:", file!());
    let said = said.await;
    assert!(
        said.starts_with(&here) && said.ends_with("the app declares no topic 'ordres'"),
        "{said}"
    );
    let said = failure(async {
        let unfit = Module::new("a").on("b", async |_: State<Arc<TestApp>>| "");
        TestApp::start(App::new().module(unfit)).await;
    });
    assert!(said.await.contains("the app does not start: "));
}
