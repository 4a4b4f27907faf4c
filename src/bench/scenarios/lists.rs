//! The first page of each list of orders and of what belongs to them, without a filter and with those that the tables below name.

use std::collections::BTreeMap;
use std::sync::Arc;

use tonic::Status;

use crate::bench::caller::lists::List;
use crate::bench::caller::{Caller, unexpected};
use crate::bench::driver::Operation;
use crate::bench::tally::Tally;
use crate::domain::Timestamp;
use crate::pb::StuckGate;

/// One way to ask for a list.
#[derive(Debug, Clone, Copy)]
pub(in crate::bench) struct Asked {
    name: &'static str,
    list: List,
    /// What stands in braces comes from an order that is there.
    filter: &'static str,
    order_by: &'static str,
    of: Of,
    finds: Finds,
}

/// Which orders the values come from: those that the bench has just placed, or those that it has in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Day,
    Archive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finds {
    /// What is asked for is there, so that an empty page is a wrong one.
    Something,
    Perhaps,
}

/// What is asked of the orders of the day, archived ones or not.
const fn day(name: &'static str, list: List, filter: &'static str) -> Asked {
    Asked { name, list, filter, order_by: "", of: Of::Day, finds: Finds::Something }
}

/// What is asked where orders are in the archive.
const fn archive(name: &'static str, list: List, filter: &'static str) -> Asked {
    Asked { name, list, filter, order_by: "", of: Of::Archive, finds: Finds::Something }
}

impl Asked {
    const fn by(self, order_by: &'static str) -> Self {
        Self { order_by, ..self }
    }

    const fn perhaps(self) -> Self {
        Self { finds: Finds::Perhaps, ..self }
    }
}

const ORDERS: &[Asked] = &[
    day("ListOrders", List::Orders, ""),
    day("ListOrders by number", List::Orders, "").by("number"),
    day("ListOrders by number desc", List::Orders, "").by("number desc"),
    day("ListOrders by update_time", List::Orders, "").by("update_time"),
    day("ListOrders by update_time desc", List::Orders, "").by("update_time desc"),
    day("ListOrders by create_time", List::Orders, "").by("create_time"),
    day("ListOrders: state", List::Orders, "state = FULFILLING"),
    day("ListOrders: state, none", List::Orders, "state = AWAITING_STOCK").perhaps(),
    day("ListOrders: state IN", List::Orders, "state IN (FULFILLING, INVOICED, RECEIVED)"),
    day("ListOrders: channel", List::Orders, "channel = ONLINE"),
    day("ListOrders: channel, state", List::Orders, "channel = ONLINE AND state = FULFILLING"),
    day("ListOrders: region", List::Orders, "region = \"{region}\""),
    day("ListOrders: customer_email", List::Orders, "customer_email = \"{email}\""),
    day("ListOrders: customer_name", List::Orders, "customer_name = \"{name}\""),
    day("ListOrders: customer_name*", List::Orders, "customer_name = \"customer*\""),
    day("ListOrders: customer_phone", List::Orders, "customer_phone = \"{phone}\""),
    day("ListOrders: customer_id", List::Orders, "customer_id = cus_01h455vb4pex5vsknk084sn02q").perhaps(),
    day("ListOrders: sku", List::Orders, "sku = \"{sku}\""),
    day("ListOrders: external_reference", List::Orders, "external_reference = \"{reference}\""),
    day("ListOrders: number", List::Orders, "number = {number}"),
    day("ListOrders: payment_status", List::Orders, "payment_status = PAID"),
    day("ListOrders: fulfillment_status", List::Orders, "fulfillment_status = UNFULFILLED").perhaps(),
    day("ListOrders: next_step", List::Orders, "next_step = PREPARE_ORDER").perhaps(),
    day("ListOrders: on_hold", List::Orders, "on_hold = true").perhaps(),
    day("ListOrders: on_hold, not", List::Orders, "on_hold = false"),
    day("ListOrders: hold_reason", List::Orders, "hold_reason = OTHER").perhaps(),
    day("ListOrders: open_change", List::Orders, "open_change = DRAFT").perhaps(),
    day("ListOrders: waiting", List::Orders, "waiting = REST").perhaps(),
    day("ListOrders: labels", List::Orders, "labels.team = blue").perhaps(),
    day("ListOrders: late", List::Orders, "late = true").perhaps(),
    day("ListOrders: late, not", List::Orders, "late = false"),
    day("ListOrders: create_time >", List::Orders, "create_time >= \"{time}\""),
    day("ListOrders: create_time <", List::Orders, "create_time < \"{time}\"").perhaps(),
    day("ListOrders: update_time >", List::Orders, "update_time >= \"{time}\""),
    day("ListOrders: archived, not", List::Orders, "archived = false"),
    archive("ListOrders: archived", List::Orders, "archived = true"),
    archive("ListOrders: archived by number", List::Orders, "archived = true").by("number desc"),
    archive(
        "ListOrders: archived, customer_email",
        List::Orders,
        "archived = true AND customer_email = \"{email}\"",
    ),
    archive(
        "ListOrders: archived, customer_name",
        List::Orders,
        "archived = true AND customer_name = \"{name}\"",
    ),
    archive("ListOrders: archived, sku", List::Orders, "archived = true AND sku = \"{sku}\""),
    archive("ListOrders: archived, region", List::Orders, "archived = true AND region = \"{region}\""),
    archive("ListOrders: archived, number", List::Orders, "archived = true AND number = {number}"),
    archive(
        "ListOrders: archived, payment_status",
        List::Orders,
        "archived = true AND payment_status = REFUNDED",
    )
    .perhaps(),
    archive(
        "ListOrders: archived, create_time",
        List::Orders,
        "archived = true AND create_time < \"{time}\"",
    ),
    archive(
        "ListOrders: archived, channel, state",
        List::Orders,
        "archived = true AND channel = ONLINE AND state = ARCHIVED",
    ),
];

const MONEY: &[Asked] = &[
    day("ListInvoices", List::Invoices, ""),
    day("ListInvoices: state", List::Invoices, "state = PAID"),
    day("ListInvoices: series", List::Invoices, "series = \"{series}\""),
    day(
        "ListInvoices: series, number",
        List::Invoices,
        "series = \"{series}\" AND number = {invoice_number}",
    ),
    day("ListInvoices: order_id", List::Invoices, "order_id = {order}"),
    day("ListInvoices: create_time", List::Invoices, "create_time >= \"{time}\""),
    day("ListInvoices: archived, not", List::Invoices, "archived = false"),
    archive("ListInvoices: archived", List::Invoices, "archived = true"),
    archive("ListInvoices: archived, state", List::Invoices, "archived = true AND state = PAID"),
    archive("ListInvoices: archived, order_id", List::Invoices, "archived = true AND order_id = {order}"),
    day("ListCreditNotes", List::CreditNotes, "").perhaps(),
    day("ListCreditNotes: invoice_id", List::CreditNotes, "invoice_id = {invoice}").perhaps(),
    day("ListCreditNotes: order_id", List::CreditNotes, "order_id = {order}").perhaps(),
    day("ListCreditNotes: archived, not", List::CreditNotes, "archived = false").perhaps(),
    archive("ListCreditNotes: archived", List::CreditNotes, "archived = true").perhaps(),
    day("ListPayments", List::Payments, ""),
    day("ListPayments: state", List::Payments, "state = CAPTURED"),
    day("ListPayments: method", List::Payments, "method = CARD"),
    day("ListPayments: method, state", List::Payments, "method = CARD AND state = CAPTURED"),
    day("ListPayments: reference", List::Payments, "reference = \"STATEMENT-7\"").perhaps(),
    day("ListPayments: invoice_id", List::Payments, "invoice_id = {invoice}"),
    day("ListPayments: order_id", List::Payments, "order_id = {order}"),
    day("ListPayments: create_time", List::Payments, "create_time >= \"{time}\""),
    day("ListPayments: archived, not", List::Payments, "archived = false"),
    archive("ListPayments: archived", List::Payments, "archived = true"),
    archive("ListPayments: archived, method", List::Payments, "archived = true AND method = CARD"),
    day("ListRefunds", List::Refunds, "").perhaps(),
    day("ListRefunds: state", List::Refunds, "state = PENDING").perhaps(),
    day("ListRefunds: payment_id", List::Refunds, "payment_id = {payment}").perhaps(),
    day("ListRefunds: order_id", List::Refunds, "order_id = {order}").perhaps(),
    day("ListRefunds: archived, not", List::Refunds, "archived = false").perhaps(),
    archive("ListRefunds: archived", List::Refunds, "archived = true"),
    archive("ListRefunds: archived, state", List::Refunds, "archived = true AND state = SUCCEEDED"),
];

const GOODS: &[Asked] = &[
    day("ListShipments", List::Shipments, ""),
    day("ListShipments: state", List::Shipments, "state = PLANNED"),
    day("ListShipments: location", List::Shipments, "location = \"{location}\""),
    day("ListShipments: location, state", List::Shipments, "location = \"{location}\" AND state = PLANNED"),
    day("ListShipments: courier", List::Shipments, "courier = \"bench-courier\"").perhaps(),
    day("ListShipments: tracking_number", List::Shipments, "tracking_number = CSG7").perhaps(),
    day("ListShipments: lot", List::Shipments, "lot = \"LOT-7\"").perhaps(),
    day("ListShipments: late", List::Shipments, "late = true").perhaps(),
    day("ListShipments: order_id", List::Shipments, "order_id = {order}"),
    day("ListShipments: create_time", List::Shipments, "create_time >= \"{time}\""),
    day("ListShipments: archived, not", List::Shipments, "archived = false"),
    archive("ListShipments: archived", List::Shipments, "archived = true"),
    archive("ListShipments: archived, state", List::Shipments, "archived = true AND state = DELIVERED"),
    archive(
        "ListShipments: archived, courier",
        List::Shipments,
        "archived = true AND courier = \"bench-courier\"",
    ),
    archive("ListShipments: archived, tracking_number", List::Shipments, "tracking_number = \"{tracking}\""),
    day("ListTrackingEvents", List::TrackingEvents, "{shipment}").perhaps(),
    archive("ListTrackingEvents: archived", List::TrackingEvents, "{shipment}").perhaps(),
    day("ListReservations", List::Reservations, ""),
    day("ListReservations: state", List::Reservations, "state = CONFIRMED").perhaps(),
    day("ListReservations: order_id", List::Reservations, "order_id = {order}"),
    day("ListReservations: create_time", List::Reservations, "create_time >= \"{time}\""),
    day("ListStockMovements", List::Movements, ""),
    day("ListStockMovements: sku", List::Movements, "sku = \"{sku}\""),
    day("ListStockMovements: location", List::Movements, "location = \"{location}\""),
    day("ListStockMovements: kind", List::Movements, "kind = RECEIPT"),
    day("ListStockMovements: order_id", List::Movements, "order_id = {order}"),
    day("ListStockMovements: create_time", List::Movements, "create_time >= \"{time}\""),
    day("ListReturns", List::Returns, "").perhaps(),
    day("ListReturns: state", List::Returns, "state = REQUESTED").perhaps(),
    day("ListReturns: order_id", List::Returns, "order_id = {order}").perhaps(),
    archive("ListReturns: archived", List::Returns, "archived = true").perhaps(),
];

const PEOPLE: &[Asked] = &[
    day("ListApprovals", List::Approvals, ""),
    day("ListApprovals: state", List::Approvals, "state = AUTO_APPROVED"),
    day("ListApprovals: state, none", List::Approvals, "state = PENDING").perhaps(),
    day("ListApprovals: gate", List::Approvals, "gate = PAYMENT"),
    day("ListApprovals: gate, state", List::Approvals, "gate = PAYMENT AND state = AUTO_APPROVED"),
    day("ListApprovals: order_id", List::Approvals, "order_id = {order}"),
    day("ListApprovals: create_time", List::Approvals, "create_time >= \"{time}\""),
    day("ListApprovals: archived, not", List::Approvals, "archived = false"),
    archive("ListApprovals: archived", List::Approvals, "archived = true"),
    archive("ListApprovals: archived, gate", List::Approvals, "archived = true AND gate = PAYMENT"),
    day("ListMessages", List::Messages, ""),
    day("ListMessages: state", List::Messages, "state = SENT").perhaps(),
    day("ListMessages: state, none", List::Messages, "state = FAILED").perhaps(),
    day("ListMessages: kind", List::Messages, "kind = ORDER_CANCELLED").perhaps(),
    day("ListMessages: order_id", List::Messages, "order_id = {order}"),
    day("ListMessages: create_time", List::Messages, "create_time >= \"{time}\""),
    day("ListMessages: archived, not", List::Messages, "archived = false"),
    archive("ListMessages: archived", List::Messages, "archived = true"),
    archive(
        "ListMessages: archived, kind, state",
        List::Messages,
        "archived = true AND kind = ORDER_CANCELLED AND state = SENT",
    )
    .perhaps(),
    day("ListFeedback", List::Feedback, "").perhaps(),
    day("ListFeedback: state", List::Feedback, "state = SUBMITTED").perhaps(),
    day("ListFeedback: delivery_rating", List::Feedback, "delivery_rating IN (1, 2)").perhaps(),
    day("ListFeedback: product_rating", List::Feedback, "product_rating = 5").perhaps(),
    day("ListFeedback: courier", List::Feedback, "courier = \"bench-courier\"").perhaps(),
    day("ListFeedback: order_id", List::Feedback, "order_id = {order}").perhaps(),
    day("ListFeedback: submit_time", List::Feedback, "submit_time < \"{time}\"").perhaps(),
    day("ListFeedback: archived, not", List::Feedback, "archived = false").perhaps(),
    archive("ListFeedback: archived", List::Feedback, "archived = true"),
    archive("ListFeedback: archived, rating", List::Feedback, "archived = true AND delivery_rating = 1"),
    archive(
        "ListFeedback: archived, courier",
        List::Feedback,
        "archived = true AND courier = \"bench-courier\"",
    ),
    archive(
        "ListFeedback: archived, submit_time",
        List::Feedback,
        "archived = true AND submit_time < \"{time}\"",
    ),
    day("ListFollowUps", List::FollowUps, "").perhaps(),
    day("ListFollowUps: state", List::FollowUps, "state = OPEN").perhaps(),
    day("ListFollowUps: order_id", List::FollowUps, "order_id = {order}").perhaps(),
    archive("ListFollowUps: archived", List::FollowUps, "archived = true"),
    archive("ListFollowUps: archived, state", List::FollowUps, "archived = true AND state = OPEN"),
    day("ListStuckOrders", List::StuckOrders(StuckGate::Unspecified), "").perhaps(),
    day("ListStuckOrders at a gate", List::StuckOrders(StuckGate::Hold), "").perhaps(),
    day("ListOrderChanges", List::OrderChanges, "{order}").perhaps(),
];

/// Values to filter by, of one order: `email`, `number` and so on.
pub(in crate::bench) type Values = BTreeMap<&'static str, String>;

/// The values of this order; beside them the phone of a customer, and a time before which orders were there already.
pub(in crate::bench) async fn values_of(
    caller: &Caller,
    id: &str,
    phone: &str,
    time: Timestamp,
) -> Result<Values, Status> {
    let order = caller.order(id).await?;
    let invoice = caller.invoices(format!("order_id = {id}"), 1).await?.into_iter().next();
    let invoice = invoice.ok_or_else(|| unexpected("NO_INVOICE"))?;
    let shipment = caller.shipments(format!("order_id = {id}"), 1).await?.into_iter().next();
    let shipment = shipment.ok_or_else(|| unexpected("NO_SHIPMENT"))?;
    let customer = order.customer.unwrap_or_default();
    Ok(Values::from([
        ("order", order.id),
        ("number", order.number),
        ("reference", order.external_reference),
        ("region", order.region),
        ("email", customer.email),
        ("name", customer.name),
        ("phone", phone.to_owned()),
        ("time", time.to_string()),
        ("sku", order.lines.into_iter().next().map(|it| it.sku).unwrap_or_default()),
        ("payment", order.payment_ids.into_iter().next().unwrap_or_default()),
        ("invoice", invoice.id),
        ("series", invoice.series),
        ("invoice_number", invoice.series_number.to_string()),
        ("shipment", shipment.id),
        ("location", shipment.location),
        ("tracking", shipment.label.map(|it| it.tracking_number).unwrap_or_default()),
    ]))
}

/// One way of asking after the other, so that each is measured equally often.
pub(in crate::bench) struct Lists {
    asked: Vec<Asked>,
    day: Vec<Values>,
    archive: Vec<Values>,
}

impl Lists {
    /// Without an order in the archive nothing is asked that needs one.
    pub(in crate::bench) fn of(day: Vec<Values>, archive: Vec<Values>) -> Arc<Self> {
        let all = [ORDERS, MONEY, GOODS, PEOPLE].into_iter().flatten().copied();
        let asked = all.filter(|it| it.of == Of::Day || !archive.is_empty()).collect();
        Arc::new(Self { asked, day, archive })
    }

    /// How many ways of asking there are.
    pub(in crate::bench) fn count(&self) -> u64 {
        self.asked.len() as u64
    }
}

impl Operation for Lists {
    const NAME: &'static str = "lists";

    async fn run(&self, caller: &Caller, number: u64, tally: &Tally) -> Result<(), Status> {
        let turn = usize::try_from(number % self.count().max(1)).unwrap_or(0);
        let asked = self.asked.get(turn).ok_or_else(|| unexpected("NOTHING_TO_ASK"))?;
        let Asked { name, list, filter, order_by, of, finds } = *asked;
        let values = match of {
            Of::Day => &self.day,
            Of::Archive => &self.archive,
        };
        let values = fastrand::choice(values).ok_or_else(|| unexpected("NO_ORDERS"))?;
        let found = tally.time(name, caller.page(list, filled(filter, values), order_by)).await?;
        match finds {
            Finds::Something if found == 0 => Err(unexpected(name)),
            Finds::Something | Finds::Perhaps => Ok(()),
        }
    }
}

/// The filter with the values of an order.
fn filled(filter: &str, values: &Values) -> String {
    let mut filled = filter.to_owned();
    for (name, value) in values {
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> impl Iterator<Item = &'static Asked> {
        [ORDERS, MONEY, GOODS, PEOPLE].into_iter().flatten()
    }

    #[test]
    fn every_way_of_asking_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = all().map(|it| it.name).collect();
        assert_eq!(names.len(), all().count());
    }

    #[test]
    fn orders_are_asked_for_by_every_field_that_their_list_documents() {
        let proto = include_str!("../../../proto/consign/v1/order.proto");
        let (_, request) = proto.split_once("message ListOrdersRequest {").unwrap();
        let (_, fields) = request.split_once("Fields:").unwrap();
        let (fields, _) = fields.split_once("string filter").unwrap();
        let is_field =
            |it: &&str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_lowercase() || it == b'_');
        // Words in backticks; what is no field stands there with a sign, in capitals, or is named here.
        let named: BTreeSet<&str> = fields.split('`').skip(1).step_by(2).filter(is_field).collect();
        let asked = |field: &str| ORDERS.iter().any(|it| it.filter.contains(&format!("{field} ")));
        let beside = ["slips", "ss"];
        let missing: Vec<_> = named.iter().filter(|it| !beside.contains(it) && !asked(it)).collect();
        assert_eq!(missing, Vec::<&&str>::new());
        assert!(named.len() > 15, "{named:?}");
    }

    #[test]
    fn what_stands_in_braces_comes_from_an_order() {
        let values = Values::from([("number", "7".to_owned()), ("email", "ann@example.com".to_owned())]);
        assert_eq!(filled("number = {number}", &values), "number = 7");
        assert_eq!(filled("customer_email = \"{email}\"", &values), "customer_email = \"ann@example.com\"");
        assert_eq!(filled("late = true", &values), "late = true");
    }

    #[test]
    fn nothing_is_asked_of_an_archive_that_is_empty() {
        let values = vec![Values::new()];
        let (without, with) = (Lists::of(values.clone(), Vec::new()), Lists::of(values.clone(), values));
        assert!(without.asked.iter().all(|it| it.of == Of::Day));
        assert!(with.count() > without.count());
        assert_eq!(with.count() as usize, all().count());
    }
}
