//! `api.presence`: the connected visitors, at all nodes. Each is a member of the presence `visitors`, which the page reads as a topic.

use serde::{Deserialize, Serialize};
use updraft::{CallError, Code, Context, Json, Module, Result, Topic, everyone};

/// The presence of all visitors.
const TOPIC: &str = "visitors";

/// Longest name, in characters.
const MAX_NAME: usize = 40;

pub(crate) fn module() -> Module {
    Module::new("api.presence").on("enter", enter)
}

pub(crate) fn topic() -> Topic {
    Topic::new(TOPIC).readable_by(everyone)
}

/// What visitors say of themselves. There are no identities yet, so it is only that.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Visitor {
    name: String,
    /// As in `#2f7d5b`.
    color: String,
}

impl Visitor {
    pub(crate) fn check(&self) -> Result<()> {
        let is_name = !self.name.trim().is_empty()
            && self.name.chars().count() <= MAX_NAME
            && !self.name.contains(char::is_control);
        let is_color = self
            .color
            .strip_prefix('#')
            .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match is_name && is_color {
            true => Ok(()),
            false => Err(CallError::new(
                Code::InvalidData,
                "a visitor has a name of 1 to 40 characters and a color such as #2f7d5b",
            )),
        }
    }
}

/// Enters, or changes what is said of oneself; answers with the socket's id, in which one's key ends. A socket that
/// disconnects is gone.
async fn enter(Json(visitor): Json<Visitor>, cx: Context) -> Result<Json<String>> {
    visitor.check()?;
    cx.presence(TOPIC).enter(&visitor).await?;
    Ok(Json(cx.socket_id().to_string()))
}
