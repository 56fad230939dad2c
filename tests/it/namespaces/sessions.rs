//! Clients that a backend knows by a session of its own: a cookie of its HTTP routes, or a token in the query.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
};

use updraft::{App, Args, CallError, Code, Config, Context, Handshake, Identity, Namespace, Result, State};

use super::script;
use crate::support::Local;

/// The users that are logged in, by their sessions, as a store has them.
type Sessions = HashMap<&'static str, &'static str>;

/// How often a socket asked.
#[derive(Default)]
struct Asked(AtomicU32);

async fn arrived(hello: Handshake, sessions: State<Sessions>, cx: Context) -> Result<()> {
    let token = hello.query("token");
    let session = hello.cookie("sid").or(token.as_deref());
    let user = session.and_then(|session| sessions.get(session));
    let user = user.ok_or_else(|| CallError::new(Code::Unauthenticated, "log in first"))?;
    cx.set_socket_data(Asked::default());
    cx.identify(Identity::of(*user))
}

async fn whoami(cx: Context) -> Args<(Option<String>, Option<u32>)> {
    let asked = cx.socket_data::<Asked>();
    let asked = asked.map(|asked| asked.0.fetch_add(1, Ordering::Relaxed) + 1);
    Args((cx.identity().subject().map(str::to_owned), asked))
}

macro_rules! clients {
    ($($test:ident: $generation:literal over $transport:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            let sessions = Sessions::from([("s1", "ada"), ("s2", "bob"), ("t3", "eve")]);
            let root = Namespace::new("/").connect(arrived).on("whoami", whoami);
            let local = Local::start(App::new().state(sessions).namespace(root), Config::default()).await;
            let arguments = [&local.url, $generation, $transport].map(str::to_owned);
            script(&[], "session.mjs", arguments.into()).await;
        }
    )*};
}

clients! {
    clients_of_the_second_generation_are_known_by_their_session: "2" over "polling";
    clients_of_the_third_generation_are_known_by_their_session: "3" over "websocket";
    clients_of_the_fourth_generation_are_known_by_their_session: "4" over "upgraded";
}
