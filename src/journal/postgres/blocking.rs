//! A blocking connection, for commands, which have no runtime: it waits for each answer.

use std::{ops::ControlFlow, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};
use tokio_postgres::{Client, Row};

use super::schema;
use crate::postgres::{Database, Parameter, PostgresError, Said};

/// Longest that a connection takes.
const ANSWER: Duration = Duration::from_secs(10);

/// Rows that are fetched at a time: each may hold a megabyte.
const ROWS: usize = 100;

pub(super) struct Connection {
    client: Client,
    runtime: Runtime,
}

impl Connection {
    pub(super) fn open(url: &str) -> Result<Self, PostgresError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| PostgresError::Database(error.to_string()))?;
        let client = runtime.block_on(async {
            let said = Said::default();
            let client = timeout(ANSWER, Database::new(url)?.connect(&said)).await;
            let client = client.map_err(|_| PostgresError::Database("it does not answer".to_owned()))??;
            // So that it is not taken for a node.
            client
                .batch_execute("SET application_name = 'updraft log'")
                .await?;
            Ok::<_, PostgresError>(client)
        })?;
        Ok(Self { client, runtime })
    }

    /// The version of the schema; 0 where there is none.
    pub(super) fn version(&self) -> Result<i32, PostgresError> {
        self.runtime.block_on(schema::version(&self.client))
    }

    /// Makes what is missing of the schema.
    pub(super) fn migrate(&mut self) -> Result<(), PostgresError> {
        self.runtime.block_on(schema::migrate(&mut self.client))
    }

    /// Statements without parameters and without answers.
    pub(super) fn run(&self, sql: &str) -> Result<(), PostgresError> {
        Ok(self.runtime.block_on(self.client.batch_execute(sql))?)
    }

    /// What a query finds.
    pub(super) fn query(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.runtime.block_on(self.client.query_typed(sql, parameters))
    }

    /// The only row of a query that has one.
    pub(super) fn row(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Row, PostgresError> {
        let row = self.query(sql, parameters)?.into_iter().next();
        row.ok_or_else(|| PostgresError::Database(format!("it has no answer to {sql}")))
    }

    /// Each row that a query finds, until it is enough; within a transaction.
    pub(super) fn each(
        &self,
        sql: &str,
        each: &mut dyn FnMut(&Row) -> ControlFlow<()>,
    ) -> Result<(), PostgresError> {
        self.run(&format!("DECLARE found NO SCROLL CURSOR FOR {sql}"))?;
        loop {
            let rows = self.query(&format!("FETCH {ROWS} FROM found"), &[])?;
            if rows.is_empty() || rows.iter().try_for_each(&mut *each).is_break() {
                return self.run("CLOSE found");
            }
        }
    }
}
