//! Identities that end.

use serde_json::{Value, json};
use updraft::App;

use super::{auth, call, closed, connect, last_words, now, serve, token};
use crate::support::{Packet, RawClient};

/// Its identity ends at this second from now on, of which it is warned at once.
async fn is_warned(client: &mut RawClient, exp: u64) {
    let short = token(json!({"exp": exp}));
    let refresh = json!({"event": "auth.refresh", "data": {"token": short}});
    let number = client.begin(&refresh).await;
    let answer = json!({"event": "auth.refresh", "data": {"subject": "ada", "expires": exp * 1000}});
    let warning = json!({"event": "server.auth_expiring", "expires": exp * 1000});
    let heard = [client.packet().await, client.packet().await];
    assert!(heard.contains(&Packet::Ack(number, answer)), "{heard:?}");
    let warning = Packet::Event("event".into(), warning, None);
    assert!(heard.contains(&warning), "{heard:?}");
}

#[tokio::test]
async fn who_does_not_renew_is_warned_and_closed() {
    let local = serve(App::new(), auth()).await;
    let mut client = connect(&local, &token(json!({}))).await;
    let exp = now() + 10;
    is_warned(&mut client, exp).await;
    assert!(client.is_well().await, "until then it may call");
    assert_eq!(last_words(&mut client).await, closed("the identity has expired"));
    assert!(now() >= exp);
    assert!(connect(&local, &token(json!({}))).await.is_well().await);
}

#[tokio::test]
async fn who_renews_stays() {
    let local = serve(App::new(), auth()).await;
    let mut client = connect(&local, &token(json!({}))).await;
    let exp = now() + 10;
    is_warned(&mut client, exp).await;
    let later = now() + 3600;
    let renewed = token(json!({"exp": later, "data": {"account_type": 2}}));
    let answer = call(&mut client, "auth.refresh", json!({ "token": renewed })).await;
    assert_eq!(answer["data"], json!({"subject": "ada", "expires": later * 1000}));
    while now() <= exp + 1 {
        assert!(client.is_well().await);
    }
    let me = call(&mut client, "api.me.whoami", Value::Null).await;
    assert_eq!(
        me["data"],
        json!({"subject": "ada", "account": 2}),
        "with what the new token says"
    );
}
