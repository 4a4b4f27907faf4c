//! What is written of orders, stock and the catalogue, as fixed statements.

use std::sync::LazyLock;

use sea_orm::EntityTrait;

use crate::store::connection::statement::{Effect, FixedStatement, Kind};
use crate::store::rows::account::{customer_terms, customers};
use crate::store::rows::api_key::api_keys;
use crate::store::rows::capacity::daily_shipments;
use crate::store::rows::catalogue::{couriers, locations, product_terms, products};
use crate::store::rows::data_read::data_reads;
use crate::store::rows::discount::{discount_codes, discount_uses};
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
use crate::store::rows::statements::{
    Fixed, add_up, add_up_some, delete, insert, insert_missing, table_of, update_some, update_versioned,
    upsert,
};
use crate::store::rows::stock::{replenishments, stock_levels, stock_lots, stock_movements};
use crate::store::rows::subscription::event_subscriptions;
use crate::store::rows::terms::order_terms;
use crate::store::rows::transfer::transfers;

macro_rules! fixed {
    ($($name:ident = $made:expr;)+) => {
        $(pub(in crate::store) static $name: Fixed = LazyLock::new(|| $made);)+

        /// These statements, which every writing connection prepares when it is made.
        pub(in crate::store) fn all() -> Vec<&'static FixedStatement> {
            vec![$(&$name,)+]
        }
    };
}

fixed! {
    ADD_ORDERS = insert::<orders::Entity>();
    // What changes with every step. SQLite touches every index over a column that is set.
    CHANGE_ORDERS = update_some::<orders::Entity>(
        &orders::Column::Version,
        &[
            orders::Column::Version,
            orders::Column::LastEvent,
            orders::Column::State,
            orders::Column::CapturedMinor,
            orders::Column::RefundedMinor,
            orders::Column::UpdatedAt,
            orders::Column::Late,
            orders::Column::SlippedSince,
            orders::Column::PaymentStatus,
            orders::Column::FulfillmentStatus,
            orders::Column::NextStep,
            orders::Column::OnHold,
            orders::Column::StuckGate,
            orders::Column::StuckSince,
            orders::Column::DeliveredAt,
            orders::Column::PromisedAt,
            orders::Column::RunAt,
            orders::Column::Attempts,
            orders::Column::LeaseUntil,
            orders::Column::Document,
        ],
    );
    // The same where nothing that lists find orders by has changed, as when its letters were sent.
    NOTE_ORDERS = update_some::<orders::Entity>(
        &orders::Column::Version,
        &[
            orders::Column::Version,
            orders::Column::LastEvent,
            orders::Column::UpdatedAt,
            orders::Column::RunAt,
            orders::Column::Attempts,
            orders::Column::LeaseUntil,
            orders::Column::Document,
        ],
    );
    // What a correction and archiving may change as well. The lease's token is raised by those who claim the job, and by
    // nobody else.
    CORRECT_ORDERS = update_versioned::<orders::Entity>(
        &orders::Column::Version,
        &[orders::Column::Number, orders::Column::CreatedAt, orders::Column::LeaseToken],
    );
    SET_ORDER_JOBS = job_of("orders");

    UPSERT_LINES = upsert::<order_lines::Entity>(&[order_lines::Column::Sku, order_lines::Column::Description, order_lines::Column::Quantity, order_lines::Column::UnitPriceMinor, order_lines::Column::TaxMinor, order_lines::Column::TotalMinor, order_lines::Column::Cancelled, order_lines::Column::Refunded, order_lines::Column::Returned, order_lines::Column::Waiting]);
    DELETE_LINES =
        delete::<order_lines::Entity>(&[order_lines::Column::OrderId, order_lines::Column::Number], Effect::Write);
    UPSERT_WAITS = upsert::<order_waits::Entity>(&[order_waits::Column::Region, order_waits::Column::Quantity, order_waits::Column::Number, order_waits::Column::Caller]);
    DELETE_WAITS =
        delete::<order_waits::Entity>(&[order_waits::Column::OrderId, order_waits::Column::Sku], Effect::Write);
    ADD_TERMS = insert::<order_terms::Entity>();
    DELETE_TERMS = delete::<order_terms::Entity>(
        &[
            order_terms::Column::Field,
            order_terms::Column::Term,
            order_terms::Column::Archived,
            order_terms::Column::Listed,
        ],
        Effect::Write,
    );
    UPSERT_HOLDS = upsert::<holds::Entity>(&[holds::Column::State, holds::Column::ReleasedAt]);
    UPSERT_APPROVALS = upsert::<approvals::Entity>(&[approvals::Column::State, approvals::Column::AmountMinor, approvals::Column::Archived, approvals::Column::RequestedBy, approvals::Column::ExpiresAt, approvals::Column::DecidedBy, approvals::Column::DecidedAt]);
    UPSERT_MESSAGES = upsert::<messages::Entity>(&[messages::Column::State, messages::Column::SentAt, messages::Column::FailedAt]);
    UPSERT_FEEDBACK = upsert::<feedback::Entity>(&[feedback::Column::State, feedback::Column::DeliveryRating, feedback::Column::ProductRating, feedback::Column::Comment, feedback::Column::Archived, feedback::Column::RequestedAt,
        feedback::Column::SubmittedAt]);
    UPSERT_FEEDBACK_LINES = upsert::<feedback_lines::Entity>(&[feedback_lines::Column::Sku, feedback_lines::Column::Rating, feedback_lines::Column::SubmittedAt]);
    UPSERT_FEEDBACK_REASONS = upsert::<feedback_reasons::Entity>(&[feedback_reasons::Column::SubmittedAt]);
    UPSERT_FOLLOW_UPS = upsert::<follow_ups::Entity>(&[follow_ups::Column::State, follow_ups::Column::Archived]);
    ADD_INVOICE_NUMBERS = insert::<invoice_numbers::Entity>();
    UPSERT_INVOICES = upsert::<invoices::Entity>(&[invoices::Column::State]);
    ADD_CREDIT_NOTE_NUMBERS = insert::<credit_note_numbers::Entity>();
    UPSERT_CREDIT_NOTES = upsert::<credit_notes::Entity>(&[credit_notes::Column::Archived]);
    UPSERT_PAYMENTS = upsert::<payments::Entity>(&[payments::Column::State, payments::Column::Request, payments::Column::CapturedMinor, payments::Column::ProviderReference, payments::Column::Reference, payments::Column::UpdatedAt]);
    UPSERT_REFUNDS = upsert::<refunds::Entity>(&[refunds::Column::State, refunds::Column::Archived, refunds::Column::Method, refunds::Column::Reference, refunds::Column::ProviderReference, refunds::Column::UpdatedAt]);
    ADD_PAYMENT_REFERENCES = insert::<payment_references::Entity>();
    UPSERT_SHIPMENTS = upsert::<shipments::Entity>(&[shipments::Column::State, shipments::Column::Units, shipments::Column::TrackingNumber, shipments::Column::Courier, shipments::Column::HandedOverAt, shipments::Column::ReceivedAt, shipments::Column::EstimatedAt, shipments::Column::Late, shipments::Column::UpdatedAt]);
    // Beside what changes with every step, as every part of an order moves with it and seldom.
    MOVE_MESSAGES = side_of::<messages::Entity>();
    MOVE_INVOICES = side_of::<invoices::Entity>();
    MOVE_PAYMENTS = side_of::<payments::Entity>();
    MOVE_SHIPMENTS = side_of::<shipments::Entity>();
    UPSERT_RETURNS = upsert::<returns::Entity>(&[returns::Column::State, returns::Column::Archived, returns::Column::Units, returns::Column::Received, returns::Column::Missing, returns::Column::Inspected, returns::Column::Resolved, returns::Column::PaidBefore, returns::Column::UpdatedAt]);
    ADD_NUMBERS = insert::<tracking_numbers::Entity>();
    DELETE_NUMBERS = delete::<tracking_numbers::Entity>(
        &[tracking_numbers::Column::Courier, tracking_numbers::Column::Number],
        Effect::Write,
    );
    UPSERT_SHIPMENT_LOTS = upsert::<shipment_lots::Entity>(&[shipment_lots::Column::Quantity, shipment_lots::Column::Picked, shipment_lots::Column::InHouse]);
    DELETE_SHIPMENT_LOTS = delete::<shipment_lots::Entity>(
        &[shipment_lots::Column::ShipmentId, shipment_lots::Column::Line, shipment_lots::Column::Lot],
        Effect::Write,
    );
    ADD_CARRIER_LABELS = insert_missing::<carrier_labels::Entity>();
    ADD_MESSAGE_TEXTS = insert_missing::<message_texts::Entity>();

    // In the order of the callers, and before what follows from orders: who reserves holds the lock on its own row.
    ADD_TO_OPEN_RESERVATIONS = add_up::<open_reservations::Entity>();
    TAKE_OFF_OPEN_RESERVATIONS = take_off_open_reservations();

    // In the order of the couriers, so that nobody waits for a record in a circle.
    ADD_TO_COURIER_RECORDS = add_up::<courier_records::Entity>();
    // PostgreSQL checks the row that it would add before it looks for the one that is there, so what is taken off is
    // another statement.
    ADD_TO_DAYS = add_up::<daily_shipments::Entity>();
    TAKE_OFF_DAYS = take_off_days();

    // In the order of the codes and customers, likewise.
    ADD_TO_DISCOUNT_USES = add_up_some::<discount_uses::Entity>(&[discount_uses::Column::Redeemed, discount_uses::Column::GivenBack, discount_uses::Column::DrawnMinor]);
    TAKE_OFF_DISCOUNT_USES = take_off_discount_uses();

    UPSERT_RESERVATIONS = upsert::<reservations::Entity>(&[reservations::Column::Version, reservations::Column::State, reservations::Column::ExpiresAt]);
    ADD_RESERVATIONS = insert::<reservations::Entity>();
    CHANGE_RESERVATIONS = update_versioned::<reservations::Entity>(
        &reservations::Column::Version,
        &[reservations::Column::CreatedAt, reservations::Column::LeaseToken],
    );
    SET_RESERVATION_JOBS = job_of("reservations");
    UPSERT_ITEMS = upsert::<reservation_items::Entity>(&[reservation_items::Column::Quantity, reservation_items::Column::Consumed, reservation_items::Column::Released]);

    CLEAR_ITEMS = delete::<reservation_items::Entity>(&[reservation_items::Column::ReservationId], Effect::Write);

    ADD_LEVELS = insert::<stock_levels::Entity>();
    CHANGE_LEVELS = update_versioned::<stock_levels::Entity>(&stock_levels::Column::Version, &[]);
    UPSERT_LOTS = upsert::<stock_lots::Entity>(&[stock_lots::Column::SoldUntil, stock_lots::Column::OnHand, stock_lots::Column::Damaged, stock_lots::Column::QualityHold, stock_lots::Column::Missing, stock_lots::Column::Allotted]);
    DELETE_LOTS = delete::<stock_lots::Entity>(
        &[stock_lots::Column::Sku, stock_lots::Column::Location, stock_lots::Column::Lot],
        Effect::Write,
    );
    CLEAR_LOTS = delete::<stock_lots::Entity>(&[stock_lots::Column::Sku, stock_lots::Column::Location], Effect::Write);
    ADD_MOVEMENTS = insert::<stock_movements::Entity>();
    ADD_REPLENISHMENTS = insert::<replenishments::Entity>();
    CHANGE_REPLENISHMENTS =
        update_versioned::<replenishments::Entity>(&replenishments::Column::Version, &[]);

    ADD_TRANSFERS = insert::<transfers::Entity>();
    CHANGE_TRANSFERS = update_versioned::<transfers::Entity>(&transfers::Column::Version, &[]);

    ADD_PRODUCTS = insert::<products::Entity>();
    CHANGE_PRODUCTS = update_versioned::<products::Entity>(&products::Column::Version, &[]);
    ADD_PRODUCT_TERMS = insert_missing::<product_terms::Entity>();
    DELETE_PRODUCT_TERMS = delete::<product_terms::Entity>(
        &[product_terms::Column::Sku, product_terms::Column::Field, product_terms::Column::Term],
        Effect::Write,
    );
    CLEAR_PRODUCT_TERMS = delete::<product_terms::Entity>(&[product_terms::Column::Sku], Effect::Write);
    ADD_LOCATIONS = insert::<locations::Entity>();
    CHANGE_LOCATIONS = update_versioned::<locations::Entity>(&locations::Column::Version, &[]);
    ADD_COURIERS = insert::<couriers::Entity>();
    CHANGE_COURIERS = update_versioned::<couriers::Entity>(&couriers::Column::Version, &[]);
    ADD_CUSTOMERS = insert::<customers::Entity>();
    CHANGE_CUSTOMERS = update_versioned::<customers::Entity>(&customers::Column::Version, &[]);
    ADD_CUSTOMER_TERMS = insert_missing::<customer_terms::Entity>();
    DELETE_CUSTOMER_TERMS = delete::<customer_terms::Entity>(
        &[customer_terms::Column::CustomerId, customer_terms::Column::Field, customer_terms::Column::Term],
        Effect::Write,
    );
    CLEAR_CUSTOMER_TERMS =
        delete::<customer_terms::Entity>(&[customer_terms::Column::CustomerId], Effect::Write);
    ADD_DISCOUNT_CODES = insert::<discount_codes::Entity>();
    CHANGE_DISCOUNT_CODES =
        update_versioned::<discount_codes::Entity>(&discount_codes::Column::Version, &[]);
    ADD_DATA_READS = insert::<data_reads::Entity>();
    ADD_SUBSCRIPTIONS = insert::<event_subscriptions::Entity>();
    CHANGE_SUBSCRIPTIONS =
        update_versioned::<event_subscriptions::Entity>(&event_subscriptions::Column::Version, &[]);
    ADD_API_KEYS = insert::<api_keys::Entity>();
    CHANGE_API_KEYS = update_some::<api_keys::Entity>(&api_keys::Column::Version, &[api_keys::Column::Version, api_keys::Column::Revoked, api_keys::Column::RevokedBy, api_keys::Column::RevokedAt, api_keys::Column::RevokeReason]);
}

/// How the terms of entries of the catalogue are written.
pub(in crate::store) struct TermWrites {
    pub(in crate::store) add: &'static FixedStatement,
    /// One term of a row.
    pub(in crate::store) delete: &'static FixedStatement,
    /// All terms of a row.
    pub(in crate::store) clear: &'static FixedStatement,
}

pub(in crate::store) fn of_product_terms() -> TermWrites {
    TermWrites { add: &ADD_PRODUCT_TERMS, delete: &DELETE_PRODUCT_TERMS, clear: &CLEAR_PRODUCT_TERMS }
}

pub(in crate::store) fn of_customer_terms() -> TermWrites {
    TermWrites { add: &ADD_CUSTOMER_TERMS, delete: &DELETE_CUSTOMER_TERMS, clear: &CLEAR_CUSTOMER_TERMS }
}

// Only a rebuild sends what follows, so no connection prepares it beforehand.
pub(in crate::store) static ADD_MISSING_INVOICE_NUMBERS: Fixed =
    LazyLock::new(insert_missing::<invoice_numbers::Entity>);

pub(in crate::store) static ADD_MISSING_CREDIT_NOTE_NUMBERS: Fixed =
    LazyLock::new(insert_missing::<credit_note_numbers::Entity>);

pub(in crate::store) static ADD_MISSING_PAYMENT_REFERENCES: Fixed =
    LazyLock::new(insert_missing::<payment_references::Entity>);

/// Takes the projection of orders away, what points to others first.
pub(in crate::store) static DELETE_PARTS: LazyLock<Vec<FixedStatement>> = LazyLock::new(|| {
    vec![
        delete::<refunds::Entity>(&[refunds::Column::OrderId], Effect::Write),
        delete::<payments::Entity>(&[payments::Column::OrderId], Effect::Write),
        delete::<credit_notes::Entity>(&[credit_notes::Column::OrderId], Effect::Write),
        delete::<invoices::Entity>(&[invoices::Column::OrderId], Effect::Write),
        delete::<returns::Entity>(&[returns::Column::OrderId], Effect::Write),
        delete::<tracking_numbers::Entity>(&[tracking_numbers::Column::OrderId], Effect::Write),
        delete::<shipment_lots::Entity>(&[shipment_lots::Column::OrderId], Effect::Write),
        delete::<shipments::Entity>(&[shipments::Column::OrderId], Effect::Write),
        delete::<messages::Entity>(&[messages::Column::OrderId], Effect::Write),
        delete::<approvals::Entity>(&[approvals::Column::OrderId], Effect::Write),
        delete::<holds::Entity>(&[holds::Column::OrderId], Effect::Write),
        delete::<feedback_reasons::Entity>(&[feedback_reasons::Column::OrderId], Effect::Write),
        delete::<feedback_lines::Entity>(&[feedback_lines::Column::OrderId], Effect::Write),
        delete::<follow_ups::Entity>(&[follow_ups::Column::OrderId], Effect::Write),
        delete::<feedback::Entity>(&[feedback::Column::OrderId], Effect::Write),
        delete::<order_waits::Entity>(&[order_waits::Column::OrderId], Effect::Write),
        delete::<order_terms::Entity>(&[order_terms::Column::OrderId], Effect::Write),
        delete::<order_lines::Entity>(&[order_lines::Column::OrderId], Effect::Write),
        delete::<reservations::Entity>(&[reservations::Column::OrderId], Effect::Write),
    ]
});

/// Takes shipments off the days of locations and couriers.
fn take_off_days() -> FixedStatement {
    let off = |mark: &str| {
        format!(
            "SET shipments = daily_shipments.shipments - {mark}4 {}WHERE daily_shipments.kind = {mark}1 \
            AND daily_shipments.code = {mark}2 AND daily_shipments.day = {mark}3",
            if mark == "?" { "" } else { "FROM {bound} " }
        )
    };
    FixedStatement::new(
        Effect::Write,
        [Kind::Text, Kind::Text, Kind::Int, Kind::BigInt],
        format!("UPDATE daily_shipments {}", off("?")),
        &format!("UPDATE daily_shipments {}", off("bound.c")),
    )
}

/// Takes reservations that are over off those that their caller has open. Those that somebody else took off are a lost race.
fn take_off_open_reservations() -> FixedStatement {
    let off = |mark: &str| {
        format!(
            "SET open = open_reservations.open + {mark}2 {}WHERE open_reservations.caller = {mark}1 \
             AND open_reservations.open >= -{mark}2",
            if mark == "?" { "" } else { "FROM {bound} " }
        )
    };
    FixedStatement::new(
        Effect::WriteEach,
        [Kind::Text, Kind::BigInt],
        format!("UPDATE open_reservations {}", off("?")),
        &format!("UPDATE open_reservations {}", off("bound.c")),
    )
}

/// Takes uses that are given back off those of a code that are held.
fn take_off_discount_uses() -> FixedStatement {
    let off = |mark: &str| {
        format!(
            "SET redeemed = discount_uses.redeemed + {mark}3, given_back = discount_uses.given_back + {mark}4, \
            drawn_minor = discount_uses.drawn_minor + {mark}5 {}WHERE discount_uses.code = {mark}1 AND discount_uses.customer = {mark}2",
            if mark == "?" { "" } else { "FROM {bound} " }
        )
    };
    FixedStatement::new(
        Effect::WriteEach,
        [Kind::Text, Kind::Text, Kind::BigInt, Kind::BigInt, Kind::BigInt],
        format!("UPDATE discount_uses {}", off("?")),
        &format!("UPDATE discount_uses {}", off("bound.c")),
    )
}

/// Moves the parts of orders into the archive, or back out of it.
fn side_of<E: EntityTrait>() -> FixedStatement {
    let table = table_of::<E>();
    FixedStatement::new(
        Effect::Write,
        [Kind::Uuid, Kind::Bool],
        format!("UPDATE {table} SET archived = ?2 WHERE {table}.order_id = ?1"),
        &format!("UPDATE {table} SET archived = bound.c2 FROM {{bound}} WHERE {table}.order_id = bound.c1"),
    )
}

/// Sets when a job runs next, whose row is locked.
fn job_of(table: &str) -> FixedStatement {
    let set = |mark: &str| format!("run_at = {mark}2, attempts = {mark}3, lease_until = {mark}4");
    FixedStatement::new(
        Effect::WriteEach,
        [Kind::Uuid, Kind::BigInt, Kind::BigInt, Kind::BigInt],
        format!("UPDATE {table} SET {} WHERE id = ?1", set("?")),
        &format!("UPDATE {table} SET {} FROM {{bound}} WHERE {table}.id = bound.c1", set("bound.c")),
    )
}
