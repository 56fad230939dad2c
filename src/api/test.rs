//! `api.test`: shows what arrives.

use updraft::{Context, Data, Module, Result};

pub(crate) fn module() -> Module {
    Module::new("api.test").on("board", board)
}

/// Emits the data as `message`.
async fn board(data: Data, cx: Context) -> Result<()> {
    cx.emit("message", &data).await
}
