//! Acks that no emit waits for: of an event that was acked before, that was never emitted, or whose time is up.

use std::time::Duration;

use serde_json::Value;
use updraft::{App, Args, Code, Context, Json, Module, Namespace, Result};

use crate::support::{Local, PATIENCE, node};

/// Asks its caller, and answers with all that it acked.
async fn ask(Args((question, wait)): Args<(String, u64)>, cx: Context) -> Result<Json<Vec<Value>>> {
    let wait = Duration::from_millis(wait);
    let Args(acked): Args<Vec<Value>> = cx.emit_with_ack(&question, &(), wait).await?;
    Ok(Json(acked))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ack_counts_once_and_in_time_and_for_its_own_event() {
    let local = Local::of(App::new().namespace(Namespace::new("/").on("ask", ask))).await;
    let [mut ada, mut bob] = [local.client().await, local.client().await];

    ada.send(r#"421["ask","twice?",60000]"#).await;
    assert_eq!(ada.text().await, r#"420["twice?",null]"#);
    ada.send(r#"430["first"]"#).await;
    ada.send(r#"430["second"]"#).await;
    assert_eq!(ada.text().await, r#"431[["first"]]"#);

    ada.send(r#"422["ask","nothing?",60000]"#).await;
    assert_eq!(ada.text().await, r#"421["nothing?",null]"#);
    for unknown in ["0", "99", "9007199254740993", "18446744073709551615"] {
        ada.send(&format!(r#"43{unknown}["unknown"]"#)).await;
        ada.send(&format!(r#"461-{unknown}[{{"_placeholder":true,"num":0}}]"#))
            .await;
        ada.send_bytes(b"unknown").await;
    }
    ada.send("431[]").await;
    assert_eq!(ada.text().await, "432[[]]");

    ada.send(r#"423["ask","late?",20]"#).await;
    assert_eq!(ada.text().await, r#"422["late?",null]"#);
    let late = ada.text().await;
    assert!(
        late.starts_with("433[") && late.contains(r#""code":"timeout""#),
        "{late}"
    );
    ada.send(r#"432["late"]"#).await;

    ada.send(r#"424["ask","again?",60000]"#).await;
    assert_eq!(ada.text().await, r#"423["again?",null]"#);
    ada.send(r#"432["later still"]"#).await;
    bob.send(r#"433["of another socket"]"#).await;
    bob.is_read().await;
    ada.send(r#"433["in time"]"#).await;
    assert_eq!(ada.text().await, r#"434[["in time"]]"#);
    assert!(ada.is_well().await && bob.is_well().await);
}

/// The same of a client that acks twice, and once more when its time is up.
async fn again(cx: Context) -> Result<&'static str> {
    let twice: String = cx.emit_with_ack("twice?", &(), PATIENCE).await?;
    assert_eq!(twice, "first");
    let late = cx
        .emit_with_ack::<String>("late?", &(), Duration::from_millis(20))
        .await;
    assert_eq!(late.unwrap_err().code(), Code::Timeout);
    let now: String = cx.emit_with_ack("now?", &(), PATIENCE).await?;
    assert_eq!(now, "now");
    Ok("read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_three_generations_ack_twice_and_late() {
    let local = Local::of(App::new().module(Module::new("acks").on("again", again))).await;
    for generation in ["2", "3", "4"] {
        for transport in ["websocket", "polling"] {
            let url = local.url.clone();
            let run = move || node("acks-again.mjs", &[&url, generation, transport]);
            tokio::task::spawn_blocking(run).await.unwrap();
        }
    }
}
