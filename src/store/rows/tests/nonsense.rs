//! Rows that the schema lets pass and that make no sense: they are named, not read as something else.

use sea_orm::ConnectionTrait;

use crate::store::connection::error::StoreError;
use crate::store::rows::order::{load_orders, save_orders};
use crate::store::rows::tests::full::full;
use crate::store::rows::tests::sample::{new, on_both, only_order, stocked, write};

#[tokio::test]
async fn a_payment_with_the_proof_of_another_method_is_corrupt() {
    on_both(async |db| {
        stocked(db).await;
        let order = full(1);
        write(db, |it| save_orders(it, &new(&order))).await.expect("an order");
        for (table, sense, nonsense) in [
            ("payments", "reference = ''", "reference = 'RF18' WHERE method = 'CARD'"),
            ("payments", "tendered_minor = NULL", "tendered_minor = 300 WHERE method = 'CARD'"),
            ("payments", "provider = ''", "provider = 'sandbox' WHERE method = 'BANK_TRANSFER'"),
            ("payments", "token = ''", "token = 'tok_visa' WHERE method = 'BANK_TRANSFER'"),
            ("payments", "asked_at = NULL", "asked_at = 1 WHERE ask IS NULL"),
            ("refunds", "method = 'CASH'", "method = NULL WHERE method = 'CASH'"),
        ] {
            let condition = nonsense.split_once(" WHERE ").expect("a condition").1;
            // What made it nonsense may be what the condition asks for.
            let back = if table == "refunds" { "method IS NULL" } else { condition };
            db.execute_unprepared(&format!("UPDATE {table} SET {nonsense}"))
                .await
                .expect("no law against it");
            let read = load_orders(db, &[order.id]).await;
            let found = matches!(&read, Err(StoreError::Corrupt { table: it, .. }) if *it == table);
            assert!(found, "{table} {nonsense}: {read:?}");
            db.execute_unprepared(&format!("UPDATE {table} SET {sense} WHERE {back}"))
                .await
                .expect("as before");
            assert_eq!(only_order(db, order.id).await, order);
        }
    })
    .await;
}
