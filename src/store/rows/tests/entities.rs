//! Entities say what the schema says: tables, columns, keys, and what belongs to what.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ColumnTrait, ColumnType, DbBackend, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn, RelationTrait,
};

use crate::store::connection::session::Session;
use crate::store::rows::account::{customer_terms, customers};
use crate::store::rows::api_key::api_keys;
use crate::store::rows::capacity::daily_shipments;
use crate::store::rows::catalogue::{couriers, locations, product_terms, products};
use crate::store::rows::data_read::data_reads;
use crate::store::rows::discount::{discount_codes, discount_uses};
use crate::store::rows::erasure::erasure_traces;
use crate::store::rows::feedback::{feedback, feedback_lines, feedback_reasons, follow_ups};
use crate::store::rows::order::orders;
use crate::store::rows::parts::{
    approvals, carrier_labels, credit_note_numbers, credit_notes, holds, invoice_numbers, invoices,
    message_texts, messages, order_lines, order_waits, payment_references, payments, refunds, shipment_lots,
    shipments, tracking_numbers,
};
use crate::store::rows::record::courier_records;
use crate::store::rows::reservation::{open_reservations, reservation_items, reservations};
use crate::store::rows::returns::returns;
use crate::store::rows::seller::sellers;
use crate::store::rows::stock::{replenishments, stock_levels, stock_lots, stock_movements};
use crate::store::rows::subscription::event_subscriptions;
use crate::store::rows::terms::order_terms;
use crate::store::rows::transfer::transfers;
use crate::store::tests::shop::{Scene, on_both_engines};

on_both_engines! {
    the_columns_of_each_entity_are_those_of_its_table
    what_belongs_to_what_is_what_leaves_with_it
    what_leaves_with_another_is_found_by_an_index
}

/// Type, whether it may be missing, whether it is of the key.
type Column = (&'static str, bool, bool);

#[derive(Debug, PartialEq)]
struct Described {
    columns: BTreeMap<String, Column>,
    /// Column here, table and column there.
    belongs_to: BTreeSet<(String, String, String)>,
}

fn described<E: EntityTrait>() -> (String, Described) {
    let keys: BTreeSet<String> =
        E::PrimaryKey::iter().map(|it| it.into_column().as_str().to_owned()).collect();
    let column = |it: E::Column| {
        let definition = it.def();
        let kind = match definition.get_column_type() {
            ColumnType::Uuid => "id",
            ColumnType::BigInteger | ColumnType::Integer | ColumnType::Boolean => "number",
            ColumnType::VarBinary(_) | ColumnType::Binary(_) | ColumnType::Blob => "bytes",
            _ => "text",
        };
        (it.as_str().to_owned(), (kind, definition.is_null(), keys.contains(it.as_str())))
    };
    let relation = |it: E::Relation| {
        let definition = it.def();
        let name = |columns: sea_orm::Identity| {
            columns.into_iter().map(|it| it.to_string()).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(definition.from_tbl.sea_orm_table().to_string(), E::default().table_name());
        let whole = definition.to_tbl.sea_orm_table().to_string();
        (name(definition.from_col), whole, name(definition.to_col))
    };
    let described = Described {
        columns: E::Column::iter().map(column).collect(),
        belongs_to: E::Relation::iter().map(relation).collect(),
    };
    (E::default().table_name().to_owned(), described)
}

fn entities() -> BTreeMap<String, Described> {
    macro_rules! all {
        ($($table:ident)+) => { [$(described::<$table::Entity>(),)+] };
    }
    all! {
        orders order_terms product_terms order_lines order_waits holds approvals messages message_texts feedback invoice_numbers invoices
        credit_note_numbers credit_notes payments refunds payment_references returns shipments tracking_numbers
        erasure_traces shipment_lots stock_lots carrier_labels reservations reservation_items stock_levels stock_movements replenishments transfers
        products locations couriers courier_records daily_shipments feedback_lines feedback_reasons follow_ups
        customers customer_terms discount_codes discount_uses open_reservations sellers api_keys data_reads
        event_subscriptions
    }
    .into()
}

/// Rows of so many texts.
async fn texts<const N: usize>(db: &Session, sql: &str) -> Vec<[String; N]> {
    let rows = db.query(sql, Vec::new()).await.expect(sql);
    rows.iter().map(|row| std::array::from_fn(|at| row.get(at).expect("a text"))).collect()
}

async fn tables(db: &Session) -> BTreeSet<String> {
    let sql = match db.backend() {
        DbBackend::Sqlite => {
            "SELECT CAST(name AS TEXT) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        }
        _ => "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public'",
    };
    texts(db, sql).await.into_iter().map(|[it]| it).collect()
}

/// Without those that the database makes of others.
async fn columns(db: &Session, table: &str) -> BTreeMap<String, Column> {
    let sql = match db.backend() {
        DbBackend::Sqlite => format!(
            r#"SELECT CAST(name AS TEXT), CAST(lower(type) AS TEXT), CAST("notnull" AS TEXT), CAST(pk > 0 AS TEXT)
            FROM pragma_table_info('{table}')"#
        ),
        _ => format!(
            "SELECT CAST(attname AS TEXT), CAST(format_type(atttypid, NULL) AS TEXT), \
            CAST(CAST(attnotnull AS INTEGER) AS TEXT), \
            CAST(CAST(EXISTS (SELECT 1 FROM pg_index WHERE indrelid = attrelid AND indisprimary \
            AND attnum = ANY (indkey)) AS INTEGER) AS TEXT) \
            FROM pg_attribute WHERE attrelid = CAST('{table}' AS regclass) AND attnum > 0 AND NOT attisdropped \
            AND attgenerated = ''"
        ),
    };
    let column = |[name, kind, is_needed, is_key]: [String; 4]| {
        let kind = match kind.as_str() {
            "uuid" => "id",
            "bigint" | "integer" | "boolean" => "number",
            "bytea" => "bytes",
            "blob" => "blob",
            "text" => "text",
            other => panic!("{table} has a column of type {other}"),
        };
        (name, (kind, is_needed == "0", is_key == "1"))
    };
    texts(db, &sql).await.into_iter().map(column).collect()
}

async fn the_columns_of_each_entity_are_those_of_its_table(scene: &Scene) {
    let db = scene.store.look().await.expect("a connection");
    let entities = entities();
    // Decisions, counters, what restores left out, who is being erased, what subscribers were told and when keys were used are written by statements
    // of their own.
    let others = [
        "api_key_uses",
        "decisions",
        "counters",
        "erasures",
        "event_redeliveries",
        "event_subscribers",
        "histories",
        "number_gaps",
        "schema_steps",
        "seaql_migrations",
        "untold_events",
    ];
    let others = others.map(str::to_owned);
    assert_eq!(tables(&db).await, entities.keys().cloned().chain(others).collect());
    for (table, Described { columns: mut expected, .. }) in entities {
        if db.backend() == DbBackend::Sqlite {
            // It has one type for ids and documents.
            for (kind, ..) in expected.values_mut() {
                *kind = if matches!(*kind, "id" | "bytes") { "blob" } else { *kind };
            }
        }
        assert_eq!(columns(&db, &table).await, expected, "{table}");
    }
}

/// Foreign keys: table, column, table there, column there, and whether a row leaves with what it points to.
async fn foreign_keys(db: &Session) -> Vec<[String; 5]> {
    let sql = match db.backend() {
        DbBackend::Sqlite => {
            "SELECT CAST(t.name AS TEXT), CAST(k.\"from\" AS TEXT), CAST(k.\"table\" AS TEXT), CAST(k.\"to\" AS TEXT), \
            CAST(k.on_delete = 'CASCADE' AS TEXT) \
            FROM sqlite_master AS t JOIN pragma_foreign_key_list(t.name) AS k WHERE t.type = 'table'"
        }
        _ => {
            "SELECT CAST(CAST(k.conrelid AS regclass) AS TEXT), CAST(a.attname AS TEXT), \
            CAST(CAST(k.confrelid AS regclass) AS TEXT), CAST(b.attname AS TEXT), \
            CAST(CAST(k.confdeltype = 'c' AS INTEGER) AS TEXT) \
            FROM pg_constraint AS k CROSS JOIN LATERAL UNNEST(k.conkey, k.confkey) AS c(here, there) \
            JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = c.here \
            JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = c.there WHERE k.contype = 'f'"
        }
    };
    texts(db, sql).await
}

async fn what_belongs_to_what_is_what_leaves_with_it(scene: &Scene) {
    let db = scene.store.look().await.expect("a connection");
    let mut leaves: BTreeMap<String, BTreeSet<(String, String, String)>> = BTreeMap::new();
    for [table, column, whole, to, cascades] in foreign_keys(&db).await {
        if cascades == "1" {
            leaves.entry(table).or_default().insert((column, whole, to));
        }
    }
    for (table, Described { belongs_to, .. }) in entities() {
        let leaves = leaves.remove(&table).unwrap_or_default();
        assert!(belongs_to.is_subset(&leaves), "{table}: {belongs_to:?} of {leaves:?}");
        assert_eq!(belongs_to.is_empty(), leaves.is_empty(), "{table}: {leaves:?}");
    }
    assert!(leaves.is_empty(), "{leaves:?}");
}

/// Or an order whose rows are made anew would have each of these tables read from end to end.
async fn what_leaves_with_another_is_found_by_an_index(scene: &Scene) {
    let db = scene.store.look().await.expect("a connection");
    let sql = match db.backend() {
        DbBackend::Sqlite => {
            "SELECT CAST(t.name AS TEXT), CAST(c.name AS TEXT) FROM sqlite_master AS t \
            JOIN pragma_index_list(t.name) AS i JOIN pragma_index_info(i.name) AS c \
            WHERE t.type = 'table' AND c.seqno = 0"
        }
        _ => {
            "SELECT CAST(CAST(i.indrelid AS regclass) AS TEXT), CAST(a.attname AS TEXT) FROM pg_index AS i \
            JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        }
    };
    let led: BTreeSet<(String, String)> =
        texts(&db, sql).await.into_iter().map(|[table, column]| (table, column)).collect();
    for [table, column, _, _, cascades] in foreign_keys(&db).await {
        let is_led = led.contains(&(table.clone(), column.clone()));
        assert!(cascades == "0" || is_led, "no index leads from {table}.{column}");
    }
}
