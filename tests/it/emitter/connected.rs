//! A client that knows that it is connected receives what is emitted from then on.

use updraft::{App, Namespace};

use crate::{
    faults::Polling,
    support::{Local, within_patience},
};

/// Often, as a poll's answer may leave on another core than that on which the socket connects.
const ROUNDS: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_emitted_once_a_client_knows_that_it_is_connected_reaches_it() {
    let connect = async |_: updraft::Context| -> updraft::Result<()> {
        tokio::task::yield_now().await;
        Ok(())
    };
    let server = Local::of(App::new().namespace(Namespace::new("/").connect(connect))).await;
    let io = server.server.emitter();
    for _ in 0..ROUNDS {
        let client = Polling::open(&server.url, 4).await;
        let (polled, ()) = tokio::join!(client.poll(), client.post("40"));
        assert!(polled.text().starts_with("40{"), "{}", polled.text());
        io.of("/").emit("news", &1).await.unwrap();
        within_patience("what was emitted", client.until(r#"42["news",1]"#)).await;
    }
}
