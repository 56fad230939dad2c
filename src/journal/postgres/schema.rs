//! The tables and functions, in the schema `updraft`: made and brought up to date by the first node that starts, under a lock.

use tokio_postgres::{Client, types::Type};

use crate::postgres::{PostgresError, said};

/// What makes each version out of the one before it.
const VERSIONS: [&str; 5] = [
    include_str!("schema/1_journal.sql"),
    include_str!("schema/2_publish.sql"),
    include_str!("schema/3_nodes.sql"),
    include_str!("schema/4_subjects.sql"),
    include_str!("schema/5_traces.sql"),
];

/// Nodes that start at the same time wait for one another by this number.
const LOCK: i64 = 0x0075_7064_7261_6674;

/// Brings the schema to the version that this program knows. A database that has it needs no right to change it.
pub(crate) async fn migrate(client: &mut Client) -> Result<(), PostgresError> {
    let encoding = client
        .query_typed("SELECT getdatabaseencoding()::text", &[])
        .await?;
    let encoding: String = encoding.iter().map(|row| row.get::<_, String>(0)).collect();
    if encoding != "UTF8" {
        return Err(PostgresError::Encoding(encoding));
    }
    if version(client).await? == known() {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    transaction
        .query_typed("SELECT pg_advisory_xact_lock($1)::text", &[(&LOCK, Type::INT8)])
        .await?;
    // Another node may have been first.
    let found = version(transaction.client()).await?;
    if found == 0 {
        make(transaction.client()).await?;
    }
    for (number, sql) in (1..).zip(VERSIONS).filter(|(number, _)| *number > found) {
        transaction.batch_execute(sql).await?;
        let keep = format!(
            "INSERT INTO updraft.meta (name, value) VALUES ('version', {number}::text)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        );
        transaction.batch_execute(&keep).await?;
        tracing::info!("the journal's schema in the database has version {number} now");
    }
    transaction.commit().await?;
    Ok(())
}

/// The schema, where it is missing, and the table that has its version.
async fn make(client: &Client) -> Result<(), PostgresError> {
    let is_there = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'updraft')";
    let is_there = client.query_typed(is_there, &[]).await?;
    if !is_there.iter().any(|row| row.get(0)) {
        // Also with `IF NOT EXISTS` it takes a right that a role with a schema of its own does not need.
        let made = client.batch_execute("CREATE SCHEMA updraft").await;
        made.map_err(|error| PostgresError::Schema(said(&error)))?;
    }
    let meta = "CREATE TABLE updraft.meta (name text PRIMARY KEY, value text NOT NULL)";
    Ok(client.batch_execute(meta).await?)
}

fn known() -> i32 {
    VERSIONS.len() as i32
}

/// The version of the database; 0 where it has none.
pub(super) async fn version(client: &Client) -> Result<i32, PostgresError> {
    // By the table, and not by a name that was looked up before another node made it.
    let made = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'updraft' AND tablename = 'meta')";
    let made = client.query_typed(made, &[]).await?;
    if !made.iter().any(|row| row.get(0)) {
        return Ok(0);
    }
    let sql = "SELECT coalesce(max(value::int), 0) FROM updraft.meta WHERE name = 'version'";
    let found = client.query_typed(sql, &[]).await?;
    let found = found.first().map_or(0, |row| row.get(0));
    match found > known() {
        true => Err(PostgresError::Version {
            found,
            known: known(),
        }),
        false => Ok(found),
    }
}
