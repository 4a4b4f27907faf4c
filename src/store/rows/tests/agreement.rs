//! The law that documents and tables agree finds every table that does not.

use crate::store::rows::tests::full::{full, waiting_for};
use crate::store::rows::tests::sample::{disagreements, nothing, orders, rows_of, save, stocked};
use crate::store::tests::shop::{Scene, on_both_engines};

on_both_engines! {
    a_changed_column_of_any_table_breaks_the_law
    a_missing_row_of_any_table_breaks_the_law
    a_changed_column_of_the_catalogue_breaks_the_law_until_it_is_made_anew
}

/// A table, as the law names it, a column, another value for it, and which rows it is set in.
const DIFFERENT: [(&str, &str, &str, &str); 62] = [
    ("its row", "orders", "state = 'CLOSED'", "number = 1"),
    ("its row", "orders", "number = 7", "number = 1"),
    ("its row", "orders", "version = version + 1", "number = 1"),
    ("its row", "orders", "last_event = last_event + 1", "number = 1"),
    ("its row", "orders", "region = NULL", "number = 1"),
    ("its row", "orders", "customer_name = 'Bob'", "number = 1"),
    ("its row", "orders", "customer_phone = '1'", "number = 1"),
    ("its row", "orders", "payment_status = 'UNPAID'", "number = 1"),
    ("its row", "orders", "fulfillment_status = 'DELIVERED'", "number = 1"),
    ("its row", "orders", "next_step = 'CLOSE_ORDER'", "number = 1"),
    ("its row", "orders", "on_hold = NOT on_hold", "number = 1"),
    ("order_terms", "order_terms", "archived = NOT archived", "term = 'OTHER'"),
    ("its row", "orders", "total_minor = total_minor + 1", "number = 1"),
    ("its row", "orders", "captured_minor = captured_minor - 1", "number = 1"),
    ("its row", "orders", "fingerprint = 'another'", "number = 1"),
    ("its row", "orders", "updated_at = updated_at + 1", "number = 1"),
    ("its row", "orders", "late = NOT late", "number = 1"),
    ("its row", "orders", "stuck_since = stuck_since + 1", "number = 1"),
    ("its row", "orders", "slipped_since = slipped_since + 1", "number = 1"),
    ("its row", "orders", "delivered_at = delivered_at + 1", "number = 1"),
    ("its row", "orders", "promised_at = 7", "number = 1"),
    ("order_lines", "order_lines", "quantity = quantity + 1", "quantity = 3 AND number = 2"),
    ("order_lines", "order_lines", "description = ''", "quantity = 3 AND number = 1"),
    ("order_waits", "order_waits", "quantity = quantity + 1", "TRUE"),
    ("order_waits", "order_waits", "region = 'EUROPE'", "TRUE"),
    ("order_waits", "order_waits", "caller = 'another'", "TRUE"),
    ("holds", "holds", "reason = 'INCORRECT_ADDRESS'", "state = 'ACTIVE'"),
    ("approvals", "approvals", "archived = NOT archived", "state = 'PENDING'"),
    ("approvals", "approvals", "amount_minor = 1", "state = 'PENDING'"),
    ("approvals", "approvals", "state = 'WITHDRAWN'", "state = 'PENDING'"),
    ("messages", "messages", "archived = NOT archived", "state = 'SENT'"),
    ("messages", "messages", "sent_at = sent_at + 1", "state = 'SENT'"),
    ("feedback", "feedback", "product_rating = 1", "TRUE"),
    ("feedback", "feedback", "comment = ''", "TRUE"),
    ("feedback", "feedback", "region = NULL", "TRUE"),
    ("feedback", "feedback", "archived = NOT archived", "TRUE"),
    ("feedback_lines", "feedback_lines", "rating = 5", "TRUE"),
    ("feedback_reasons", "feedback_reasons", "submitted_at = submitted_at + 1", "number = 0"),
    ("follow_ups", "follow_ups", "archived = NOT archived", "TRUE"),
    ("follow_ups", "follow_ups", "state = 'OPEN'", "TRUE"),
    ("invoices", "invoices", "archived = NOT archived", "state = 'OPEN'"),
    ("invoices", "invoices", "state = 'PAID'", "state = 'OPEN'"),
    ("order_lines", "order_lines", "cancelled = 2", "quantity = 3 AND number = 2"),
    ("credit_notes", "credit_notes", "archived = NOT archived", "TRUE"),
    ("order_lines", "order_lines", "refunded = 2", "quantity = 3 AND number = 2"),
    ("order_lines", "order_lines", "waiting = 1", "quantity = 3 AND number = 2"),
    ("order_lines", "order_lines", "returned = 2", "quantity = 3 AND number = 2"),
    ("returns", "returns", "archived = NOT archived", "TRUE"),
    ("returns", "returns", "received = 0", "TRUE"),
    ("payments", "payments", "archived = NOT archived", "method = 'CARD'"),
    ("payments", "payments", "captured_minor = 1", "method = 'CARD'"),
    ("payments", "payments", "request = NULL", "method = 'CARD'"),
    ("refunds", "refunds", "archived = NOT archived", "TRUE"),
    ("refunds", "refunds", "amount_minor = 99", "TRUE"),
    ("shipments", "shipments", "archived = NOT archived", "number = 1"),
    ("shipments", "shipments", "tracking_number = 'CSG7'", "number = 1"),
    ("shipments", "shipments", "units = units + 1", "number = 2"),
    ("tracking_numbers", "tracking_numbers", "package = 7", "TRUE"),
    ("shipment_lots", "shipment_lots", "picked = 1", "TRUE"),
    ("shipments", "shipments", "late = NOT late", "number = 1"),
    ("reservations", "reservations", "expires_at = expires_at + 1", "state = 'EXPIRED'"),
    ("reservation_items", "reservation_items", "consumed = 0", "number = 2"),
];

async fn a_changed_column_of_any_table_breaks_the_law(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    save(&db, &nothing(), &orders([&full(1), &waiting_for(2, &[("A-1", 4)])])).await.expect("two orders");
    assert_eq!(disagreements(scene).await, Vec::<String>::new());

    for (named, table, change, rows) in DIFFERENT {
        scene.sql(&format!("CREATE TABLE as_before AS SELECT * FROM {table}")).await;
        scene.sql(&format!("UPDATE {table} SET {change} WHERE {rows}")).await;
        assert_eq!(disagreements(scene).await, [format!("{named} differs")], "{table} {change}");

        let (column, _) = change.split_once(" = ").expect("a column and its value");
        let key = match table {
            "order_lines" | "order_waits" | "order_terms" | "feedback" | "feedback_lines"
            | "feedback_reasons" | "tracking_numbers" | "shipment_lots" => "order_id",
            "reservation_items" => "reservation_id",
            _ => "id",
        };
        let second = match table {
            "order_lines" | "reservation_items" | "feedback_lines" | "feedback_reasons" => {
                format!(" AND as_before.number = {table}.number")
            }
            "order_terms" => format!(" AND as_before.term = {table}.term"),
            _ => String::new(),
        };
        scene
            .sql(&format!(
                "UPDATE {table} SET {column} = (SELECT {column} FROM as_before \
                WHERE as_before.{key} = {table}.{key}{second}); DROP TABLE as_before"
            ))
            .await;
        assert_eq!(disagreements(scene).await, Vec::<String>::new(), "{table} as before");
    }
    // When a worker comes is not in the document.
    scene.sql("UPDATE orders SET run_at = 1, attempts = 2, lease_token = 3, lease_until = 4").await;
    assert_eq!(disagreements(scene).await, Vec::<String>::new());
}

async fn a_missing_row_of_any_table_breaks_the_law(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let both = [full(1), waiting_for(2, &[("A-1", 4)])];
    save(&db, &nothing(), &orders(&both)).await.expect("two orders");
    for table in [
        "order_lines",
        "order_waits",
        "order_terms",
        "holds",
        "approvals",
        "messages",
        "feedback",
        "feedback_lines",
        "feedback_reasons",
        "follow_ups",
        "refunds",
        "payments",
        "credit_notes",
        "returns",
        "invoices",
        "tracking_numbers",
        "shipment_lots",
        "shipments",
        "reservation_items",
        "reservations",
    ] {
        // What points to it goes first, and is found before it or after it.
        let pointing = match table {
            "invoices" => "DELETE FROM payments; DELETE FROM credit_notes;",
            _ => "",
        };
        assert!(rows_of(&db, table).await > 0, "{table}");
        scene.sql(&format!("{pointing} DELETE FROM {table}")).await;
        let found = disagreements(scene).await;
        assert!(found.contains(&format!("{table} differs")), "{table}: {found:?}");
        scene.store.rebuild(|_| ()).await.expect("as before");
        assert_eq!(disagreements(scene).await, Vec::<String>::new(), "{table}");
    }
}

async fn a_changed_column_of_the_catalogue_breaks_the_law_until_it_is_made_anew(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    assert_eq!(disagreements(scene).await, Vec::<String>::new());
    for (table, columns) in [
        ("products", "version name tax_category active created_at updated_at"),
        ("locations", "version name region country priority active created_at updated_at"),
        ("couriers", "version name active created_at updated_at"),
        ("customers", "version external_reference name email blocked created_at updated_at"),
    ] {
        for column in columns.split(' ') {
            let other = match column {
                "active" | "blocked" => "FALSE".to_owned(),
                "external_reference" | "email" | "name" | "tax_category" | "region" => "'ANOTHER'".to_owned(),
                "country" => "'XX'".to_owned(),
                _ => format!("{column} + 1"),
            };
            scene.sql(&format!("UPDATE {table} SET {column} = {other}")).await;
            let rows = rows_of(&db, table).await;
            let found = disagreements(scene).await;
            assert_eq!(found.len() as i64, rows, "{table}.{column}: {found:?}");
            scene.store.rebuild(|_| ()).await.expect("as before");
            assert_eq!(disagreements(scene).await, Vec::<String>::new(), "{table}.{column}");
        }
    }
    for (table, terms) in [("products", "product_terms"), ("customers", "customer_terms")] {
        for damage in [
            format!("DELETE FROM {terms}"),
            format!("UPDATE {terms} SET term = 'size=L' WHERE field = 'label'"),
        ] {
            scene.sql(&damage).await;
            let found = disagreements(scene).await;
            assert_eq!(found.len() as i64, rows_of(&db, table).await, "{damage}: {found:?}");
            scene.store.rebuild(|_| ()).await.expect("as before");
            assert_eq!(disagreements(scene).await, Vec::<String>::new(), "{damage}");
        }
    }
}
