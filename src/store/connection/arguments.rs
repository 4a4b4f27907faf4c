//! Values as arguments of a prepared statement, of either engine.

use sea_orm::DbErr;
use sea_orm::sea_query::{Value, Values};
use sea_orm::sqlx::postgres::PgArguments;
use sea_orm::sqlx::sqlite::SqliteArguments;
use sea_orm::sqlx::{self, Arguments, Database, Encode, Type};
use uuid::Uuid;

pub(in crate::store) enum ArgumentsOf {
    Postgres(PgArguments),
    Sqlite(SqliteArguments),
}

/// The kinds of values that the store's rows are made of.
pub(super) trait Binds: Database<Arguments: Arguments<Database = Self>> + Sized {
    fn bind(arguments: &mut Self::Arguments, value: Value) -> Result<(), sqlx::error::BoxDynError>;
}

pub(super) fn arguments<DB: Binds>(values: impl IntoIterator<Item = Values>) -> Result<DB::Arguments, DbErr> {
    let mut arguments = DB::Arguments::default();
    for values in values {
        arguments.reserve(values.0.len(), 0);
        for value in values.0 {
            DB::bind(&mut arguments, value).map_err(|it| DbErr::Type(it.to_string()))?;
        }
    }
    Ok(arguments)
}

pub(super) fn bind_scalar<DB: Binds>(
    arguments: &mut DB::Arguments,
    value: Value,
) -> Result<(), sqlx::error::BoxDynError>
where
    Option<bool>: for<'t> Encode<'t, DB> + Type<DB>,
    Option<i16>: for<'t> Encode<'t, DB> + Type<DB>,
    Option<i32>: for<'t> Encode<'t, DB> + Type<DB>,
    Option<i64>: for<'t> Encode<'t, DB> + Type<DB>,
    Option<f64>: for<'t> Encode<'t, DB> + Type<DB>,
    Option<String>: for<'t> Encode<'t, DB> + Type<DB>,
    Option<Vec<u8>>: for<'t> Encode<'t, DB> + Type<DB>,
    Option<Uuid>: for<'t> Encode<'t, DB> + Type<DB>,
{
    match value {
        Value::Bool(it) => arguments.add(it),
        Value::SmallInt(it) => arguments.add(it),
        Value::Int(it) => arguments.add(it),
        Value::BigInt(it) => arguments.add(it),
        Value::Unsigned(it) => arguments.add(it.map(i64::from)),
        Value::BigUnsigned(it) => arguments.add(it.map(i64::try_from).transpose()?),
        Value::Double(it) => arguments.add(it),
        Value::String(it) => arguments.add(it),
        Value::Bytes(it) => arguments.add(it),
        Value::Uuid(it) => arguments.add(it),
        other => Err(format!("values like {:?} are not bound", std::mem::discriminant(&other)).into()),
    }
}
