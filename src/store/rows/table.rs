//! The macro that declares a table.

use sea_orm::EntityTrait;
use sea_orm::sea_query::Value;

use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;

/// A row of a table, with its columns in the order in which its entity declares them.
pub(in crate::store) trait Record: Sized + PartialEq {
    type Entity: EntityTrait;

    fn values(self) -> Vec<Value>;

    /// From a statement that selects all columns.
    fn read(row: &Row) -> Result<Self, StoreError>;
}

/// Declares one table: a module with its entity, whose `Model` is the row. The key comes first. `belongs to` names the
/// table that a column points to, as the schema's foreign key does.
macro_rules! table {
    (
        $name:literal as $module:ident ($($key:ident: $key_type:ty),+)
        $(belongs to $whole:ident by $from:literal = $to:literal)*
        { $($column:ident: $type:ty,)* }
    ) => {
        pub(in crate::store) mod $module {
            use super::*;
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub(in crate::store) struct Model {
                $(#[sea_orm(primary_key, auto_increment = false)] pub(in crate::store) $key: $key_type,)+
                $(pub(in crate::store) $column: $type,)*
            }

            impl crate::store::rows::table::Record for Model {
                type Entity = Entity;

                fn values(self) -> Vec<sea_orm::sea_query::Value> {
                    vec![$(self.$key.into(),)+ $(self.$column.into(),)*]
                }

                fn read(
                    row: &crate::store::connection::row::Row,
                ) -> Result<Self, crate::store::connection::error::StoreError> {
                    let mut index = 0..;
                    let mut next = || index.next().unwrap_or_default();
                    Ok(Self { $($key: row.get(next())?,)+ $($column: row.get(next())?,)* })
                }
            }

            #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
            pub(in crate::store) enum Relation {
                $(#[sea_orm(belongs_to = "Whole", from = $from, to = $to)] Whole,)*
            }

            $(use super::$whole::Entity as Whole;)*

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}
pub(in crate::store) use table;
