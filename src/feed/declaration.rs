//! What an app says of its topics, checked before anything begins.

use std::{
    any::{TypeId, type_name},
    collections::HashSet,
    sync::Arc,
};

use super::{
    follower::{
        consumer::{DEAD, dead_letters},
        projection::Projection,
    },
    topic::{RESERVED, Topic},
};
use crate::event::{MAX_NAME, is_word};

/// The topics of an app, and their readers inside the server.
#[derive(Debug, Default)]
pub(crate) struct Declarations {
    topics: Vec<Topic>,
    /// Topic and name.
    consumers: Vec<(String, String)>,
    /// Topic, type of the projection, and that type's name.
    projections: Vec<(String, TypeId, &'static str)>,
}

/// Why the topics of an app cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// A topic's name that is none.
    #[error(
        "'{0}' is no topic name: it holds ASCII letters, digits, '_' and '-' between single dots, at most {MAX_NAME} bytes"
    )]
    Malformed(String),
    /// A name of the server's own.
    #[error("topic '{0}' has a name of the server's own: no other begins with '{RESERVED}'")]
    Reserved(String),
    /// Two topics of one name.
    #[error("topic '{0}' is declared twice")]
    Duplicate(String),
    /// A topic with a name of dead letters, without such a consumer.
    #[error("topic '{name}' has a name of dead letters, and topic '{topic}' has no consumer '{consumer}'")]
    DeadLetters {
        /// The topic.
        name: String,
        /// The topic whose dead letters it would hold.
        topic: String,
        /// The consumer of these dead letters.
        consumer: String,
    },
    /// A malformed name of a consumer.
    #[error(
        "'{consumer}' on topic '{topic}' is no name of a consumer: it holds ASCII letters, digits, '_' and '-', and no more than {MAX_NAME} bytes together with '{topic}.dead.'"
    )]
    MalformedConsumer {
        /// The topic.
        topic: String,
        /// The consumer.
        consumer: String,
    },
    /// Two consumers of one name on one topic: they would share one position.
    #[error("topic '{topic}' has two consumers '{consumer}'")]
    DuplicateConsumer {
        /// The topic.
        topic: String,
        /// The consumer.
        consumer: String,
    },
    /// Two projections of one type: functions could not tell them apart.
    #[error("{0} is projected twice")]
    DuplicateProjection(&'static str),
    /// A consumer or a projection of a topic that is not declared.
    #[error("{reader} reads topic '{topic}', which is not declared: add .topic(Topic::new(\"{topic}\"))")]
    Undeclared {
        /// What reads it.
        reader: String,
        /// The topic.
        topic: String,
    },
}

impl Declarations {
    pub(crate) fn topic(&mut self, topic: Topic) {
        self.topics.push(topic);
    }

    pub(crate) fn topics(&self) -> &[Topic] {
        &self.topics
    }

    pub(crate) fn consumer(&mut self, topic: &str, name: &str) {
        self.consumers.push((topic.to_owned(), name.to_owned()));
    }

    pub(crate) fn projection<T: 'static>(&mut self, topic: &str) {
        let id = TypeId::of::<Projection<T>>();
        self.projections
            .push((topic.to_owned(), id, type_name::<Projection<T>>()));
    }

    /// The topics, where all that is said of them fits together.
    pub(crate) fn checked(self) -> Result<Vec<Topic>, TopicError> {
        let declared = self.declared()?;
        self.check_consumers(&declared)?;
        self.check_projections(&declared)?;
        self.check_dead_letters()?;
        Ok(self.topics)
    }

    fn declared(&self) -> Result<HashSet<Arc<str>>, TopicError> {
        let mut declared = HashSet::new();
        for topic in &self.topics {
            if !is_name(&topic.name) {
                return Err(TopicError::Malformed(topic.name.to_string()));
            }
            if topic.is_reserved() {
                return Err(TopicError::Reserved(topic.name.to_string()));
            }
            if !declared.insert(topic.name.clone()) {
                return Err(TopicError::Duplicate(topic.name.to_string()));
            }
        }
        Ok(declared)
    }

    fn check_consumers(&self, declared: &HashSet<Arc<str>>) -> Result<(), TopicError> {
        let mut known = HashSet::new();
        for (topic, name) in &self.consumers {
            let (topic, consumer) = (topic.clone(), name.clone());
            if !is_word(name) || dead_letters(&topic, name).len() > MAX_NAME {
                return Err(TopicError::MalformedConsumer { topic, consumer });
            }
            if !declared.contains(&*topic) {
                let reader = format!("consumer '{name}'");
                return Err(TopicError::Undeclared { reader, topic });
            }
            if !known.insert((topic.clone(), name)) {
                return Err(TopicError::DuplicateConsumer { topic, consumer });
            }
        }
        Ok(())
    }

    fn check_projections(&self, declared: &HashSet<Arc<str>>) -> Result<(), TopicError> {
        let mut known = HashSet::new();
        for (topic, id, name) in &self.projections {
            if !declared.contains(&**topic) {
                let (reader, topic) = ((*name).to_owned(), topic.clone());
                return Err(TopicError::Undeclared { reader, topic });
            }
            if !known.insert(id) {
                return Err(TopicError::DuplicateProjection(name));
            }
        }
        Ok(())
    }

    /// Dead letters are a topic like others, which the app may declare for people to read; but nothing else may
    /// be published under their names.
    fn check_dead_letters(&self) -> Result<(), TopicError> {
        for topic in &self.topics {
            let Some((of, consumer)) = topic.name.rsplit_once(DEAD) else {
                continue;
            };
            let is_known = |(topic, name): &(String, String)| topic == of && name == consumer;
            // No consumer has a dot in its name.
            if is_word(consumer) && !self.consumers.iter().any(is_known) {
                return Err(TopicError::DeadLetters {
                    name: topic.name.to_string(),
                    topic: of.to_owned(),
                    consumer: consumer.to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME && text.split('.').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(topics: &[&str], consumers: &[(&str, &str)]) -> Result<Vec<Topic>, TopicError> {
        let mut declarations = Declarations::default();
        for name in topics {
            declarations.topic(Topic::new(*name));
        }
        for (topic, name) in consumers {
            declarations.consumer(topic, name);
        }
        declarations.checked()
    }

    #[test]
    fn names_are_words_between_single_dots() {
        for good in [
            "board",
            "a.b-c.d_1",
            "topic",
            "dead",
            "a.dead",
            &"x".repeat(MAX_NAME),
        ] {
            assert!(check(&[good], &[]).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a b",
            "größe",
            "a/b",
            &"x".repeat(MAX_NAME + 1),
        ] {
            let error = check(&[bad], &[]).unwrap_err();
            assert_eq!(error, TopicError::Malformed(bad.to_owned()));
            assert!(error.to_string().contains(&format!("'{bad}'")));
        }
    }

    #[test]
    fn names_of_the_servers_own_topics_are_no_apps() {
        for name in ["updraft.canary", "updraft.board", "updraft.a.b"] {
            let error = check(&[name], &[]).unwrap_err();
            assert_eq!(error, TopicError::Reserved(name.to_owned()));
        }
        assert!(check(&["updraft", "updrafts.board", "a.updraft.b"], &[]).is_ok());
    }

    #[test]
    fn names_of_dead_letters_are_the_consumers_own() {
        assert!(check(&["a", "a.dead.b"], &[("a", "b")]).is_ok());
        assert!(
            check(&["a", "a.dead.b.c"], &[]).is_ok(),
            "no consumer is called so"
        );
        let kept = [("a.dead.b", "a", "b"), ("a.dead.b.dead.c", "a.dead.b", "c")];
        for (name, topic, consumer) in kept {
            let expected = TopicError::DeadLetters {
                name: name.to_owned(),
                topic: topic.to_owned(),
                consumer: consumer.to_owned(),
            };
            assert_eq!(check(&["a", name], &[("a", "other")]).unwrap_err(), expected);
        }
        // Dead letters may be listened to as well, and what fails on them has a name of its own again.
        let twice = [("a", "b"), ("a.dead.b", "c")];
        assert!(check(&["a", "a.dead.b", "a.dead.b.dead.c"], &twice).is_ok());
        // Were dots allowed, this consumer's letters would lie among those of the one above.
        let dotted = check(&["a"], &[("a", "b.dead.c")]).unwrap_err();
        assert!(matches!(dotted, TopicError::MalformedConsumer { .. }), "{dotted}");
    }
}
