//! The examples of the README and of the pages in `docs/`: doc tests.

#[doc = include_str!("../README.md")]
struct Readme;

#[doc = include_str!("../docs/identity.md")]
struct Identity;

#[doc = include_str!("../docs/presence.md")]
struct Presence;

#[doc = include_str!("../docs/emitter.md")]
struct Emitter;

#[doc = include_str!("../docs/admin.md")]
struct Admin;

#[cfg(feature = "socketioxide")]
#[doc = include_str!("../docs/socketioxide.md")]
struct Socketioxide;

#[doc = include_str!("../docs/from-node.md")]
struct FromNode;

#[doc = include_str!("../docs/streams.md")]
struct Streams;

#[doc = include_str!("../docs/telemetry.md")]
struct Telemetry;

#[doc = include_str!("../docs/testing.md")]
struct Testing;

#[doc = include_str!("../docs/topics.md")]
struct Topics;

#[doc = include_str!("../docs/tutorial/first-event.md")]
struct TutorialFirstEvent;

#[doc = include_str!("../docs/tutorial/page.md")]
struct TutorialPage;

#[doc = include_str!("../docs/tutorial/rooms.md")]
struct TutorialRooms;

#[doc = include_str!("../docs/tutorial/topic.md")]
struct TutorialTopic;
