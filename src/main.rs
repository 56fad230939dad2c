//! Updraft with its demo modules.

mod api;
mod page;

use std::process::ExitCode;

use updraft::App;

fn main() -> ExitCode {
    app().run()
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
        .state(api::presence::Presence::default())
        .routes(page::routes())
        .topic(api::board::topic())
        .project(
            api::board::TOPIC,
            api::board::Board::default(),
            api::board::Board::fold,
        )
}
