//! `api.services`: whether the server is there, what it answers to, and an echo.

use updraft::{Data, EventEntry, EventNames, Json, Module, State};

pub(crate) fn module() -> Module {
    Module::new("api.services")
        .on("events", events)
        .on("functions", functions)
        .on("status", status)
}

pub(crate) fn test() -> Module {
    Module::new("api.services.test").on("testFunc", echo)
}

async fn status() -> &'static str {
    "online"
}

/// The names of all events that are registered, sorted.
async fn events(names: State<EventNames>) -> Json<Vec<String>> {
    Json(names.iter().map(ToString::to_string).collect())
}

/// The same, each with what it streams.
async fn functions(names: State<EventNames>) -> Json<Vec<EventEntry>> {
    Json(names.entries().to_vec())
}

/// Answers with the data as it came.
async fn echo(data: Data) -> Data {
    data
}
