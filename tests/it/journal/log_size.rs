//! The log that SQLite writes ahead stays small, also where readers never pause.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rusqlite::Connection;
use updraft::{
    Event,
    journal::{Durability, Journal, SqliteJournal},
};

use super::{append, wait_for};

#[test]
fn readers_who_never_pause_do_not_make_the_log_grow() {
    wait_for(async {
        const MEGABYTE: u64 = 1 << 20;
        let directory = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(directory.path(), Durability::ProcessCrash).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let readers = {
            let (path, is_over) = (directory.path().join("journal.db"), is_over.clone());
            std::thread::spawn(move || {
                let mut reading = Connection::open(&path).unwrap();
                let mut next = Connection::open(&path).unwrap();
                begin(&reading);
                // One begins before the other ends.
                while !is_over.load(Ordering::Relaxed) {
                    begin(&next);
                    // A page takes its time.
                    std::thread::sleep(Duration::from_millis(20));
                    reading.execute_batch("COMMIT").unwrap();
                    std::mem::swap(&mut reading, &mut next);
                }
            })
        };
        let data = "x".repeat(100_000);
        let mut largest = 0;
        for number in 0..700 {
            let event = Event::new("card.changed")
                .key(number.to_string())
                .data(&data)
                .unwrap();
            journal.append(append("board", [event])).await.unwrap();
            let log = fs::metadata(directory.path().join("journal.db-wal")).unwrap();
            largest = log.len().max(largest);
        }
        is_over.store(true, Ordering::Relaxed);
        readers.join().unwrap();
        assert!(largest > 10 * MEGABYTE, "readers held the log: {largest}");
        assert!(largest < 80 * MEGABYTE, "the log grew to {largest}");
        let file = fs::metadata(directory.path().join("journal.db")).unwrap().len();
        assert!(file > 50 * MEGABYTE, "the events are in the tables' file: {file}");
    });
}

/// Begins to read what there is now.
fn begin(connection: &Connection) {
    let read = "BEGIN; SELECT count(*) FROM topics;";
    connection.execute_batch(read).unwrap();
}
