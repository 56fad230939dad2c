//! The hot path of a call, one thread, so many times: a packet is decoded, its function found and run, an event
//! appended to the memory journal, the answer written. `bench/instructions.sh` counts its instructions.

#[path = "../../../benches/null_peer/mod.rs"]
mod null_peer;

use std::{sync::Arc, time::Duration};

use null_peer::NullPeer;
use serde::Deserialize;
use serde_json::value::RawValue;
use updraft::{
    CallError, Code, Event, Json, Module, Registry, Result, State,
    journal::{Append, Journal, MemoryJournal},
    payload::{Arrived, Dispatcher, Limits, Peer, States},
};

/// Cards that there are, so that the journal's index does not grow.
const CARDS: usize = 16;

#[derive(Deserialize)]
struct Card {
    id: String,
    text: Box<RawValue>,
}

async fn change(Json(card): Json<Card>, State(journal): State<Arc<MemoryJournal>>) -> Result<Json<u64>> {
    let append = Append {
        topic: "board".to_owned(),
        events: vec![Event::new("card.changed").key(card.id).data(&card.text)?],
        ..Append::default()
    };
    let appended = journal.append(append).await;
    let appended = appended.map_err(|_| CallError::new(Code::Unavailable, "no journal"))?;
    Ok(Json(appended.last))
}

fn main() {
    let times = std::env::args().nth(1).and_then(|times| times.parse().ok());
    let times: usize = times.expect("how many times");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let mut states = States::default();
    states.insert(Arc::new(MemoryJournal::new().expect("random bytes")));
    let modules = (0..10).map(|number| Module::new(format!("api.board{number}")).on("change", change));
    let registry = Registry::new(modules.collect(), &states).expect("names that are names");
    let dispatcher = Dispatcher::new(registry, states, Limits::default(), Duration::from_secs(30));
    let peer: Arc<dyn Peer> = Arc::new(NullPeer::new());
    let length: usize = (0..times)
        .map(|number| runtime.block_on(call(&dispatcher, peer.clone(), number)))
        .sum();
    println!("{times} calls, {length} bytes of answers");
}

async fn call(dispatcher: &Dispatcher, peer: Arc<dyn Peer>, number: usize) -> usize {
    let text = format!(
        r#"["event",{{"event":"api.board{}.change","data":{{"id":"card-{}","text":"move the release notes to Friday"}}}}]"#,
        number % 10,
        number % CARDS
    );
    let arrived = Arrived {
        text: text.into(),
        attachments: Vec::new(),
    };
    let answer = dispatcher.answer(arrived, peer).await;
    let reply = answer.result.expect("an answer").expect("data");
    answer.event.len() + serde_json::to_string(&*reply).expect("JSON").len()
}
