//! `api.hello`: greets.

use serde::Deserialize;
use updraft::{Call, Context, Module, Result};

pub(crate) fn module() -> Module {
    Module::new("api.hello").on("greeting", greeting)
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

/// Emits a greeting as `message`. The name stands beside `event`, or in `data`.
async fn greeting(call: Call, cx: Context) -> Result<()> {
    let name = match call.field("name")? {
        Some(name) => Some(name),
        None => call.json::<Named>().ok().and_then(|data| data.name),
    };
    match name.filter(|name: &String| !name.is_empty()) {
        Some(name) => cx.emit("message", &format!("You're welcome {name}")).await,
        None => cx.emit("message", "Name is not defined").await,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use updraft::{App, testing::TestApp};

    #[tokio::test]
    async fn a_name_is_greeted_wherever_it_stands() {
        let app = TestApp::start(App::new().module(super::module())).await;
        app.call("api.hello.greeting")
            .field("name", "Ada")
            .await
            .data::<()>();
        app.call("api.hello.greeting")
            .data(json!({"name": "Grace"}))
            .await
            .data::<()>();
        app.call("api.hello.greeting").await.data::<()>();
        let said: Vec<String> = app.emitted().iter().map(|emitted| emitted.data()).collect();
        assert_eq!(
            said,
            [
                "You're welcome Ada",
                "You're welcome Grace",
                "Name is not defined"
            ]
        );
    }
}
