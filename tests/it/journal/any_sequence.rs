//! Whatever is done to a journal, in whatever order: it holds what the model says.

use std::time::Duration;

use proptest::{
    collection::vec,
    test_runner::{Config, TestRunner},
};
use tokio::task::JoinSet;
use updraft::journal::{Appended, Cursor, JournalError, Page, Record, Tail};

use super::{
    WHOLE, batch_of,
    model::{Model, Shown, show},
    steps::{Batch, CONSUMERS, ONCE, Plan, Step, TOPICS, cursor, step},
    store::Store,
    wait_for,
};

pub(super) fn any_sequence_leaves_what_the_model_says<S: Store>() {
    let config = Config {
        cases: S::CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let strategy = vec((step(), cursor()), 1..30);
    TestRunner::new(config)
        .run(&strategy, |steps| {
            wait_for(async {
                let mut story = Story::begin(S::new());
                for (step, cursor) in steps {
                    story = story.go_on(step).await;
                    story.compare(cursor).await;
                }
            });
            Ok(())
        })
        .unwrap();
}

struct Story<S> {
    store: S,
    model: Model,
    tail: Tail,
    /// The last event that the tail told of.
    told: u64,
    followers: Vec<Follower>,
}

/// A reader who heard everything of a topic up to a position, went away then, and shows what it knew.
struct Follower {
    topic: &'static str,
    position: u64,
    shown: Shown,
}

impl<S: Store> Story<S> {
    fn begin(store: S) -> Self {
        let tail = store.journal().tail();
        Self {
            store,
            model: Model::default(),
            tail,
            told: 0,
            followers: Vec::new(),
        }
    }

    async fn go_on(mut self, step: Step) -> Self {
        let journal = self.store.journal();
        match step {
            Step::Append(plan) => {
                let batch = plan.batch(self.model.bounds(plan.topic()).head);
                let outcome = journal.append(batch.append()).await;
                self.happened(&batch, &outcome);
            }
            Step::Together(plans) => {
                let batch = |plan: Plan| plan.batch(self.model.bounds(plan.topic()).head);
                let batches = plans.into_iter().map(batch).collect();
                self.together(batches).await;
            }
            Step::Answer { key, answer } => {
                journal.answer(key.to_owned(), answer.clone()).await.unwrap();
                self.model.answer(key, &answer);
            }
            Step::Consume { topic, consumer, seq } => {
                journal.commit_offset(topic, consumer, seq).await.unwrap();
                self.model.commit_offset(topic, consumer, seq);
            }
            Step::Compact { topic, keep } => {
                let removed = journal.compact(topic, keep).await.unwrap();
                assert_eq!((removed.events, removed.bytes), self.model.compact(topic, &keep));
            }
            Step::Forget { all: false } => {
                assert_eq!(journal.expire_keys(Duration::MAX).await, Ok(0));
            }
            Step::Forget { all: true } => {
                let forgotten = journal.expire_keys(Duration::ZERO).await.unwrap();
                assert_eq!(forgotten, self.model.forget_all());
            }
            Step::Reopen => {
                let epoch = journal.epoch().clone();
                drop(journal);
                self.store = self.store.reopened().await;
                assert_eq!(*self.store.journal().epoch(), epoch);
                self.tail = self.store.journal().tail();
            }
            Step::Follow { topic } => {
                let backlog = journal.backlog(topic, WHOLE).await.unwrap().records;
                let mut shown = Shown::new();
                backlog.iter().for_each(|record| show(&mut shown, record));
                let position = self.model.bounds(topic).head;
                self.followers.push(Follower {
                    topic,
                    position,
                    shown,
                });
            }
        }
        self
    }

    /// Appends from as many tasks. The store gives their order, and each outcome is what the model says of that.
    async fn together(&mut self, batches: Vec<Batch>) {
        let mut tasks = JoinSet::new();
        for batch in batches {
            let journal = self.store.journal();
            tasks.spawn(async move {
                let outcome = journal.append(batch.append()).await;
                (batch, outcome)
            });
        }
        let mut outcomes = tasks.join_all().await;
        // Those that were applied, in the order in which they were; then those that came too late with their key.
        outcomes.sort_by_key(|(_, outcome)| match outcome {
            Ok(appended) if !appended.repeated => appended.first,
            _ => u64::MAX,
        });
        for (batch, outcome) in outcomes {
            self.happened(&batch, &outcome);
        }
    }

    fn happened(&mut self, batch: &Batch, outcome: &Result<Appended, JournalError>) {
        let time = outcome.as_ref().map_or(0, |appended| appended.time);
        assert_eq!(*outcome, self.model.append(batch, time), "{batch:?}");
    }

    /// Whether the journal shows, in pages of any size, what the model holds.
    async fn compare(&mut self, cursor: Cursor) {
        let journal = self.store.journal();
        assert_eq!(journal.topics().await.unwrap(), self.model.topics());
        for topic in TOPICS {
            let bounds = self.model.bounds(topic);
            assert_eq!(journal.bounds(topic).await, Ok(bounds));
            assert_eq!(journal.head(topic).await, Ok(bounds.head));
            let records = self.model.read(topic, cursor);
            assert_eq!(journal.read(topic, cursor).await, Ok(Page { bounds, records }));
            let records = self.model.backlog(topic, cursor);
            assert_eq!(journal.backlog(topic, cursor).await, Ok(Page { bounds, records }));
            assert_eq!(
                self.pages(topic, cursor, false).await,
                self.model.read(topic, WHOLE)
            );
            let backlog = self.pages(topic, cursor, true).await;
            assert_eq!(backlog, self.model.backlog(topic, WHOLE));

            let mut shown = Shown::new();
            backlog.iter().for_each(|record| show(&mut shown, record));
            assert_eq!(shown, self.model.shown(topic), "a new reader of {topic:?}");
            for consumer in CONSUMERS {
                let stands = journal.committed_offset(topic, consumer).await;
                assert_eq!(stands, Ok(self.model.committed_offset(topic, consumer)));
            }
        }
        for key in ONCE {
            assert_eq!(
                journal.stored_outcome(key).await,
                Ok(self.model.stored_outcome(key)),
                "{key:?}"
            );
        }
        self.followers_can_resume().await;
        self.tail_told_everything();
    }

    /// A whole topic, or its whole backlog, page by page.
    async fn pages(&self, topic: &str, cursor: Cursor, is_backlog: bool) -> Vec<Record> {
        let journal = self.store.journal();
        let mut found: Vec<Record> = Vec::new();
        loop {
            let cursor = Cursor {
                after: found.last().map_or(0, |record| record.seq),
                up_to: self.model.head(),
                events: cursor.events.max(1),
                ..cursor
            };
            let page = match is_backlog {
                true => journal.backlog(topic, cursor).await.unwrap(),
                false => journal.read(topic, cursor).await.unwrap(),
            };
            if page.records.is_empty() {
                return found;
            }
            found.extend(page.records);
        }
    }

    /// Who stands above the floor, and hears what came since, shows what the whole history shows.
    async fn followers_can_resume(&self) {
        for Follower {
            topic,
            position,
            shown,
        } in &self.followers
        {
            if *position >= self.model.bounds(topic).floor {
                let cursor = Cursor {
                    after: *position,
                    ..WHOLE
                };
                let mut shown = shown.clone();
                let missed = self.store.journal().read(topic, cursor).await.unwrap().records;
                missed.iter().for_each(|record| show(&mut shown, record));
                assert_eq!(shown, self.model.shown(topic), "from {position} of {topic:?}");
            }
        }
    }

    /// The tail says each event as soon as its append is done, in the order of the journal.
    fn tail_told_everything(&mut self) {
        let mut told: Vec<Record> = Vec::new();
        while let Some(batch) = batch_of(&mut self.tail) {
            told.extend(batch.iter().map(|record| (**record).clone()));
        }
        assert_eq!(told, self.model.above(self.told));
        self.told = self.model.head();
    }
}
