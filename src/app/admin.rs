//! The admin page of an app.

use std::sync::Arc;

use super::App;
use crate::{
    admin::{Admin, AdminPage},
    call::emitter::Emitter,
    net::{server::start_tasks, traffic::Traffic},
};

impl App {
    /// Serves the admin page of Socket.IO, which connects to the namespace `/admin`. Its users are authenticated by it alone, not
    /// as clients of the app are. The page itself runs where you want it: its origin has to be in `--allowed-origins`.
    ///
    /// On a socketioxide server ([`App::into_namespace`]) it is not served.
    ///
    /// ```
    /// use updraft::{Admin, App};
    ///
    /// let hash = std::env::var("ADMIN_HASH").unwrap_or_default();
    /// let app = App::new().admin(Admin::new("ada", hash));
    /// ```
    #[must_use]
    pub fn admin(mut self, admin: Admin) -> Self {
        self.admin = Some(admin);
        self
    }

    /// Where it is counted for the page what passes, which it is told from the server's start on.
    pub(super) fn begin_to_count(&mut self) -> Arc<Traffic> {
        let traffic = Arc::<Traffic>::default();
        let counts = traffic.clone();
        let told = |io: Emitter| AdminPage::tell_figures(counts, io);
        self.tasks.push(start_tasks::task(told));
        traffic
    }
}
