//! Guards stand before events of any name, and before the modules of their namespace.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use updraft::{
    App, Args, Context, Data, EventName, Identity, Json, Module, Namespace, State, Topic, claim, everyone,
    require, signed_in,
};

use crate::support::{Local, RawClient};

fn app() -> App {
    let members = Namespace::new("/members")
        .modules()
        .guard(require(signed_in()))
        .on("read", async || "read")
        .on("write", async || "written")
        .guarded_by(require(claim("role").is("writer")))
        .fallback(async || "anything");
    let open = Namespace::new("/").on("read", async || "read");
    App::new()
        .module(Module::new("api.secret").on("read", async || "secret"))
        .topic(Topic::new("news").readable_by(everyone))
        .namespace(members)
        .namespace(open)
}

async fn ask(client: &mut RawClient, packet: &str) -> Value {
    client.send(packet).await;
    let told = client.text().await;
    let start = told.find('[').unwrap_or_else(|| panic!("{told}"));
    serde_json::from_str(&told[start..]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_namespace_goes_past_its_guard() {
    let local = Local::of(app()).await;
    let mut client = local.client().await;
    client.send(r#"40/members,{"topics":{"news":null}}"#).await;
    assert!(client.text().await.starts_with("40/members,"));
    for event in [r#"["read"]"#, r#"["write"]"#, r#"["whatever"]"#] {
        let refused = ask(&mut client, &format!("42/members,1{event}")).await;
        assert_eq!(refused[0]["error"]["code"], "unauthenticated", "{event}");
    }
    let call = r#"42/members,1["event",{"event":"api.secret.read"}]"#;
    assert_eq!(
        ask(&mut client, call).await[0]["error"]["code"],
        "unauthenticated"
    );
    let subscribe = r#"42/members,1["event",{"event":"topic.subscribe","data":{"topic":"news"}}]"#;
    assert_eq!(
        ask(&mut client, subscribe).await[0]["error"]["code"],
        "unauthenticated"
    );
    // The same functions where no guard is; the topics of the handshake were not answered either.
    assert_eq!(ask(&mut client, r#"421["read"]"#).await, json!(["read"]));
    let call = r#"421["event",{"event":"api.secret.read"}]"#;
    assert_eq!(ask(&mut client, call).await[0]["data"], "secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_in_by_an_event_is_let_through_from_then_on() {
    async fn login(Json(role): Json<Option<String>>, cx: Context) -> updraft::Result<()> {
        cx.identify(Identity::of("ada").with_claims(json!({ "role": role })))
    }
    let door = Namespace::new("/door")
        .on("login", login)
        .on("write", async || "written")
        .guarded_by(require(claim("role").is("writer")));
    let local = Local::of(App::new().namespace(door)).await;
    let mut client = local.client().await;
    client.send("40/door,").await;
    client.text().await;
    let code = |answer: Value| answer[0]["error"]["code"].clone();
    assert_eq!(
        code(ask(&mut client, r#"42/door,1["write"]"#).await),
        "unauthenticated"
    );
    assert_eq!(ask(&mut client, r#"42/door,2["login"]"#).await, json!([]));
    assert_eq!(code(ask(&mut client, r#"42/door,3["write"]"#).await), "forbidden");
    assert_eq!(
        ask(&mut client, r#"42/door,4["login","writer"]"#).await,
        json!([])
    );
    assert_eq!(
        ask(&mut client, r#"42/door,5["write"]"#).await,
        json!(["written"])
    );
}

/// What a guard saw: names and arguments.
type Seen = Arc<Mutex<Vec<(String, Value)>>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_sees_each_event_with_all_its_arguments() {
    async fn note(name: EventName, Args(args): Args<Data>, seen: State<Seen>) {
        let args = args.json().unwrap();
        seen.lock().unwrap().push((name.as_str().to_owned(), args));
    }
    let seen = Seen::default();
    let root = Namespace::new("/")
        .guard(note)
        .on("add", async |Args((one, other)): Args<(u8, u8)>| {
            Json(one + other)
        })
        .fallback(async || "anything");
    let local = Local::of(App::new().state(seen.clone()).namespace(root)).await;
    let mut client = local.client().await;
    assert_eq!(ask(&mut client, r#"421["add",1,2]"#).await, json!([3]));
    assert_eq!(
        ask(&mut client, r#"422["sing",{"loud":true}]"#).await,
        json!(["anything"])
    );
    let expected = [
        ("add".to_owned(), json!([1, 2])),
        ("sing".to_owned(), json!([{"loud": true}])),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}
