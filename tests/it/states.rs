//! What the arguments of functions need of their app, asked for before it starts.

use updraft::{App, Call, Context, FromCall, FromData, MissingState, Module, Result, State, payload::States};

/// What greetings begin with.
struct Opening(&'static str);

/// An argument made of the call's data and of a state.
struct Greeting(String);

impl FromCall for Greeting {
    const TAKES_DATA: bool = true;

    fn from_call(call: &Call, cx: &Context) -> Result<Self> {
        let opening = State::<Opening>::from_call(call, cx)?;
        Ok(Self(format!("{} {}", opening.0.0, call.text()?)))
    }

    fn check(states: &States) -> Result<(), MissingState> {
        State::<Opening>::check(states)
    }
}

impl FromData for Greeting {}

async fn greet(greeting: Option<Greeting>) -> Option<String> {
    greeting.map(|greeting| greeting.0)
}

async fn try_to_greet(greeting: Result<Greeting>) -> Result<String> {
    greeting.map(|greeting| greeting.0)
}

#[test]
fn an_argument_that_may_be_missing_needs_its_state_at_start_as_well() {
    let optional = || App::new().module(Module::new("api.hello").on("greet", greet));
    let tried = || App::new().module(Module::new("api.hello").on("greet", try_to_greet));
    for app in [optional, tried] as [fn() -> App; 2] {
        let error = app().into_registry().unwrap_err().to_string();
        assert!(error.contains("Opening"), "{error}");
        assert!(app().state(Opening("Hello")).into_registry().is_ok());
    }
}
