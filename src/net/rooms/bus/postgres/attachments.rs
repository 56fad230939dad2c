//! The table of what is too long for a notification, or has Buffers: that of the official adapter, which its README has users
//! make. It is where the search path of the role leads, as there.

use tokio_postgres::{Client, Error, types::Type};

use crate::postgres::{PostgresError, said};

/// As the official adapter has it, made by one node at a time.
const MAKE: &str = "
    BEGIN;
    SELECT pg_advisory_xact_lock(8461820012921119333);
    CREATE TABLE IF NOT EXISTS socket_io_attachments (
        id bigserial UNIQUE, created_at timestamptz DEFAULT now(), payload bytea
    );
    COMMIT";

/// Makes sure that it is there. A role that finds it needs no right to make it.
pub(super) async fn prepare(client: &Client) -> Result<(), PostgresError> {
    let is_there = "SELECT to_regclass('socket_io_attachments') IS NOT NULL";
    let found = client.query_typed(is_there, &[]).await?;
    if found.iter().any(|row| row.get(0)) {
        return Ok(());
    }
    let made = client.batch_execute(MAKE).await;
    made.map_err(|error| PostgresError::Attachments(said(&error)))
}

/// Removes what no node reads any more.
pub(super) async fn expire(client: &Client) -> Result<(), Error> {
    let expire = "DELETE FROM socket_io_attachments WHERE created_at < now() - interval '30 seconds'";
    client.query_typed(expire, &[]).await.map(drop)
}

/// What these rows hold, by their numbers: nothing, where that is no `bytea`.
pub(super) async fn read(client: &Client, rows: &[i64]) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    let read = "SELECT id::int8, payload FROM socket_io_attachments WHERE id = ANY ($1)";
    let found = match client.query_typed(read, &[(&rows, Type::INT8_ARRAY)]).await {
        // The connection is as good as before.
        Err(error) if error.as_db_error().is_some() => {
            tracing::warn!("socket_io_attachments cannot be read: {}", said(&error));
            Vec::new()
        }
        found => found?,
    };
    let held = found.iter().filter_map(|row| {
        let payload: Option<Vec<u8>> = row.try_get(1).ok().flatten();
        Some((row.try_get(0).ok()?, payload.unwrap_or_default()))
    });
    Ok(held.collect())
}
