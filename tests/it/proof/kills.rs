//! Stock JS clients publish and read while their server is killed again and again. What was acked is there, once;
//! all hear the same in the same order; who reads comes back by itself.
//!
//! `UPDRAFT_KILLS=30 cargo test --test it proof::kills` kills more often than the few times of a normal run;
//! `UPDRAFT_SEED` tells a story again, as far as the clock lets it.

use std::env;

use serde::{Deserialize, Serialize};
use updraft::{App, Config, Context, Event, Json, Module, Position, Result, Topic, everyone};

use super::{SERVES, is_server, serve};
use crate::support::{node, seed};

fn kill_again_and_again(command: &[&str]) {
    let kills = env::var("UPDRAFT_KILLS").unwrap_or_else(|_| "3".to_owned());
    let said = node("kills.mjs", &[&[&*kills, &*seed().to_string()], command].concat());
    print!("{said}");
}

#[test]
fn the_board_survives_kills() {
    kill_again_and_again(&[env!("CARGO_BIN_EXE_updraft"), "serve"]);
}

/// The board publishes one event after the other; here all that come at once share commits.
#[test]
fn what_is_published_at_once_survives_kills() {
    if is_server() {
        serve(app(), Config::default());
    }
    let program = env::current_exe().unwrap();
    kill_again_and_again(&[
        "env",
        &format!("{SERVES}=1"),
        program.to_str().unwrap(),
        "proof::kills::what_is_published_at_once_survives_kills",
        "--exact",
        "--nocapture",
    ]);
}

/// What the board offers, without its rules.
fn app() -> App {
    let module = Module::new("api.board")
        .on("add", async |card: Json<Card>, cx: Context| {
            tell("card.added", card, cx).await
        })
        .on("edit", async |card: Json<Card>, cx: Context| {
            tell("card.edited", card, cx).await
        })
        .on("remove", async |Json(card): Json<Card>, cx: Context| {
            let end = Event::tombstone("card.removed", card.id);
            cx.topic("board").publish(end).await.map(Json)
        });
    App::new()
        .module(module)
        .topic(Topic::new("board").readable_by(everyone))
}

#[derive(Deserialize, Serialize)]
struct Card {
    id: String,
    title: Option<String>,
}

async fn tell(name: &'static str, Json(card): Json<Card>, cx: Context) -> Result<Json<Position>> {
    let event = Event::new(name).key(card.id.as_str()).data(&card)?;
    cx.topic("board").publish(event).await.map(Json)
}
