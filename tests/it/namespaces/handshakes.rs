//! What a client gives as `auth`, or does not, and a handshake that a function keeps.

use serde::Deserialize;
use serde_json::{Value, json};
use updraft::{
    App, Config, Context, Credentials, Handshake, Identity, Json, Namespace, Result, testing::TestApp,
};

use crate::support::Local;

#[derive(Debug, Deserialize)]
struct Settings {
    language: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Login {
    name: String,
}

/// The handshake's `auth`, and what it is as types.
async fn read(hello: Handshake) -> Result<Json<Value>> {
    let settings: Settings = hello.auth_as()?;
    let login: Option<Login> = hello.auth_as()?;
    let required = hello.auth_as::<Login>().map_err(|error| error.code().to_string());
    Ok(Json(json!({
        "auth": hello.auth(),
        "language": settings.language,
        "login": login.map(|login| login.name),
        "required": required.map(|login| login.name).unwrap_or_else(|code| code),
    })))
}

fn reader() -> App {
    App::new().namespace(Namespace::new("/chat").on("read", read))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_gives_no_auth_gives_an_empty_object_as_in_node() {
    let local = Local::of(reader()).await;
    let nothing = json!({"auth": {}, "language": null, "login": null, "required": "invalid_data"});
    for (connect, expected) in [
        ("40/chat,", &nothing),
        ("40/chat,{}", &nothing),
        (
            r#"40/chat,{"name":"ada"}"#,
            &json!({"auth": {"name": "ada"}, "language": null, "login": "ada", "required": "ada"}),
        ),
    ] {
        let mut client = local.client().await;
        client.send(connect).await;
        client.text().await;
        client.send(r#"42/chat,1["read"]"#).await;
        let answer = client.text().await;
        let answer: Value = serde_json::from_str(answer.strip_prefix("43/chat,1").unwrap()).unwrap();
        assert_eq!(answer, json!([expected]), "{connect}");
    }
    let app = TestApp::start(reader()).await;
    let socket = app.connect_to("/chat", Identity::ANONYMOUS, ()).await.unwrap();
    assert_eq!(socket.emit("read", ()).await.data::<Value>(), nothing);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_decides_for_itself_sees_the_same_auth() {
    async fn by_auth(credentials: Credentials) -> Result<Identity> {
        Ok(Identity::of("ada").with_claims(json!({"auth": credentials.auth()})))
    }
    async fn mine(cx: Context) -> Json<Value> {
        Json(
            cx.identity()
                .claims()
                .map(|claims| claims["auth"].clone())
                .unwrap_or_default(),
        )
    }
    let app = App::new()
        .authenticate(by_auth)
        .namespace(Namespace::new("/chat").on("mine", mine));
    let local = Local::start(app, Config::default()).await;
    for (connect, expected) in [
        ("40/chat,", json!([{}])),
        // Half a pair, as JavaScript leaves it where it cuts a text within an emoji.
        (r#"40/chat,{"name":"a\ud83d"}"#, json!([{"name": "a\u{fffd}"}])),
    ] {
        let mut client = local.client().await;
        client.send(connect).await;
        client.text().await;
        client.send(r#"42/chat,1["mine"]"#).await;
        let answer = client.text().await;
        let answer: Value = serde_json::from_str(answer.strip_prefix("43/chat,1").unwrap()).unwrap();
        assert_eq!(answer, expected, "{connect}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_a_function_keeps_is_kept() {
    async fn arrived(hello: Handshake, cx: Context) {
        cx.set_socket_data(hello);
    }
    async fn kept(cx: Context) -> Option<String> {
        let hello = cx.socket_data::<Handshake>()?;
        hello.auth()["name"].as_str().map(str::to_owned)
    }
    let namespace = Namespace::new("/chat").connect(arrived).on("kept", kept);
    let local = Local::of(App::new().namespace(namespace)).await;
    let mut client = local.client().await;
    client.send(r#"40/chat,{"name":"ada"}"#).await;
    client.text().await;
    client.send(r#"42/chat,1["kept"]"#).await;
    assert_eq!(client.text().await, r#"43/chat,1["ada"]"#);
}
