//! Statements of one kind: one row or all rows, read into a type.

use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, QueryResult, Statement};

use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;

pub(in crate::store) async fn one(
    db: &Session,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<QueryResult>, StoreError> {
    Ok(db.query_one_raw(Statement::from_sql_and_values(db.backend(), sql, values)).await?)
}

pub(in crate::store) async fn all(
    db: &Session,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>, StoreError> {
    Ok(db.query_all_raw(Statement::from_sql_and_values(db.backend(), sql, values)).await?)
}
