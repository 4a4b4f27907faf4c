//! A PostgreSQL database of the bench's own, beside the one that was named.

use sqlx::{Connection, PgConnection};

use super::cost::postmaster_of;
use super::error::BenchError;

/// Empty at first; gone with [`Database::remove`].
pub(super) struct Database {
    pub(super) url: String,
    name: String,
    beside: String,
    /// The cluster's first process, if it runs on this machine.
    pub(super) postmaster: Option<u32>,
}

impl Database {
    pub(super) async fn create(beside: &str, name: &str) -> Result<Self, BenchError> {
        let mut connection = PgConnection::connect(beside).await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE template0")))
            .execute(&mut connection)
            .await?;
        let (backend, port): (i32, Option<i32>) =
            sqlx::query_as("SELECT pg_backend_pid(), inet_client_port()").fetch_one(&mut connection).await?;
        let number = |it: i32| u32::try_from(it).ok();
        let postmaster =
            number(backend).and_then(|it| postmaster_of(it, port.and_then(number).filter(|it| *it > 0)));
        connection.close().await?;
        Ok(Self {
            url: with_database(beside, name)?,
            name: name.to_owned(),
            beside: beside.to_owned(),
            postmaster,
        })
    }

    pub(super) async fn remove(self) -> Result<(), BenchError> {
        let mut connection = PgConnection::connect(&self.beside).await?;
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }
}

/// The same server and parameters, another database.
fn with_database(url: &str, name: &str) -> Result<String, BenchError> {
    let (address, parameters) = url.split_once('?').map_or((url, None), |(left, right)| (left, Some(right)));
    let Some((scheme, rest)) = address.split_once("://") else {
        return Err(BenchError::Wrong("the database's address must start with postgres://".to_owned()));
    };
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    let parameters = parameters.map(|text| format!("?{text}")).unwrap_or_default();
    Ok(format!("{scheme}://{host}/{name}{parameters}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_keeps_the_server_and_its_parameters() {
        let named = with_database("postgres://clerk:secret@db.test:5433/shop?sslmode=require", "fresh");
        assert_eq!(named.unwrap(), "postgres://clerk:secret@db.test:5433/fresh?sslmode=require");
        assert_eq!(with_database("postgres://db.test", "fresh").unwrap(), "postgres://db.test/fresh");
        assert!(with_database("db.test/shop", "fresh").is_err());
    }
}
