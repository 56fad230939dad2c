//! `api.board`: a board of cards that all share. What is asked for is decided by the board as it is, then
//! published to the topic `board` under the card's id; readers fold the same events into the same board.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};
use updraft::{
    CallError, Code, Context, Event, Json, Module, Position, Projection, Result, State, Topic, everyone,
    journal::{Record, Retention},
};

use super::presence::Visitor;

/// The topic's name.
pub(crate) const TOPIC: &str = "board";

/// Longest id of a card, and longest title, in bytes.
const MAX_ID: usize = 64;
const MAX_TITLE: usize = 500;

/// Furthest that a rank may be from zero: up to here the next one is another number.
const MAX_RANK: f64 = 1e12;

/// Most cards on the board, and as many beyond as are added at once: only its own card is watched while one is added.
const MAX_CARDS: usize = 1000;

/// How long the whole history is kept, for the page's slider: 30 days.
const HISTORY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(crate) fn module() -> Module {
    Module::new("api.board")
        .on("add", add)
        .on("move", change_place)
        .on("edit", edit)
        .on("remove", remove)
}

pub(crate) fn topic() -> Topic {
    let keep = Retention {
        least: HISTORY,
        ..Retention::default()
    };
    Topic::new(TOPIC).readable_by(everyone).keep(keep)
}

/// A card.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Card {
    id: String,
    title: String,
    column: String,
    /// Where it stands in its column: behind the cards of lower rank. Between two cards there is room for a
    /// third by halves, some fifty times; cards of one rank stand in the order of their ids.
    #[serde(default)]
    rank: f64,
    /// The author of the last change, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Visitor>,
}

/// The cards by their ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board(HashMap<String, Card>);

impl Board {
    /// Takes one event in: a card as it is now, or its end.
    pub(crate) fn fold(&mut self, record: &Record) {
        let Some(id) = record.key.as_deref() else {
            return;
        };
        match record.data::<Card>() {
            Ok(Some(card)) => {
                self.0.insert(id.to_owned(), card);
            }
            Ok(None) => {
                self.0.remove(id);
            }
            Err(error) => tracing::error!("an event of the board at {} is no card: {error}", record.seq),
        }
    }

    fn card(&self, id: &str) -> Result<&Card> {
        self.0
            .get(id)
            .ok_or_else(|| CallError::new(Code::Conflict, "there is no such card"))
    }

    /// A rank behind all cards of a column.
    fn end_of(&self, column: &str) -> f64 {
        let ranks = self
            .0
            .values()
            .filter(|card| card.column == column)
            .map(|card| card.rank);
        ranks.fold(0.0, f64::max) + 1.0
    }
}

#[derive(Deserialize)]
struct NewCard {
    id: String,
    title: String,
    column: String,
    rank: Option<f64>,
    by: Option<Visitor>,
}

#[derive(Deserialize)]
struct Place {
    id: String,
    column: String,
    rank: Option<f64>,
    by: Option<Visitor>,
}

#[derive(Deserialize)]
struct Title {
    id: String,
    title: String,
    by: Option<Visitor>,
}

#[derive(Deserialize)]
struct CardId {
    id: String,
}

/// Without a rank the card comes to the end of its column.
async fn add(
    Json(new): Json<NewCard>,
    board: State<Projection<Board>>,
    cx: Context,
) -> Result<Json<Position>> {
    board
        .decide(&cx, new.id.as_str(), |board| {
            let card = Card {
                id: new.id.clone(),
                title: new.title.clone(),
                column: new.column.clone(),
                rank: new.rank.unwrap_or_else(|| board.end_of(&new.column)),
                by: new.by.clone(),
            };
            check(&card)?;
            if board.0.contains_key(&card.id) {
                return Err(CallError::new(Code::Conflict, "there is a card with this id"));
            }
            if board.0.len() >= MAX_CARDS {
                return Err(CallError::new(Code::Conflict, "the board is full"));
            }
            Event::new("card.added").key(card.id.as_str()).data(&card)
        })
        .await
        .map(Json)
}

/// Without a rank the card comes to the end of the column.
async fn change_place(
    Json(place): Json<Place>,
    board: State<Projection<Board>>,
    cx: Context,
) -> Result<Json<Position>> {
    board
        .decide(&cx, place.id.as_str(), |board| {
            let mut card = board.card(&place.id)?.clone();
            card.rank = place.rank.unwrap_or_else(|| board.end_of(&place.column));
            card.column.clone_from(&place.column);
            card.by.clone_from(&place.by);
            check(&card)?;
            Event::new("card.moved").key(card.id.as_str()).data(&card)
        })
        .await
        .map(Json)
}

async fn edit(
    Json(title): Json<Title>,
    board: State<Projection<Board>>,
    cx: Context,
) -> Result<Json<Position>> {
    board
        .decide(&cx, title.id.as_str(), |board| {
            let mut card = board.card(&title.id)?.clone();
            card.title.clone_from(&title.title);
            card.by.clone_from(&title.by);
            check(&card)?;
            Event::new("card.edited").key(card.id.as_str()).data(&card)
        })
        .await
        .map(Json)
}

async fn remove(
    Json(card): Json<CardId>,
    board: State<Projection<Board>>,
    cx: Context,
) -> Result<Json<Position>> {
    board
        .decide(&cx, card.id.as_str(), |board| {
            let card = board.card(&card.id)?;
            Ok(Event::tombstone("card.removed", card.id.as_str()))
        })
        .await
        .map(Json)
}

fn check(card: &Card) -> Result<()> {
    let fits = |text: &str, most| !text.is_empty() && text.len() <= most;
    if !(fits(&card.id, MAX_ID) && fits(&card.title, MAX_TITLE) && fits(&card.column, MAX_ID)) {
        return Err(CallError::new(
            Code::InvalidData,
            "a card has an id and a column of 1 to 64 bytes and a title of 1 to 500",
        ));
    }
    if card.rank.abs() > MAX_RANK {
        return Err(CallError::new(
            Code::InvalidData,
            "a rank is between -1e12 and 1e12",
        ));
    }
    card.by.as_ref().map_or(Ok(()), Visitor::check)
}
