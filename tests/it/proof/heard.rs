//! What a client heard of a topic, held against everything that was ever published to it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One message, as the client heard it; or `unsubscribed`, where it was told that it is.
#[derive(Debug, Deserialize)]
pub(super) struct Heard {
    pub(super) event: String,
    pub(super) topic: String,
    pub(super) seq: u64,
    #[serde(default)]
    pub(super) reset: bool,
    pub(super) key: Option<String>,
    /// None where the event ends its key.
    pub(super) token: Option<String>,
}

/// A publish that was acked.
#[derive(Debug, Deserialize)]
pub(super) struct Acked {
    pub(super) topic: String,
    pub(super) token: String,
    pub(super) seq: u64,
}

/// An event as it was published.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Told {
    pub(super) key: Option<String>,
    /// None where it ends its key.
    pub(super) token: Option<String>,
}

/// Everything that was ever published to a topic.
pub(super) type History = BTreeMap<u64, Told>;

/// What events fold to: of each key the last token; and the tokens of those without a key.
#[derive(Default)]
struct Folded {
    cards: BTreeMap<String, String>,
    notes: Vec<String>,
}

impl Folded {
    fn take(&mut self, told: &Told) {
        match (&told.key, &told.token) {
            (Some(key), Some(token)) => drop(self.cards.insert(key.clone(), token.clone())),
            (Some(key), None) => drop(self.cards.remove(key)),
            (None, token) => self.notes.push(token.clone().expect("a note says something")),
        }
    }
}

/// Where a client stands in a topic.
enum Place {
    /// Nothing of the topic may come.
    Silent,
    /// In the compacted backlog; what it had of it.
    Backlog(Vec<u64>),
    /// Every event after this one comes.
    Following(u64),
}

/// How clients began, apart from their first time.
#[derive(Debug, Default)]
pub(super) struct Begun {
    pub(super) resumed: usize,
    pub(super) anew: usize,
}

/// Follows a client through a topic.
pub(super) struct Checker<'a> {
    topic: &'a str,
    history: &'a History,
    /// So many of the newest notes are always kept.
    kept_notes: usize,
    place: Place,
    position: Option<u64>,
    state: Folded,
    pub(super) begun: Begun,
}

impl<'a> Checker<'a> {
    pub(super) fn new(topic: &'a str, history: &'a History, kept_notes: usize) -> Self {
        Self {
            topic,
            history,
            kept_notes,
            place: Place::Silent,
            position: None,
            state: Folded::default(),
            begun: Begun::default(),
        }
    }

    pub(super) fn hear(&mut self, heard: &Heard) {
        match &*heard.event {
            "unsubscribed" => return self.place = Place::Silent,
            "topic.start" => self.start(heard),
            "topic.live" => self.live(heard.seq),
            _ => self.event(heard),
        }
        self.position = Some(heard.seq);
    }

    fn start(&mut self, heard: &Heard) {
        let is_first = self.position.is_none();
        if heard.reset {
            self.begun.anew += usize::from(!is_first);
            self.state = Folded::default();
            self.place = Place::Backlog(Vec::new());
            return;
        }
        assert_eq!(
            self.position,
            Some(heard.seq),
            "{} goes on where it was",
            self.topic
        );
        self.begun.resumed += 1;
        self.place = Place::Following(heard.seq);
    }

    fn live(&mut self, seq: u64) {
        match &self.place {
            Place::Silent => panic!("live without a start at {seq}"),
            Place::Backlog(backlog) => self.check_backlog(backlog, seq),
            Place::Following(at) => {
                let next = self.history.range(at + 1..).next();
                let missed = next.filter(|(next, _)| **next <= seq);
                assert_eq!(missed, None, "between {at} of {} and its live end", self.topic);
            }
        }
        self.place = Place::Following(seq);
    }

    fn event(&mut self, heard: &Heard) {
        let seq = heard.seq;
        let told = Told {
            key: heard.key.clone(),
            token: heard.token.clone(),
        };
        assert_eq!(Some(&told), self.history.get(&seq), "{seq} of {}", self.topic);
        match &mut self.place {
            Place::Silent => panic!("{seq} of {} came, and nothing may", self.topic),
            Place::Backlog(backlog) => {
                assert!(
                    told.token.is_some(),
                    "{seq} ends a key that the reader does not know"
                );
                assert!(backlog.last() < Some(&seq), "the order rises");
                backlog.push(seq);
            }
            Place::Following(at) => {
                let next = self.history.range(*at + 1..).next();
                assert_eq!(
                    next.map(|(seq, _)| *seq),
                    Some(seq),
                    "after {at} of {}",
                    self.topic
                );
                *at = seq;
            }
        }
        self.state.take(&told);
    }

    /// A compacted backlog lacks only what later events took the place of, and notes beyond those that are kept.
    fn check_backlog(&self, backlog: &[u64], up_to: u64) {
        let mut latest = BTreeMap::new();
        for (seq, told) in self.history.range(..=up_to) {
            if let Some(key) = &told.key {
                latest.insert(key, *seq);
            }
        }
        for (seq, told) in self.history.range(..=up_to) {
            let is_latest = told.key.as_ref().is_none_or(|key| latest[key] == *seq);
            let is_there = backlog.binary_search(seq).is_ok();
            assert!(is_latest || !is_there, "{seq} was not the latest of its key");
            if !is_latest || is_there || told.token.is_none() {
                continue;
            }
            let mut later = self.history.range(seq + 1..).map(|(_, told)| &told.key);
            let may_lack = match &told.key {
                Some(_) => later.any(|key| *key == told.key),
                None => later.filter(|key| key.is_none()).count() >= self.kept_notes,
            };
            assert!(may_lack, "{seq} of {} is not in the backlog", self.topic);
        }
    }

    /// In the end the client has what the whole history folds to. What still came while it left may have taken the
    /// place of something already, and is left out.
    pub(super) fn ends(mut self, end: u64) -> Begun {
        let position = self.position.expect("it heard something");
        assert!(position >= end, "it has all up to {end}, not only to {position}");
        let mut whole = Folded::default();
        self.history
            .range(..=position)
            .for_each(|(_, told)| whole.take(told));
        let mut kept = self.kept_notes;
        for (_, told) in self.history.range(position + 1..) {
            match &told.key {
                Some(key) => {
                    whole.cards.remove(key);
                    self.state.cards.remove(key);
                }
                None => kept -= 1,
            }
        }
        assert_eq!(self.state.cards, whole.cards, "{}", self.topic);
        let newest = |notes: &[String]| notes[notes.len().saturating_sub(kept)..].to_vec();
        assert_eq!(newest(&self.state.notes), newest(&whole.notes), "{}", self.topic);
        self.begun
    }
}
