//! Several arguments: of an emit to the caller, to a room, with an ack.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use updraft::{App, Args, Config, Context, Data, Module, Result};

use super::serve;
use crate::support::RawClient;

/// The texts of as many packets.
async fn texts<const COUNT: usize>(client: &mut RawClient) -> [String; COUNT] {
    let mut texts = std::array::from_fn(|_| String::new());
    for text in &mut texts {
        *text = client.text().await;
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn several_arguments_arrive_as_several() {
    async fn draw(cx: Context) -> Result<()> {
        cx.emit("none", &Args(())).await?;
        cx.emit("two", &Args(("a", [1, 2]))).await?;
        cx.emit("list", &Args(vec![json!({"x": 1}), Value::Null])).await?;
        cx.emit("kept", &Data::new(&Args((1, 2)))?).await?;
        // An array is one argument, and so is a tuple.
        cx.emit("one", &[1, 2]).await?;
        cx.emit("one", &(1, "b")).await?;
        cx.all().emit("all", &Args(("to", "all"))).await
    }
    let app = App::new().module(Module::new("board").on("draw", draw));
    let server = serve(app, Config::default()).await;
    let mut ada = RawClient::connect(&server.url).await;
    ada.emit(&json!({"event": "board.draw"})).await;
    assert_eq!(
        texts(&mut ada).await,
        [
            r#"42["none"]"#,
            r#"42["two","a",[1,2]]"#,
            r#"42["list",{"x":1},null]"#,
            r#"42["kept",1,2]"#,
            r#"42["one",[1,2]]"#,
            r#"42["one",[1,"b"]]"#,
            r#"42["all","to","all"]"#,
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn buffers_keep_their_places_among_several_arguments() {
    async fn draw(cx: Context) -> Result<()> {
        let buffer = Bytes::from_static;
        cx.emit(
            "drawn",
            &Args((buffer(b"one"), "x", json!(null), [buffer(b"two")])),
        )
        .await
    }
    let app = App::new().module(Module::new("board").on("draw", draw));
    let server = serve(app, Config::default()).await;
    let mut ada = RawClient::connect(&server.url).await;
    ada.emit(&json!({"event": "board.draw"})).await;
    let text = ada.text().await;
    let (one, two) = (
        r#"{"_placeholder":true,"num":0}"#,
        r#"{"_placeholder":true,"num":1}"#,
    );
    assert_eq!(text, format!(r#"452-["drawn",{one},"x",null,[{two}]]"#));
    for buffer in [&b"one"[..], b"two"] {
        let message = ada.next().await.unwrap();
        assert_eq!(message.into_data(), buffer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_has_several_arguments_too() {
    async fn ask(cx: Context) -> Result<()> {
        cx.emit_with_ack::<Value>("question", &Args(("how", "much")), Duration::from_secs(5))
            .await
            .map(drop)
    }
    let app = App::new().module(Module::new("board").on("ask", ask));
    let server = serve(app, Config::default()).await;
    let mut ada = RawClient::connect(&server.url).await;
    ada.emit(&json!({"event": "board.ask"})).await;
    let question = ada.text().await;
    assert!(question.ends_with(r#"["question","how","much"]"#), "{question}");
}
