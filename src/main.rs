//! Updraft with its demo modules.

mod api;
mod page;

use std::{env, process::ExitCode};

use updraft::{Admin, App};

/// Gives what a burst held back to the system, on a thread of its own; glibc keeps the half of it.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match env::var("ADMIN_HASH") {
        // The admin page is there where it has a password.
        Ok(hash) => app().admin(Admin::new("admin", hash)).run(),
        Err(_) => app().run(),
    }
}

fn app() -> App {
    App::new()
        .module(api::hello::module())
        .module(api::services::module())
        .module(api::services::test())
        .module(api::test::module())
        .module(api::room::module())
        .module(api::board::module())
        .module(api::presence::module())
        .module(api::stream::module())
        .routes(page::routes())
        .topic(api::board::topic())
        .presence(api::presence::topic())
        .project(
            api::board::TOPIC,
            api::board::Board::default(),
            api::board::Board::fold,
        )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use updraft::{Code, testing::TestApp};

    #[tokio::test]
    async fn a_card_is_on_the_board_once() {
        let app = TestApp::start(super::app()).await;
        let card = json!({"id": "1", "title": "Fly", "column": "todo"});
        app.call("api.board.add").data(&card).await.data::<String>();
        let again = app.call("api.board.add").data(&card).await;
        assert_eq!(again.error().code(), Code::Conflict);
        let published = app.published("board").await;
        assert_eq!(published.len(), 1);
        assert_eq!(
            (&*published[0].name, published[0].key.as_deref()),
            ("card.added", Some("1"))
        );
    }
}
