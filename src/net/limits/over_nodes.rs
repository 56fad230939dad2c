//! The sockets of subjects, counted over all nodes that share a table: this node tells what it has, and asks for each socket that
//! others do not know of yet. Many are asked for together, and no call waits for it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::per_subject::{Ask, Shares, SubjectKey, Verdict};

/// How often a node says that it lives, and what has changed.
const EVERY: Duration = Duration::from_secs(1);

/// So long after a node died, what it had is free.
pub(crate) const TTL: Duration = Duration::from_secs(8);

/// Longest that the table takes. A client that connects waits for no longer.
const ANSWER: Duration = Duration::from_secs(5);

/// How long the last exchange has for its end.
const LAST: Duration = Duration::from_secs(3);

/// From one try to the next where the table is away.
const AGAIN: Duration = Duration::from_secs(2);

/// Subjects that are told and asked for together.
const TOGETHER: usize = 512;

/// Where nodes count the sockets of subjects together.
pub(crate) trait SubjectTable: Send + Sync {
    /// Tells what this node has, and asks for more.
    fn exchange<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<Heard, TableAway>>;

    /// This node has no sockets any more.
    fn leave(&self) -> BoxFuture<'_, ()>;
}

/// The table cannot be used now, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TableAway(pub(super) String);

/// What a node says.
#[derive(Default)]
pub(crate) struct Told {
    /// What the table has of this node no longer holds.
    pub(super) is_anew: bool,
    /// The most that a subject may have.
    pub(super) most: usize,
    /// What subjects have here now.
    pub(super) sockets: Vec<(SubjectKey, usize)>,
    /// What they ask for beside that.
    pub(super) asks: Vec<(SubjectKey, usize)>,
}

/// What it is answered.
pub(crate) enum Heard {
    /// The table has nothing of this node any more: all is to be told anew.
    Unknown,
    Counted {
        /// Of each ask, what is granted.
        granted: Vec<usize>,
        /// Subjects that are connected to another number of nodes than before.
        nodes: Vec<(SubjectKey, u32)>,
    },
}

/// Counts with other nodes, until it is dropped.
pub(in crate::net) struct OverNodes {
    table: Arc<dyn SubjectTable>,
    counting: AbortOnDropHandle<()>,
    /// No more is to be counted, and nothing is any more.
    stop: CancellationToken,
    stopped: CancellationToken,
}

impl OverNodes {
    /// Has the sockets of subjects counted by this table too, inside a tokio runtime.
    pub(in crate::net) fn begin(shares: &Shares, table: Arc<dyn SubjectTable>) -> Self {
        let asks = shares.asks();
        let counter = Counter {
            shares: shares.clone(),
            table: table.clone(),
            standing: Standing::Unknown,
        };
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let (until, at_end) = (stop.clone(), stopped.clone().drop_guard());
        let counting = tokio::spawn(async move {
            let _at_end = at_end;
            counter.run(asks, until).await;
        });
        Self {
            table,
            counting: AbortOnDropHandle::new(counting),
            stop,
            stopped,
        }
    }

    /// What this node had is free for others.
    pub(in crate::net) async fn end(&self) {
        self.stop.cancel();
        // What is asked just now is answered first: the table might count it after it has forgotten this node.
        let _ = timeout(LAST, self.stopped.cancelled()).await;
        self.counting.abort();
        self.table.leave().await;
    }
}

/// What the table knows of this node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Unknown,
    Known,
    Away,
}

struct Counter {
    shares: Shares,
    table: Arc<dyn SubjectTable>,
    standing: Standing,
}

/// Those that wait for a place, by subject.
type Waiting = HashMap<SubjectKey, Vec<Ask>>;

impl Counter {
    /// Begins with the first socket of a subject.
    async fn run(mut self, mut asks: mpsc::UnboundedReceiver<Ask>, stop: CancellationToken) {
        let mut asked = Vec::new();
        let mut next = None::<Instant>;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                count = asks.recv_many(&mut asked, TOGETHER) => if count == 0 { return },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
            let mut waiting = Waiting::new();
            for ask in asked.drain(..) {
                waiting.entry(ask.subject).or_default().push(ask);
            }
            if self.standing == Standing::Away && next.is_some_and(|next| Instant::now() < next) {
                // They had asked before it was known.
                self.let_in(waiting);
                continue;
            }
            let begun = Instant::now();
            self.exchange(waiting).await;
            next = Some(match self.standing {
                // Those that asked while it was waited for are not to wait for another try.
                Standing::Away => Instant::now() + AGAIN,
                Standing::Known if !self.shares.has_changed() => begun + EVERY,
                _ => begun,
            });
        }
    }

    async fn exchange(&mut self, waiting: Waiting) {
        let mut told = Told {
            is_anew: self.standing != Standing::Known,
            most: self.shares.most(),
            asks: waiting
                .iter()
                .map(|(subject, asks)| (*subject, asks.len()))
                .collect(),
            ..Told::default()
        };
        if told.is_anew {
            self.shares.tell_again();
        }
        told.sockets = self.shares.take_changed(TOGETHER);
        let answered = timeout(ANSWER, self.table.exchange(&told)).await;
        let answered = answered.unwrap_or_else(|_| Err(TableAway("it does not answer".to_owned())));
        match answered {
            Ok(Heard::Counted { granted, nodes }) => {
                self.is_back();
                let granted: HashMap<_, _> = told
                    .asks
                    .iter()
                    .map(|(subject, _)| *subject)
                    .zip(granted)
                    .collect();
                self.settle(waiting, |subject| {
                    granted.get(&subject).copied().unwrap_or_default()
                });
                for (subject, nodes) in nodes {
                    self.shares.share_out(subject, nodes);
                }
            }
            // They are among those that are told next.
            Ok(Heard::Unknown) => {
                self.standing = Standing::Unknown;
                self.let_in(waiting);
            }
            Err(away) => {
                self.is_away(&away);
                self.let_in(waiting);
            }
        }
    }

    /// Grants so many of each subject's, and refuses the others.
    fn settle(&self, waiting: Waiting, granted: impl Fn(SubjectKey) -> usize) {
        for (subject, asks) in waiting {
            let granted = granted(subject);
            for (number, ask) in asks.into_iter().enumerate() {
                let verdict = match number < granted {
                    true => Verdict::Granted,
                    false => Verdict::Refused,
                };
                self.shares.answer(ask, verdict);
            }
        }
    }

    /// This node's own count is all that there is.
    fn let_in(&self, waiting: Waiting) {
        for ask in waiting.into_values().flatten() {
            self.shares.answer(ask, Verdict::Unknown);
        }
    }

    fn is_back(&mut self) {
        if self.standing == Standing::Away {
            tracing::info!("limits per subject hold over all nodes again");
        }
        self.standing = Standing::Known;
        self.shares.set_alone(false);
    }

    fn is_away(&mut self, away: &TableAway) {
        if self.standing != Standing::Away {
            tracing::warn!("limits per subject hold at this node alone, until the database is back: {away}");
        }
        self.standing = Standing::Away;
        self.shares.set_alone(true);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt;
    use tokio::sync::Notify;

    use super::*;
    use crate::{
        call::stream::streaming::StreamCounts,
        config::Config,
        net::{limits::per_subject::Part, metrics::Metrics},
    };

    /// A table that takes its time, and notes what is done.
    #[derive(Default)]
    struct SlowTable {
        begun: Notify,
        go_on: Notify,
        done: Mutex<Vec<&'static str>>,
    }

    impl SubjectTable for SlowTable {
        fn exchange<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<Heard, TableAway>> {
            async {
                self.begun.notify_one();
                self.go_on.notified().await;
                self.done.lock().unwrap().push("counted");
                Ok(Heard::Counted {
                    granted: told.asks.iter().map(|(_, asks)| *asks).collect(),
                    nodes: Vec::new(),
                })
            }
            .boxed()
        }

        fn leave(&self) -> BoxFuture<'_, ()> {
            async { self.done.lock().unwrap().push("left") }.boxed()
        }
    }

    #[tokio::test]
    async fn a_node_that_stops_leaves_the_table_once_what_it_asked_is_counted() {
        let metrics = Metrics::new(None, &StreamCounts::default(), None, None);
        let shares = Shares::new(&Config::default(), &Arc::new(metrics));
        let table = Arc::new(SlowTable::default());
        let over_nodes = OverNodes::begin(&shares, table.clone());
        let part = Part::default();
        part.of(&shares, Some("ada")).unwrap();
        table.begun.notified().await;
        let end = over_nodes.end();
        tokio::pin!(end);
        assert!(end.as_mut().now_or_never().is_none(), "it waits for the answer");
        table.go_on.notify_one();
        end.await;
        assert_eq!(*table.done.lock().unwrap(), ["counted", "left"]);
        part.confirm().await.unwrap();
    }
}
