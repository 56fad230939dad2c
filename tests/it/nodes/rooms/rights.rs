//! What a role needs for its nodes to share their rooms.

use tokio::task::block_in_place;

use super::{app, connect, know_each_other, on};
use crate::{
    nodes::wait_for,
    support::{Local, TestDatabase},
};

/// As `docs/postgres.md` has it.
#[test]
fn a_role_that_may_make_no_table_uses_the_one_that_is_there_with_the_rights_that_are_documented() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let psql = |sql: &str| block_in_place(|| database.psql(sql));
        let role = format!("nodes_{}", psql("SELECT current_database()"));
        psql(&format!("CREATE ROLE {role} LOGIN"));
        psql(&format!("CREATE SCHEMA updraft AUTHORIZATION {role}"));
        let config = || {
            let url = database.url.replace("user=postgres", &format!("user={role}"));
            let mut config = on(&database);
            config.journal.database = Some(url.as_str().into());
            config
        };
        let refused = app().config(config()).start().await.unwrap_err().to_string();
        assert!(
            refused.contains("socket_io_attachments") && refused.contains("42501"),
            "{refused}"
        );
        psql(&format!(
            "CREATE TABLE socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT now(), payload bytea);
             GRANT SELECT, INSERT, DELETE ON socket_io_attachments TO {role};
             GRANT USAGE ON SEQUENCE socket_io_attachments_id_seq TO {role}"
        ));
        let nodes = [
            Local::start(app(), config()).await,
            Local::start(app(), config()).await,
        ];
        let mut bob = connect(&nodes[1], "bob").await;
        know_each_other(&nodes, 1).await;
        let large = "l".repeat(10_000);
        let io = nodes[0].server.emitter();
        io.of("/").emit("large", &large).await.unwrap();
        assert_eq!(bob.event("large").await.data::<String>(), large);
        for node in nodes {
            node.server.stop().await;
        }
    });
}
