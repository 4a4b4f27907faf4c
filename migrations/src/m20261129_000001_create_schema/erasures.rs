//! What is still to be erased of persons who asked for it. Both tables are empty but for what is under way.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    // Who asked: a customer, or whoever has an e-mail address. Rows go when everything of them is done.
    schema
        .table(
            "erasures",
            Shape::Wide,
            "id UUID NOT NULL PRIMARY KEY,
             customer_id UUID,
             email TEXT,
             actor TEXT NOT NULL,
             at BIGINT NOT NULL,
             CHECK ((customer_id IS NULL) <> (email IS NULL))",
        )
        .await?;

    // Orders and customers whose documents are erased, and whose traces elsewhere are not: first their history, then the
    // answers that are kept for repeats. While an order's row is here, its history may be changed. `names` has hashes of
    // what the person may be called as an actor.
    schema
        .table(
            "erasure_traces",
            Shape::NarrowChanging,
            "subject UUID NOT NULL PRIMARY KEY,
             is_order BOOLEAN NOT NULL,
             history_left BOOLEAN NOT NULL,
             names BYTEA NOT NULL",
        )
        .await?;
    schema
        .indexes(&[
            "CREATE INDEX erasure_traces_history ON erasure_traces (subject) WHERE history_left = TRUE",
        ])
        .await?;
    schema.is_erased().await?;

    // A movement is never changed, but for who moved goods for such an order, and what was typed about it.
    let unless_erased = schema.unless_erased("OLD.order_id");
    let kept = [
        "id",
        "sku",
        "location",
        "kind",
        "on_hand",
        "reserved",
        "damaged",
        "quality_hold",
        "reservation_id",
        "order_id",
        "shipment_id",
        "transfer_id",
        "at",
        "lot",
    ];
    let changed = kept.map(|it| format!("NEW.{it} IS DISTINCT FROM OLD.{it}")).join(" OR ");
    let words = "NEW.actor <> OLD.actor OR NEW.reason <> OLD.reason";
    schema.refuse("stock_movements", "UPDATE", &format!("{changed} OR (({words}) AND {unless_erased})")).await
}
