//! The programs in `examples/`: each with its page, the JS client that it loads, and clients of three generations at once.

#[allow(dead_code)] // `main`
#[path = "../../../examples/chat/main.rs"]
mod chat;
#[allow(dead_code)]
#[path = "../../../examples/drawing-rooms/main.rs"]
mod drawing_rooms;
#[allow(dead_code)]
#[path = "../../../examples/orders/main.rs"]
mod orders;
#[allow(dead_code)]
#[path = "../../../examples/whiteboard/main.rs"]
mod whiteboard;

use std::{fs, path::Path, sync::Arc};

use updraft::{
    App,
    journal::{Durability, Journal, SqliteJournal},
    testing::TestServer,
};

use crate::support::{Http, node};

/// Serves an app, asks for its page, and lets clients play with it.
async fn play(app: App, script: &'static str, arguments: &'static [&'static str]) {
    let server = TestServer::start(app).await;
    let url = server.url();
    let played = tokio::task::spawn_blocking(move || {
        let page = Http::get(&url, "/", &[]);
        assert_eq!(page.status, 200);
        let client = page.body.split('"').find(|part| part.starts_with("/socket.io/"));
        let client = Http::get(&url, client.unwrap(), &[]);
        assert!(client.body.contains("Socket.IO v4."));
        node(script, &[&[url.as_str()], arguments].concat());
    });
    played.await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_has_names_messages_and_typing() {
    play(chat::app(), "examples/chat.mjs", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whiteboard_passes_lines_on() {
    play(whiteboard::app(), "examples/whiteboard.mjs", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_of_an_encrypted_board_pass_buffers_on() {
    play(drawing_rooms::app(), "examples/drawing-rooms.mjs", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_there_at_the_next_server_on_their_journal() {
    let data = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(data.path(), Durability::PowerLoss).unwrap();
    let journal: Arc<dyn Journal> = Arc::new(journal);
    let app = || orders::app().journal(journal.clone());
    play(app(), "examples/orders.mjs", &["begin"]).await;
    play(app(), "examples/orders.mjs", &[]).await;
}

/// The room server of an encrypted board fits on two pages, and the table of examples names each of them.
#[test]
fn examples_are_short_and_listed() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let listed = fs::read_to_string(examples.join("README.md")).unwrap();
    for entry in fs::read_dir(&examples).unwrap() {
        let folder = entry.unwrap();
        let Ok(main) = fs::read_to_string(folder.path().join("main.rs")) else {
            continue;
        };
        let name = folder.file_name().into_string().unwrap();
        assert!(listed.contains(&format!("cargo run --example {name}`")), "{name}");
        let most = if name == "drawing-rooms" { 120 } else { 200 };
        assert!(main.lines().count() < most, "{name}");
    }
}
