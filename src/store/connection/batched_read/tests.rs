//! Tests of `batched_read`.

use sea_orm::DbBackend;
use uuid::Uuid;

use crate::store::connection::batched_read::{TableRead, chunks, for_postgres, for_sqlite};
use crate::store::connection::lookup::prepare_all;

fn table_read() -> TableRead {
    TableRead {
        table: "holds".to_owned(),
        columns: "id".to_owned(),
        belongs: "order_id {ids}",
        order: "place",
    }
}

fn ids(count: u128) -> Vec<Uuid> {
    (1..=count).map(Uuid::from_u128).collect()
}

#[test]
fn sqlite_is_asked_about_few_sizes_of_lots() {
    let sizes = |count| chunks(DbBackend::Sqlite, &ids(count)).iter().map(Vec::len).collect::<Vec<_>>();
    assert!(sizes(0).is_empty());
    assert_eq!(sizes(1), [1]);
    assert_eq!(sizes(9), [12]);
    assert_eq!(sizes(513), [512, 1]);
}

#[test]
fn postgres_is_asked_about_all_at_once() {
    assert_eq!(chunks(DbBackend::Postgres, &ids(600)), [ids(600)]);
    assert!(chunks(DbBackend::Postgres, &[]).is_empty());
}

#[test]
fn a_question_reads_as_each_engine_has_it() {
    let table_reads = [table_read()];
    assert_eq!(
        for_sqlite(&table_reads, 2),
        ["SELECT id FROM holds WHERE order_id IN ($1, $2) ORDER BY place"]
    );
    assert_eq!(
        for_postgres(&table_reads, &ids(2)),
        [
            "EXECUTE asked_holds('{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002}')"
        ]
    );
    assert_eq!(
        prepare_all(&table_reads),
        "PREPARE asked_holds(uuid[]) AS SELECT id FROM holds WHERE order_id = ANY($1) ORDER BY place"
    );
}
