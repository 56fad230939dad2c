//! `api.services`: whether the server is there, and an echo.

use updraft::{Data, Module};

pub(crate) fn module() -> Module {
    Module::new("api.services").on("status", status)
}

pub(crate) fn test() -> Module {
    Module::new("api.services.test").on("testFunc", echo)
}

async fn status() -> &'static str {
    "online"
}

/// Answers with the data as it came.
async fn echo(data: Data) -> Data {
    data
}
