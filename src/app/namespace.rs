//! An app on namespaces of a socketioxide server.

use super::{App, StartError};
use crate::socketioxide::SocketioxideNamespace;

impl App {
    /// The functions, for namespaces of a socketioxide server that you have: calls come in as `event`, answers go out, as
    /// from a server of this app. Rooms are those of your server. Settings of the listener, of connections and of subjects'
    /// shares do not apply, and `docs/socketioxide.md` says what else is missing. It is there with the feature `socketioxide`.
    ///
    /// ```
    /// use axum::Router;
    /// use socketioxide::SocketIo;
    /// use updraft::{App, Module};
    ///
    /// async fn status() -> &'static str {
    ///     "online"
    /// }
    ///
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let app = App::new().module(Module::new("api.services").on("status", status));
    /// let namespace = app.into_namespace().await?;
    ///
    /// let (layer, io) = SocketIo::new_layer();
    /// io.ns("/", namespace.handler());
    /// io.ns("/chat", namespace.handler());
    /// let router: Router = Router::new().layer(layer);
    /// # Ok::<(), updraft::StartError>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`App::start`], but for the address.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn into_namespace(self) -> Result<SocketioxideNamespace, StartError> {
        Ok(SocketioxideNamespace::new(self.into_parts().await?))
    }
}
