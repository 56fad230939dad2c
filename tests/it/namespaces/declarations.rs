//! What is wrong with a namespace is an error at start that names the places.

use futures_util::{Stream, stream};
use updraft::{App, Context, EventEntry, Frames, Handshake, Json, Left, Module, Namespace};

async fn nothing() {}

#[track_caller]
fn refused(app: App) -> String {
    app.into_registry().unwrap_err().to_string()
}

#[track_caller]
fn names_two_places(error: &str) {
    assert_eq!(error.matches(file!()).count(), 2, "{error}");
}

#[test]
fn what_is_declared_twice_names_both_places() {
    let name = Namespace::new("/").on("chat", nothing).on("chat", nothing);
    names_two_places(&refused(App::new().namespace(name)));
    let hooks = [
        Namespace::new("/").connect(nothing).connect(nothing),
        Namespace::new("/").disconnect(nothing).disconnect(nothing),
        Namespace::new("/").fallback(nothing).fallback(nothing),
    ];
    for twice in hooks {
        names_two_places(&refused(App::new().namespace(twice)));
    }
    let same = App::new()
        .namespace(Namespace::new("/chat"))
        .namespace(Namespace::new("/chat"));
    names_two_places(&refused(same));
    let both = App::new()
        .namespace(Namespace::matching("/game/{id}"))
        .namespace(Namespace::matching("/{kind}/7"));
    names_two_places(&refused(both));
}

#[test]
fn what_no_client_could_emit_or_name_is_told() {
    #[rustfmt::skip]
    let names = [
        "", "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener", "event",
        "topic.start", "server.x", "auth.refresh", "stream.end", "a\nb",
    ];
    for name in names {
        let error = refused(App::new().namespace(Namespace::new("/").on(name, nothing)));
        assert!(error.contains(file!()), "{name}: {error}");
    }
    for name in ["", "chat", "/a,b", "/a b"] {
        let error = refused(App::new().namespace(Namespace::new(name)));
        assert!(error.contains(file!()), "{name}: {error}");
    }
    let error = refused(App::new().namespace(Namespace::matching("/game")));
    assert!(error.contains("{name}"), "{error}");
    assert!(
        App::new()
            .namespace(Namespace::new("/chat").on("event", nothing))
            .into_registry()
            .is_ok()
    );
    let modules = Namespace::new("/chat").modules().on("event", nothing);
    assert!(refused(App::new().namespace(modules)).contains("carries the calls"));
}

#[test]
fn what_a_function_takes_is_there_or_it_is_told() {
    let error = refused(App::new().namespace(Namespace::new("/").on("a", async |_: Left| ())));
    assert!(
        error.contains("disconnect hook") && error.contains(file!()),
        "{error}"
    );
    let error = refused(App::new().namespace(Namespace::new("/").connect(async |_: Left| ())));
    assert!(error.contains("disconnect hook"), "{error}");
    let module = Module::new("api.a").on("a", async |_: Left, _: Context| ());
    assert!(refused(App::new().module(module)).contains("disconnect hook"));
    let error = refused(App::new().namespace(Namespace::new("/").on("a", async |_: updraft::State<u64>| ())));
    assert!(error.contains("State<u64>"), "{error}");
    let error = refused(App::new().namespace(Namespace::new("/").guarded_by(nothing)));
    assert!(error.contains(file!()), "{error}");
    let fine = Namespace::new("/")
        .on("a", async |_: Handshake| ())
        .disconnect(async |_: Left| ());
    assert!(App::new().namespace(fine).into_registry().is_ok());
}

async fn numbers() -> Frames<impl Stream<Item = Json<u64>>> {
    Frames(stream::empty())
}

#[test]
fn all_names_are_listed() {
    let app = App::new()
        .module(Module::new("api.a").on("one", nothing))
        .namespace(Namespace::new("/").on("b", numbers).on("a", nothing))
        .namespace(Namespace::matching("/game/{id}").fallback(nothing));
    let registry = app.into_registry().unwrap();
    let events = registry.events().into_iter();
    let of_streams = |event: &EventEntry| event.event.starts_with("stream.");
    let events: Vec<_> = events.filter(|event| !of_streams(event)).collect();
    let events: Vec<_> = events.iter().map(ToString::to_string).collect();
    assert_eq!(events, ["api.a.one", "/ a", "/ b (streams)", "/game/{id} *"]);
}
