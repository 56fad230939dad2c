//! State that is folded from a topic.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use updraft::{
    App, Event, Json, Module, Projection, State, Topic,
    journal::{Journal, Record},
};

use super::{Reader, card, compact_to, end, everything, publish};
use crate::support::Local;

type Titles = BTreeMap<String, String>;

fn fold(titles: &mut Titles, record: &Record) {
    let Some(key) = &record.key else {
        return;
    };
    match record.data::<String>().unwrap() {
        Some(title) => titles.insert(key.to_string(), title),
        None => titles.remove(&**key),
    };
}

/// The titles, once this event is among them.
async fn titles(Json(seq): Json<u64>, titles: State<Projection<Titles>>) -> Json<(Titles, u64)> {
    titles.reached(seq).await;
    Json(titles.read(|titles, seq| (titles.clone(), seq)))
}

async fn serve(journal: &Arc<dyn Journal>) -> Local {
    let app = App::new()
        .journal(journal.clone())
        .topic(Topic::new("board"))
        .project("board", Titles::new(), fold)
        .module(Module::new("api.test").on("titles", titles));
    Local::of(app).await
}

pub(super) async fn a_projection_is_the_fold_of_its_topic(journal: Arc<dyn Journal>) {
    let mut all = Titles::new();
    let mut folded = 0;
    for round in 0..4 {
        // Each round begins with a start, over what the rounds before left.
        let local = serve(&journal).await;
        let mut client = Reader::connect(&local).await;
        for step in 0..50 {
            publish(&journal, "other", [card("a", "not here")]).await;
            let last = publish(&journal, "board", [change(round * 50 + step)]).await;
            if step % 10 == 0 {
                let fresh = everything(&*journal, "board").await;
                let fresh = fresh.iter().filter(|record| record.seq > folded);
                fresh.for_each(|record| fold(&mut all, record));
                folded = last;
                let told = client.done("api.test.titles", &json!(last)).await;
                assert_eq!(told, json!([all, last]));
            }
        }
        let fresh = everything(&*journal, "board").await;
        let fresh = fresh.iter().filter(|record| record.seq > folded);
        fresh.for_each(|record| fold(&mut all, record));
        folded = journal.fence("board").await.unwrap().head;
        if round == 1 {
            compact_to(&journal, "board", folded - 20).await;
        }
        client.done("api.services.status", &Value::Null).await;
        local.server.stop().await;
    }
}

fn change(step: usize) -> Event {
    let id = format!("card-{}", step % 7);
    match step % 5 {
        4 => end(&id),
        _ => card(&id, &step.to_string()),
    }
}
