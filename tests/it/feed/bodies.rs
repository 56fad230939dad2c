//! Whether a call that comes again with an idempotency key is the same call: by what it says.

use std::sync::Arc;

use serde_json::json;
use updraft::journal::Journal;

use super::{
    everything,
    once::{call, serve},
};

pub(super) async fn a_key_with_another_body_is_a_conflict(journal: Arc<dyn Journal>) {
    let local = serve(&journal).await;
    let mut client = local.client().await;
    let first = client.call(&call("publish", "1", "hello")).await;
    for other in [call("publish", "1", "goodbye"), call("silent", "1", "hello")] {
        let refused = client.call(&other).await;
        assert_eq!(refused["error"]["code"], "conflict", "{refused}");
        assert_eq!(refused["error"]["retry"], false);
    }
    let mut traced = call("publish", "1", "hello");
    traced["traceparent"] = json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(
        client.call(&traced).await,
        first,
        "in another trace it is the same call"
    );
    let written_otherwise = r#" {"data" : "h\u0065llo", "id":"1", "v":null, "event":"api.test.publish"} "#;
    assert_eq!(client.call_raw(written_otherwise, &[]).await, first);
    let mut packed = call("publish", "1", "hello");
    // The gzip of "hello" that no library writes: it is stored, not deflated.
    packed["data"] = json!("H4sIAAAAAAAA/wEFAPr/aGVsbG+GphA2BQAAAA==");
    assert_eq!(client.call(&packed).await, first, "packed anew");
    assert_eq!(everything(&*journal, "board").await.len(), 1);
}
