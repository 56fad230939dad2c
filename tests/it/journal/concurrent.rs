//! Nodes that append at the same time: one order for all, whatever happens to their connections.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::{JoinSet, block_in_place, spawn_blocking},
};
use updraft::journal::{Journal, PostgresJournal, Record, Tail};

use super::{
    WHOLE, append, event, everything, names,
    shared::{open, told_next},
    wait_for,
};
use crate::support::{TestDatabase, until_async, within_patience};

/// The events of a tail, which is read from now on: it lags where its reader does.
fn follow(mut tail: Tail) -> UnboundedReceiver<Record> {
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        while !tell.is_closed() {
            for record in told_next(&mut tail, 1).await {
                let _ = tell.send(record);
            }
        }
    });
    told
}

/// So many events that it was told.
async fn told(mut tail: UnboundedReceiver<Record>, events: usize) -> Vec<Record> {
    let mut told = Vec::new();
    while told.len() < events {
        told.push(within_patience("the tail to go on", tail.recv()).await.unwrap());
    }
    told
}

/// Some tasks of each node, which append one event after the other until it is enough.
struct Appending {
    tasks: JoinSet<()>,
    /// Of each task, what was acked to it.
    acked: Vec<Arc<AtomicUsize>>,
    is_enough: Arc<AtomicBool>,
}

impl Appending {
    fn start(nodes: &[Arc<PostgresJournal>], tasks: usize) -> Self {
        let mut this = Self {
            tasks: JoinSet::new(),
            acked: Vec::new(),
            is_enough: Arc::default(),
        };
        for (node, journal) in nodes.iter().enumerate() {
            for task in 0..tasks {
                this.append(journal.clone(), format!("{node}.{task}"));
            }
        }
        this
    }

    fn append(&mut self, journal: Arc<PostgresJournal>, task: String) {
        let (acked, is_enough) = (Arc::new(AtomicUsize::new(0)), self.is_enough.clone());
        self.acked.push(acked.clone());
        self.tasks.spawn(async move {
            let mut before = 0;
            while !is_enough.load(Ordering::SeqCst) {
                let name = format!("{task}.{}", acked.load(Ordering::SeqCst));
                let appended = journal.append(append("board", [event(&name)])).await.unwrap();
                assert!(appended.first > before, "what is appended later stands later");
                before = appended.last;
                acked.fetch_add(1, Ordering::SeqCst);
            }
        });
    }

    fn acked(&self) -> Vec<usize> {
        let load = |acked: &Arc<AtomicUsize>| acked.load(Ordering::SeqCst);
        self.acked.iter().map(load).collect()
    }

    /// Waits until so many more were acked to each task.
    async fn wait_for_more(&mut self, events: usize) {
        let before = self.acked();
        until_async("more to be acked to each task", async || {
            while let Some(failed) = self.tasks.try_join_next() {
                failed.unwrap();
            }
            let acked = self.acked();
            acked
                .iter()
                .zip(&before)
                .all(|(acked, before)| acked - before >= events)
        })
        .await;
    }

    /// How many were appended.
    async fn end(self) -> usize {
        self.is_enough.store(true, Ordering::SeqCst);
        self.tasks.join_all().await;
        self.acked.iter().map(|acked| acked.load(Ordering::SeqCst)).sum()
    }
}

/// Each of so many is there once, in order.
fn assert_once(records: &[Record], events: usize) {
    let names = names(records);
    assert_eq!(names.len(), events);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), events);
    assert!(records.is_sorted_by(|one, next| one.seq < next.seq));
}

#[test]
fn two_nodes_append_and_both_are_told_all_in_one_order() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let nodes = [open(&database).await, open(&database).await];
        let tails = nodes.each_ref().map(|node| follow(node.tail()));
        let mut appending = Appending::start(&nodes, 4);
        appending.wait_for_more(50).await;
        let events = appending.end().await;
        let all = everything(&*nodes[0], "board").await;
        assert_once(&all, events);
        for tail in tails {
            assert!(told(tail, all.len()).await == all, "the tail tells it otherwise");
        }
        for node in &nodes {
            assert_eq!(node.head("board").await, Ok(all.last().unwrap().seq));
        }
    });
}

/// An outcome that got lost is asked for again.
#[test]
fn appends_go_on_while_connections_are_cut_and_none_is_lost_or_doubled() {
    wait_for(async {
        let database = Arc::new(block_in_place(TestDatabase::new));
        let nodes = [open(&database).await, open(&database).await];
        let tails = nodes.each_ref().map(|node| follow(node.tail()));
        let mut appending = Appending::start(&nodes, 4);
        for _ in 0..10 {
            let cutting = database.clone();
            spawn_blocking(move || cutting.cut()).await.unwrap();
            // An append that is always cut off is given up. The first that is acked now may have been committed before; the next
            // was not.
            appending.wait_for_more(2).await;
        }
        let events = appending.end().await;
        let mut all = Vec::new();
        until_async("a connection to read by", async || {
            let page = nodes[0].read("board", WHOLE).await;
            let is_read = page.is_ok();
            all = page.map_or(Vec::new(), |page| page.records);
            is_read
        })
        .await;
        assert_once(&all, events);
        for tail in tails {
            assert!(told(tail, all.len()).await == all, "the tail tells it otherwise");
        }
    });
}
