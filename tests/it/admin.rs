//! The admin page of Socket.IO, by a client that speaks as the page does. The page itself is in `tests/browser`.

use updraft::{
    Admin, AdminError, App, Args, CallError, Code, Config, Credentials, Data, Identity, Namespace, Result,
    StartError,
};

use crate::support::{Local, node};

/// What Ada's page is opened by.
const PASSWORD: &str = "open sesame";

fn admin() -> Admin {
    Admin::new("ada", bcrypt::hash(PASSWORD, 4).unwrap())
}

fn echo(name: &str) -> Namespace {
    Namespace::new(name).on("echo", async |args: Args<Data>| args)
}

async fn script(app: App, script: &'static str, token: &'static str) {
    let local = Local::of(app).await;
    let url = local.url.clone();
    let run = move || node(script, &[&url, token]);
    tokio::task::spawn_blocking(run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_logs_in_sees_what_passes_and_acts() {
    let app = App::new()
        .namespace(echo("/"))
        .namespace(echo("/chat"))
        .admin(admin());
    script(app, "admin.mjs", "").await;
}

/// Lets in whose token says so.
async fn known(credentials: Credentials) -> Result<Identity> {
    match credentials.token() {
        Some("let me in") => Ok(Identity::of("bob")),
        _ => Err(CallError::new(Code::Unauthenticated, "a token is missing")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_only_reads_changes_nothing_and_needs_no_token_of_clients() {
    let app = App::new()
        .namespace(echo("/"))
        .authenticate(known)
        .admin(admin().read_only());
    script(app, "admin-reads.mjs", "let me in").await;
}

#[tokio::test]
async fn an_app_does_not_start_with_a_password_that_is_no_hash() {
    let port = || Config {
        port: 0,
        ..Config::default()
    };
    let app = App::new().admin(Admin::new("ada", PASSWORD)).config(port());
    let error = app.start().await.unwrap_err();
    assert!(matches!(error, StartError::Admin(AdminError::Hash)), "{error}");
    assert!(!error.to_string().contains(PASSWORD));
    let twice = App::new().admin(admin()).namespace(Namespace::new("/admin"));
    let error = twice.config(port()).start().await.unwrap_err();
    assert!(matches!(error, StartError::Registry(_)), "{error}");
    assert_eq!(error.to_string().matches("admin.rs").count(), 2, "{error}");
}
