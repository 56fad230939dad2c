//! `api.presence`: the connected visitors. Nothing is stored: at each join or leave all sockets in the room get the
//! whole list, with a rising revision, so that a missed list is repaired by the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use updraft::{CallError, Code, Context, Json, Module, Result, SocketId, State};

/// The room of all visitors.
const ROOM: &str = "presence";

/// Longest name, in characters.
const MAX_NAME: usize = 40;

/// Most visitors that a list names; of the others it has the number.
const MAX_NAMED: usize = 100;

pub(crate) fn module() -> Module {
    Module::new("api.presence").on("enter", enter)
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

/// The visitors, in the order of their joins.
#[derive(Default)]
pub(crate) struct Presence(Mutex<Here>);

#[derive(Default)]
struct Here {
    revision: u64,
    visitors: Vec<Present>,
}

struct Present {
    visitor: Visitor,
    cx: Context,
}

/// What all get.
#[derive(Serialize)]
#[serde(tag = "event", content = "data")]
enum Told {
    #[serde(rename = "presence.list")]
    List {
        revision: u64,
        count: usize,
        visitors: Vec<Named>,
    },
}

#[derive(Serialize)]
struct Named {
    id: String,
    #[serde(flatten)]
    visitor: Visitor,
}

impl Presence {
    fn here(&self) -> MutexGuard<'_, Here> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a visitor in, or under another name; whether the visitor is new.
    fn enter(&self, visitor: Visitor, cx: &Context) -> bool {
        let mut here = self.here();
        here.revision += 1;
        let known = here
            .visitors
            .iter_mut()
            .find(|one| one.cx.socket_id() == cx.socket_id());
        match known {
            Some(known) => {
                known.visitor = visitor;
                false
            }
            None => {
                let cx = cx.clone();
                here.visitors.push(Present { visitor, cx });
                true
            }
        }
    }

    fn leave(&self, id: &SocketId) {
        let mut here = self.here();
        here.revision += 1;
        here.visitors.retain(|one| one.cx.socket_id() != id);
    }

    /// Emits the list to the room, through the first socket that is still connected.
    async fn tell(&self) {
        let (list, speakers) = {
            let here = self.here();
            let speakers: Vec<Context> = here.visitors.iter().map(|one| one.cx.clone()).collect();
            (here.list(), speakers)
        };
        for cx in speakers.iter().filter(|cx| !cx.is_cancelled()) {
            if cx.within(ROOM).local().emit("event", &list).await.is_ok() {
                return;
            }
        }
    }
}

impl Here {
    fn list(&self) -> Told {
        let named = self.visitors.iter().take(MAX_NAMED).map(|one| Named {
            id: one.cx.socket_id().to_string(),
            visitor: one.visitor.clone(),
        });
        Told::List {
            revision: self.revision,
            count: self.visitors.len(),
            visitors: named.collect(),
        }
    }
}

/// Enters, or changes what is said of oneself; answers with one's id in the list. Whose socket goes is gone.
async fn enter(
    Json(visitor): Json<Visitor>,
    State(presence): State<Presence>,
    cx: Context,
) -> Result<Json<String>> {
    visitor.check()?;
    cx.join(ROOM)?;
    if presence.enter(visitor, &cx) {
        tokio::spawn(see_off(presence.clone(), cx.clone()));
    }
    presence.tell().await;
    Ok(Json(cx.socket_id().to_string()))
}

async fn see_off(presence: Arc<Presence>, cx: Context) {
    cx.cancelled().await;
    presence.leave(cx.socket_id());
    presence.tell().await;
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use updraft::{App, Identity, testing::TestApp};

    use super::{Presence, module};

    #[tokio::test]
    async fn who_goes_is_taken_from_the_list() {
        let app = TestApp::start(App::new().module(module()).state(Presence::default())).await;
        let (ada, bob) = (app.connect(Identity::ANONYMOUS), app.connect(Identity::ANONYMOUS));
        for (socket, name) in [(&ada, "Ada"), (&bob, "Bob")] {
            let visitor = json!({"name": name, "color": "#2f7d5b"});
            let id = socket
                .call("api.presence.enter")
                .data(visitor)
                .await
                .data::<String>();
            assert_eq!(id, socket.id().as_str());
        }
        bob.disconnect();
        for here in [1, 2, 1] {
            let told = ada.event("event").await.data::<Value>();
            assert_eq!(told["data"]["count"], here, "{told}");
        }
    }
}
