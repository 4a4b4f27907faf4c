//! What is still to be erased of persons whose documents are: the traces that they left in other tables.

use std::sync::LazyLock;

use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::domain::{CustomerAccount, Order, PersonNames};
use crate::store::connection::statement::{Effect, FixedStatement, Kind};
use crate::store::rows::parts::carrier_labels;
use crate::store::rows::statements::{Fixed, Writes, delete, upsert};
use crate::store::rows::table::{Record, table};

table! {
    "erasure_traces" as erasure_traces (subject: Uuid) {
        is_order: bool,
        history_left: bool,
        names: Vec<u8>,
    }
}

// Erasing is rare, so no connection prepares these beforehand.
static NOTE_TRACES: Fixed = LazyLock::new(|| {
    use erasure_traces::{Column, Entity};
    upsert::<Entity>(&[Column::IsOrder, Column::HistoryLeft, Column::Names])
});

static DELETE_LABEL_FILES: Fixed =
    LazyLock::new(|| delete::<carrier_labels::Entity>(&[carrier_labels::Column::Sha256], Effect::Write));

/// Of a customer whose every use of a code is taken off: the key of the row is a hash of their address.
static DELETE_EMPTY_USES: Fixed = LazyLock::new(|| {
    let is = |mark: &str| {
        format!(
            "discount_uses.code = {mark}1 AND discount_uses.customer = {mark}2 AND discount_uses.redeemed = 0 \
            AND discount_uses.given_back = 0 AND discount_uses.drawn_minor = 0"
        )
    };
    FixedStatement::new(
        Effect::Write,
        [Kind::Text, Kind::Text],
        format!("DELETE FROM discount_uses WHERE {}", is("?")),
        &format!("DELETE FROM discount_uses USING {{bound}} WHERE {}", is("bound.c")),
    )
});

/// What follows for other tables from orders whose customer's data this group erases: after their own rows.
pub(in crate::store) fn of_orders(writes: &mut Writes, orders: &[(Option<&Order>, &Order)]) {
    let (mut traces, mut files, mut uses) = (Vec::new(), Vec::new(), Vec::new());
    for (before, after) in orders {
        let Some(before) = before.filter(|it| erases(it, after)) else { continue };
        traces.push(row(after.id.0, true, &PersonNames::of(&before.customer)));
        let labels = before.shipments.iter().flat_map(|it| &it.carrier_labels);
        files.extend(labels.filter(|it| !it.sha256.is_empty()).map(|it| vec![it.sha256.clone().into()]));
        if let Some(redemption) = &before.redemption
            && let Some(customer) = &redemption.customer
        {
            uses.push(vec![redemption.code.clone().into(), customer.key.clone().into()]);
        }
    }
    put(writes, traces);
    writes.put(&DELETE_LABEL_FILES, files);
    writes.put(&DELETE_EMPTY_USES, uses);
}

/// Whether data goes with this change: the customer's, or what the law had kept. A legal hold merely puts that off.
pub(super) fn erases(before: &Order, after: &Order) -> bool {
    match (&before.erased, &after.erased) {
        (None, Some(_)) => true,
        (Some(before), Some(after)) => before.kept_until.is_some() && after.kept_until.is_none(),
        (None | Some(_), None) => false,
    }
}

/// The same of customers.
pub(in crate::store) fn of_customers<'a>(
    writes: &mut Writes,
    customers: impl Iterator<Item = (Option<&'a CustomerAccount>, &'a CustomerAccount)>,
) {
    let erased = customers.filter_map(|(before, after)| {
        let before = before.filter(|it| it.erased != after.erased)?;
        Some(row(after.id.0, false, &PersonNames::of(&before.contact)))
    });
    put(writes, erased.collect());
}

fn row(subject: Uuid, is_order: bool, names: &PersonNames) -> erasure_traces::Model {
    erasure_traces::Model { subject, is_order, history_left: true, names: names.to_bytes() }
}

fn put(writes: &mut Writes, rows: Vec<erasure_traces::Model>) {
    writes.put(&NOTE_TRACES, rows.into_iter().map(Record::values).collect());
}
