//! Rows as both engines give them, and values out of them.

use sea_orm::sea_query::{ArrayType, Value, ValueType};
use uuid::Uuid;

use crate::store::connection::error::StoreError;

/// One row of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct Row(pub(super) Vec<Value>);

impl Row {
    /// The value of a column, by its place in the statement.
    pub(in crate::store) fn get<T: ValueType>(&self, index: usize) -> Result<T, StoreError> {
        let value = self.0.get(index).ok_or_else(|| unreadable::<T>(index, "missing"))?;
        let value = as_expected(value, &T::array_type());
        T::try_from(value).map_err(|_| unreadable::<T>(index, "of another type"))
    }

    /// The columns from this one on.
    pub(in crate::store) fn after(mut self, index: usize) -> Self {
        Self(self.0.split_off(index.min(self.0.len())))
    }

    /// Bytes that stay where they are.
    pub(in crate::store) fn bytes(&self, index: usize) -> Result<&[u8], StoreError> {
        match self.0.get(index) {
            Some(Value::Bytes(Some(bytes))) => Ok(bytes),
            _ => Err(unreadable::<Vec<u8>>(index, "no bytes")),
        }
    }
}

fn unreadable<T: ValueType>(index: usize, how: &str) -> StoreError {
    StoreError::corrupt("database", format!("column {index} is {how}, where {} is expected", T::type_name()))
}

/// The value in the type it is read as: SQLite has no UUID, no boolean and one kind of whole number, and a NULL of no
/// type.
fn as_expected(value: &Value, expected: &ArrayType) -> Value {
    match (value, expected) {
        (Value::Bytes(Some(bytes)), ArrayType::Uuid) => match Uuid::from_slice(bytes) {
            Ok(id) => Value::Uuid(Some(id)),
            Err(_) => value.clone(),
        },
        (Value::BigInt(Some(number)), ArrayType::Bool) => Value::Bool(Some(*number != 0)),
        (Value::BigInt(Some(number)), ArrayType::Int) => match <i32 as TryFrom<i64>>::try_from(*number) {
            Ok(number) => Value::Int(Some(number)),
            Err(_) => value.clone(),
        },
        (Value::Int(Some(number)), ArrayType::BigInt) => Value::BigInt(Some((*number).into())),
        (Value::String(None), expected) => null(expected),
        (other, _) => other.clone(),
    }
}

/// NULL in this type.
pub(super) fn null(kind: &ArrayType) -> Value {
    match kind {
        ArrayType::Bool => Value::Bool(None),
        ArrayType::Int => Value::Int(None),
        ArrayType::BigInt => Value::BigInt(None),
        ArrayType::Bytes => Value::Bytes(None),
        ArrayType::Uuid => Value::Uuid(None),
        _ => Value::String(None),
    }
}
