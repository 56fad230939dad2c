//! What a commit makes of the tables.

use super::*;
use crate::{
    event::Event,
    journal::{
        record::Cursor,
        sqlite::{opening::Durability, schema},
    },
};

#[test]
fn a_key_that_comes_back_while_its_end_is_removed_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let (mut connection, _) = schema::open(&path, Durability::ProcessCrash).unwrap();
    let (clock, stamps) = ages::open(&mut connection, 1).unwrap();
    let mut known = Known::new(0, stamps, clock);
    let mut apply = |command| known.apply(&connection, command, &mut Committed::default());
    let append = |event| {
        let append = Append {
            topic: "board".to_owned(),
            events: vec![event],
            ..Append::default()
        };
        Command::Append(append, oneshot::channel().0)
    };
    apply(append(Event::tombstone("card.removed", "card-1"))).unwrap();
    // A compaction has seen the end by now, and asks for its removal after this.
    apply(append(Event::new("card.added").key("card-1"))).unwrap();
    let end = Victim {
        seq: 1,
        bytes: 0,
        ended: Some("card-1".to_owned()),
    };
    let remove = Command::Remove {
        topic: "board".to_owned(),
        victims: vec![end],
        reply: oneshot::channel().0,
    };
    apply(remove).unwrap();
    let whole = Cursor {
        after: 0,
        up_to: 2,
        events: 10,
        bytes: 1000,
    };
    let backlog = reader::backlog(&connection, "board", &whole).unwrap().records;
    assert_eq!(backlog.len(), 1);
    assert_eq!(backlog[0].name, "card.added");
}
