//! The macro that declares a table.

/// Declares one table: a module with its entity, whose `Model` is the row. The key comes first.
macro_rules! table {
    ($name:literal as $module:ident ($($key:ident: $key_type:ty),+) { $($column:ident: $type:ty,)+ }) => {
        pub(super) mod $module {
            use super::*;
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub(in crate::store::rows) struct Model {
                $(#[sea_orm(primary_key, auto_increment = false)] pub(in crate::store::rows) $key: $key_type,)+
                $(pub(in crate::store::rows) $column: $type,)+
            }

            #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
            pub(in crate::store::rows) enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}
pub(super) use table;
