//! What an app says of its topics and does not fit together is told at start, before anything is opened.

use updraft::{App, Config, JournalConfig, Module, Projection, State, Topic, journal::Record};

fn fold<T>(_: &mut T, _: &Record) {}

async fn hear(_: Record) -> updraft::Result<()> {
    Ok(())
}

fn board() -> App {
    App::new().topic(Topic::new("board"))
}

/// What is told of an app: the same when it is started and when its events are listed.
async fn told(app: impl Fn() -> App) -> String {
    let Err(listed) = app().into_registry() else {
        panic!("its events are not listed");
    };
    let Err(started) = app().start().await else {
        panic!("it does not start");
    };
    assert_eq!(started.to_string(), listed.to_string());
    started.to_string()
}

#[tokio::test]
async fn a_topic_is_declared_once_under_a_name() {
    let twice = told(|| board().topic(Topic::new("other")).topic(Topic::new("board"))).await;
    assert_eq!(twice, "topic 'board' is declared twice");
    for bad in ["", "my board", "board."] {
        let malformed = told(|| board().topic(Topic::new(bad))).await;
        assert!(
            malformed.starts_with(&format!("'{bad}' is no topic name")),
            "{malformed}"
        );
    }
    let letters = told(|| board().topic(Topic::new("board.dead.letters"))).await;
    assert_eq!(
        letters,
        "topic 'board.dead.letters' has a name of dead letters, and topic 'board' has no consumer 'letters'"
    );
}

#[tokio::test]
async fn a_listener_has_a_name_of_its_own_and_a_topic() {
    let twice = told(|| {
        board()
            .consumer("board", "mail", hear)
            .consumer("board", "mail", hear)
    })
    .await;
    assert_eq!(twice, "topic 'board' has two consumers 'mail'");
    let nowhere = told(|| board().consumer("bored", "mail", hear)).await;
    assert_eq!(
        nowhere,
        "consumer 'mail' reads topic 'bored', which is not declared: add .topic(Topic::new(\"bored\"))"
    );
    let alone = told(|| App::new().consumer("board", "mail", hear)).await;
    assert_eq!(
        alone,
        "consumer 'mail' reads topic 'board', which is not declared: add .topic(Topic::new(\"board\"))"
    );
    let dotted = told(|| board().consumer("board", "e.mail", hear)).await;
    assert!(
        dotted.starts_with("'e.mail' on topic 'board' is no name"),
        "{dotted}"
    );
}

#[tokio::test]
async fn a_projection_is_the_only_one_of_its_type_and_has_a_topic() {
    let both = || board().topic(Topic::new("other"));
    let twice = told(|| both().project("board", 0_u64, fold).project("other", 1_u64, fold)).await;
    assert!(twice.ends_with("Projection<u64> is projected twice"), "{twice}");
    let alone = told(|| App::new().project("board", 0_u64, fold)).await;
    assert!(
        alone.contains("Projection<u64> reads topic 'board', which is not declared"),
        "{alone}"
    );
}

#[tokio::test]
async fn what_fits_together_starts() {
    let journal = updraft::journal::MemoryJournal::new().unwrap();
    let app = board()
        .topic(Topic::new("other"))
        .topic(Topic::new("board.dead.mail"))
        .consumer("board", "mail", hear)
        .consumer("other", "mail", hear)
        .project("board", 0_u64, fold)
        .project("board", 0_u32, fold)
        .journal(std::sync::Arc::new(journal));
    crate::support::Local::of(app).await.server.stop().await;
}

#[tokio::test]
async fn a_function_that_is_wrong_is_told_before_the_journal_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let twice = Module::new("board").on("add", async || {}).on("add", async || {});
    let config = Config {
        journal: JournalConfig {
            data: data.clone(),
            ..JournalConfig::default()
        },
        port: 0,
        ..Config::default()
    };
    let Err(error) = board().module(twice).config(config).start().await else {
        panic!("it does not start");
    };
    assert!(
        error.to_string().contains("'board.add' is registered twice"),
        "{error}"
    );
    assert!(!data.exists());
}

#[tokio::test]
async fn a_projection_that_a_function_takes_and_the_app_lacks_is_asked_for() {
    let count = async |_: State<Projection<u64>>| "";
    let lacking = told(|| board().module(Module::new("api.board").on("count", count))).await;
    assert!(
        lacking.ends_with("Projection<u64>>, and the app has no such projection: add .project(…)"),
        "{lacking}"
    );
    let whole = board().project("board", 0_u64, fold);
    assert!(
        whole
            .module(Module::new("api.board").on("count", count))
            .into_registry()
            .is_ok()
    );
}
