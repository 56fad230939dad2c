//! A socket that listens already, in place of the one that the configuration names.

use std::net::TcpListener;

use super::App;

impl App {
    /// Listens on this socket, and not on [`Config::host`](crate::Config::host) and [`Config::port`](crate::Config::port): for a
    /// socket that a service manager holds, so that clients wait while the server is started again. [`App::run`] takes the one
    /// of systemd's socket activation by itself. Under [`App::into_router`] it is not used.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use std::net::TcpListener;
    /// use updraft::App;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// let address = listener.local_addr().unwrap();
    /// let server = App::new().listener(listener).start().await?;
    /// assert_eq!(server.address(), address);
    /// server.stop().await;
    /// # Ok::<(), updraft::StartError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn listener(mut self, listener: TcpListener) -> Self {
        self.listener = Some(listener);
        self
    }
}
