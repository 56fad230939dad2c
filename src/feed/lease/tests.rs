//! Nodes that ask, stand still, and are cut off, in any order: one at a time works.

use proptest::prelude::*;

use super::*;

const NODES: usize = 3;

/// What a database keeps of a lease, in milliseconds.
#[derive(Clone, Copy, Default)]
struct Row {
    node: Option<usize>,
    token: u64,
    until: u64,
}

impl Row {
    /// As `updraft.lease` does it (src/journal/postgres/schema).
    fn take(&mut self, node: usize, now: u64) -> Option<u64> {
        if self.node != Some(node) {
            if self.node.is_some() && now < self.until {
                return None;
            }
            self.token += 1;
        }
        self.node = Some(node);
        self.until = now + TTL.as_millis() as u64;
        Some(self.token)
    }
}

/// A question on its way to the database, and its answer on its way back.
#[derive(Clone, Copy)]
struct Question {
    asked: u64,
    arrives: u64,
    returns: u64,
    /// Whether it gets there, and the answer back.
    arrival: bool,
    answer: Option<Option<u64>>,
}

struct Node {
    holder: Holder,
    question: Option<Question>,
    /// The token that its work began under.
    work: Option<u64>,
    stands_still_until: u64,
}

/// What comes upon a node.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It takes so long until the question is there, and until the answer is back.
    Slow(u64, u64),
    /// The question does not get there.
    Cut,
    /// The answer does not get back.
    Lost,
    /// The process stands still.
    StandsStill(u64),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => (0..50u64, 0..50u64).prop_map(|(there, back)| Fault::Slow(there, back)),
        1 => (0..9000u64, 0..9000u64).prop_map(|(there, back)| Fault::Slow(there, back)),
        1 => Just(Fault::Cut),
        1 => Just(Fault::Lost),
        1 => (0..15_000u64).prop_map(Fault::StandsStill),
    ]
}

struct World {
    base: Instant,
    now: u64,
    row: Row,
    nodes: Vec<Node>,
    /// The highest token that work was done under.
    newest: u64,
}

impl World {
    fn new() -> Self {
        let base = Instant::now();
        let node = || Node {
            holder: Holder::new(base),
            question: None,
            work: None,
            stands_still_until: 0,
        };
        Self {
            base,
            now: 0,
            row: Row::default(),
            nodes: (0..NODES).map(|_| node()).collect(),
            newest: 0,
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.base + Duration::from_millis(ms)
    }

    /// The nodes that would do work now.
    fn working(&self) -> Vec<usize> {
        let now = self.at(self.now);
        let works = |node: &Node| {
            node.stands_still_until <= self.now && node.work.is_some() && node.holder.holds(now)
        };
        (0..NODES).filter(|number| works(&self.nodes[*number])).collect()
    }

    /// One millisecond of all nodes. A node that asks meets the next fault.
    fn step(&mut self, faults: &mut impl Iterator<Item = Fault>) {
        self.now += 1;
        let now = self.at(self.now);
        for number in 0..NODES {
            self.reach_the_database(number);
            let still = self.nodes[number].stands_still_until > self.now;
            if still {
                continue;
            }
            match self.nodes[number].question {
                Some(question) if question.returns <= self.now => self.answer(number, question),
                None if self.nodes[number].holder.asks_at <= now => self.ask(number, faults.next()),
                _ => {}
            }
        }
    }

    fn ask(&mut self, number: usize, fault: Option<Fault>) {
        let (there, back, arrival) = match fault {
            Some(Fault::Slow(there, back)) => (there, back, true),
            Some(Fault::Cut) => (0, 6000, false),
            Some(Fault::Lost) => (0, 6000, true),
            Some(Fault::StandsStill(ms)) => {
                self.nodes[number].stands_still_until = self.now + ms;
                (ms / 2, ms / 2, true)
            }
            None => (1, 1, true),
        };
        self.nodes[number].question = Some(Question {
            asked: self.now,
            arrives: self.now + there,
            returns: self.now + there + back,
            arrival,
            answer: None,
        });
        if matches!(fault, Some(Fault::Lost)) {
            // The database decides, and nobody hears it.
            self.row.take(number, self.now);
            self.nodes[number].question.as_mut().unwrap().arrival = false;
        }
    }

    fn reach_the_database(&mut self, number: usize) {
        if let Some(question) = &mut self.nodes[number].question
            && question.arrival
            && question.answer.is_none()
            && question.arrives <= self.now
        {
            question.answer = Some(self.row.take(number, self.now));
        }
    }

    fn answer(&mut self, number: usize, question: Question) {
        let asked = self.at(question.asked);
        let answer = match question.answer {
            Some(token) => Ok(token.map(|token| Lease {
                token,
                until: asked + TTL,
            })),
            None => Err(JournalError::Unavailable("cut".to_owned())),
        };
        let token = question.answer.flatten();
        let node = &mut self.nodes[number];
        node.question = None;
        match node.holder.answered(asked, answer) {
            Work::Same => {}
            Work::Anew => node.work = token,
            Work::None => node.work = None,
        }
    }

    /// One node at most works, and none that comes after another one with the lease.
    fn check(&mut self) -> Result<(), TestCaseError> {
        let working = self.working();
        prop_assert!(working.len() <= 1, "{working:?} work at {} ms", self.now);
        if let Some(token) = working.first().and_then(|number| self.nodes[*number].work) {
            prop_assert!(token >= self.newest, "{token} works after {}", self.newest);
            self.newest = token;
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn one_node_at_a_time_works_and_one_does_when_all_is_well(faults in prop::collection::vec(fault(), 0..60)) {
        let mut world = World::new();
        let mut faults = faults.into_iter();
        while faults.len() > 0 {
            world.step(&mut faults);
            world.check()?;
        }
        // What went wrong last comes to its end; then nobody waits for longer than a lease that nobody renews.
        let well = world.now + 18_000 + (TTL + 2 * EVERY).as_millis() as u64;
        while world.now < well {
            world.step(&mut faults);
            world.check()?;
        }
        prop_assert_eq!(world.working().len(), 1, "one works");
    }
}

#[test]
fn a_lease_that_is_not_renewed_is_news_once_until_it_was_renewed() {
    let away = || Err(JournalError::Unavailable("away".to_owned()));
    let mut holder = Holder::new(Instant::now());
    let answers = [Ok(None), away(), away(), away(), Ok(None), away()];
    let news = answers.map(|answer| holder.is_news(&answer));
    assert_eq!(news, [false, true, false, false, false, true]);
}
