//! A whiteboard, as in Socket.IO's own example: each line that is drawn goes to all others. `cargo run --example whiteboard`

use std::process::ExitCode;

use axum::{Router, response::Html, routing::get};
use updraft::{App, Context, Data, Namespace, Result};

fn main() -> ExitCode {
    app().run()
}

pub(crate) fn app() -> App {
    App::new()
        .namespace(Namespace::new("/").on("drawing", drawing))
        .routes(Router::new().route("/", get(async || Html(include_str!("index.html")))))
}

/// `Data` is passed on as it came, and never parsed.
async fn drawing(line: Data, cx: Context) -> Result<()> {
    cx.broadcast().emit("drawing", &line).await
}
