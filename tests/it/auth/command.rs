//! `updraft call` with a token.

use serde_json::json;
use updraft::App;

use super::{auth, serve, token};
use crate::support::updraft_with;

/// Asks a server for the identity of the caller: whether that succeeded, standard output, standard error.
async fn whoami(url: &str, variables: &[(&str, &str)], flags: &[&str]) -> (bool, String, String) {
    let arguments = [&["call", "api.me.whoami", "--url", url], flags].concat();
    tokio::task::block_in_place(|| updraft_with(variables, &arguments, ""))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_says_who_calls_at_the_prompt() {
    let local = serve(App::new(), auth()).await;
    let (ada, eve) = (token(json!({})), token(json!({"sub": "eve"})));
    let told = |subject: &str| {
        let told = format!("{{\"subject\":\"{subject}\",\"account\":1}}\n");
        (true, told, String::new())
    };
    assert_eq!(whoami(&local.url, &[], &["--token", &ada]).await, told("ada"));
    let variable = [("UPDRAFT_TOKEN", &*ada)];
    assert_eq!(whoami(&local.url, &variable, &[]).await, told("ada"));
    assert_eq!(
        whoami(&local.url, &variable, &["--token", &eve]).await,
        told("eve")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_at_the_prompt_hears_why_and_what_to_set() {
    let local = serve(App::new(), auth()).await;
    for variables in [&[][..], &[("UPDRAFT_TOKEN", "")]] {
        let (done, stdout, stderr) = whoami(&local.url, variables, &[]).await;
        assert!(!done && stdout.is_empty(), "{stdout}");
        assert_eq!(
            stderr,
            "error: the server refused the connection: unauthenticated: a token is missing (--token, or UPDRAFT_TOKEN)\n"
        );
    }
    let (done, _, stderr) = whoami(&local.url, &[], &["--token", "none of yours"]).await;
    assert!(!done);
    assert!(
        stderr.starts_with("error: the server refused the connection: unauthenticated: "),
        "{stderr}"
    );
    assert!(!stderr.contains("UPDRAFT_TOKEN"), "{stderr}");
}
