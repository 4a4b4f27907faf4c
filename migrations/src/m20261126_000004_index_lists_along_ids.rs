//! Indexes for every list. Ids are in the order of creation, so an index goes on with the id where the first ones went
//! on with a time and then the id. States and other words of a closed set share one index per table. What nothing
//! reads any more goes: each index is paid for by every order.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for index in GONE {
            db.execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        for index in ADDED {
            db.execute_unprepared(&format!("CREATE INDEX {index}")).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            for together in TOGETHER {
                db.execute_unprepared(&format!("CREATE STATISTICS {together}")).await?;
            }
            db.execute_unprepared("ANALYZE orders, approvals, messages, payments, shipments").await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const GONE: &[&str] = &[
    "orders_created_at",
    "orders_state",
    "orders_customer_email",
    "archived_orders_created_at",
    "archived_orders_customer_email",
    "approvals_state",
    "invoices_state",
    "payments_state",
    "refunds_state",
    "shipments_created_at",
    "shipments_state",
    "shipments_location",
    "replenishments_state",
    "stock_movements_level",
    "reservation_items_sku",
    "feedback_submitted",
    "order_waits_first_come",
];

const ADDED: &[&str] = &[
    // The number is there so that sorting by it reads the index alone.
    "orders_channel_state ON orders (channel, state, id, number)",
    "orders_region ON orders (region, id, number)",
    "orders_customer_email ON orders (customer_email, id, number)",
    "archived_orders_channel ON archived_orders (channel, order_id, number)",
    "archived_orders_customer_email ON archived_orders (customer_email, order_id, number)",
    "approvals_gate_state ON approvals (gate, state, id)",
    "messages_kind_state ON messages (kind, state, id)",
    "invoices_state ON invoices (state, id)",
    "payments_method_state ON payments (method, state, id)",
    "payments_any_reference ON payments (reference) WHERE reference <> ''",
    "refunds_state ON refunds (state, id)",
    "shipments_state ON shipments (state, id)",
    "shipments_location_state ON shipments (location, state, id)",
    "shipments_courier ON shipments (courier, id) WHERE courier IS NOT NULL",
    "replenishments_state ON replenishments (state, id)",
    "replenishments_sku ON replenishments (sku, id)",
    "replenishments_location ON replenishments (location, id)",
    // Every placed order writes RESERVE movements; a page of these is found along the id.
    "stock_movements_kind ON stock_movements (kind, id) WHERE kind <> 'RESERVE'",
    "stock_movements_sku ON stock_movements (sku, id)",
    "stock_movements_location ON stock_movements (location, id)",
    "stock_levels_location ON stock_levels (location, sku)",
    "products_name ON products (name, sku)",
    "products_tax_category ON products (tax_category, sku)",
    // With the ratings, so that they are read from the index alone.
    "feedback_submitted ON feedback (submitted_at, order_id, delivery_rating, product_rating)
     WHERE state = 'SUBMITTED'",
    "feedback_requested ON feedback (requested_at)",
    "order_waits_first_come ON order_waits (sku, region, number, quantity)",
];

/// Words that depend on each other: PostgreSQL would take a combination that never occurs for a frequent one, and look
/// for it along the key.
const TOGETHER: &[&str] = &[
    "orders_channel_with_state (mcv) ON channel, state FROM orders",
    "approvals_gate_with_state (mcv) ON gate, state FROM approvals",
    "messages_kind_with_state (mcv) ON kind, state FROM messages",
    "payments_method_with_state (mcv) ON method, state FROM payments",
    "shipments_location_with_state (mcv) ON location, state FROM shipments",
];
