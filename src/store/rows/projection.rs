//! What the tables around the orders have of them: rows made from parts, and what of them differs.

use crate::domain::{
    ApprovalState, InvoiceState, Means, Method, Order, OrderId, Refund, Reservation, bank_reference_key,
};
use crate::store::connection::statement::Ask;
use crate::store::rows::feedback::{self as said, feedback, feedback_lines, feedback_reasons, follow_ups};
use crate::store::rows::parts::{
    self, approvals, credit_note_numbers, credit_notes, holds, invoice_numbers, invoices, messages,
    order_lines, order_waits, payment_references, payments, refunds, shipment_lots, shipments,
    tracking_numbers,
};
use crate::store::rows::reservation::{self, reservation_items, reservations};
use crate::store::rows::returns::{self as come_back, returns};
use crate::store::rows::statements::Writes;
use crate::store::rows::table::Record;
use crate::store::rows::terms::{self, order_terms};
use crate::store::rows::writes;

/// Rows of the parts of orders, table by table.
#[derive(Debug, Default, PartialEq)]
pub(in crate::store) struct Projection {
    pub(in crate::store) lines: Vec<order_lines::Model>,
    pub(in crate::store) waits: Vec<order_waits::Model>,
    pub(in crate::store) terms: Vec<order_terms::Model>,
    pub(in crate::store) holds: Vec<holds::Model>,
    pub(in crate::store) approvals: Vec<approvals::Model>,
    pub(in crate::store) messages: Vec<messages::Model>,
    pub(in crate::store) feedback: Vec<feedback::Model>,
    pub(in crate::store) feedback_lines: Vec<feedback_lines::Model>,
    pub(in crate::store) feedback_reasons: Vec<feedback_reasons::Model>,
    pub(in crate::store) follow_ups: Vec<follow_ups::Model>,
    pub(in crate::store) invoices: Vec<invoices::Model>,
    pub(in crate::store) credit_notes: Vec<credit_notes::Model>,
    pub(in crate::store) payments: Vec<payments::Model>,
    pub(in crate::store) refunds: Vec<refunds::Model>,
    pub(in crate::store) shipments: Vec<shipments::Model>,
    pub(in crate::store) returns: Vec<returns::Model>,
    pub(in crate::store) numbers: Vec<tracking_numbers::Model>,
    pub(in crate::store) lots: Vec<shipment_lots::Model>,
    pub(in crate::store) reservations: Vec<reservations::Model>,
    pub(in crate::store) items: Vec<reservation_items::Model>,
}

/// Rows that are gone, by the keys of those that have no part behind them any more.
#[derive(Debug, Default)]
pub(super) struct Gone {
    pub(super) lines: Vec<(OrderId, i32)>,
    pub(super) waits: Vec<order_waits::Model>,
    pub(super) terms: Vec<order_terms::Model>,
    pub(super) numbers: Vec<tracking_numbers::Model>,
    pub(super) lots: Vec<shipment_lots::Model>,
}

/// What a group changes of the projection, and of the registers that outlive the orders.
#[derive(Debug, Default)]
pub(in crate::store) struct Changes {
    pub(super) rows: Projection,
    pub(super) gone: Gone,
    pub(super) numbers: Vec<invoice_numbers::Model>,
    pub(super) credit_numbers: Vec<credit_note_numbers::Model>,
    pub(super) references: Vec<payment_references::Model>,
    /// Orders that go into the archive (true) or come back out of it, whose parts move with them.
    pub(super) moved: Vec<(OrderId, bool)>,
}

impl Projection {
    /// All rows of one order.
    pub(in crate::store) fn of(order: &Order) -> Self {
        let mut changes = Changes::default();
        changes.add(None, order);
        changes.rows
    }

    /// The same rows in the order of their keys.
    pub(in crate::store) fn sorted(mut self) -> Self {
        self.lines.sort_by_key(|it| it.number);
        self.waits.sort_by(|one, other| one.sku.cmp(&other.sku));
        self.terms.sort_by(|one, other| (&one.field, &one.term).cmp(&(&other.field, &other.term)));
        self.holds.sort_by_key(|it| it.id);
        self.approvals.sort_by_key(|it| it.id);
        self.messages.sort_by_key(|it| it.id);
        self.feedback_lines.sort_by_key(|it| it.number);
        self.feedback_reasons.sort_by_key(|it| (it.number, it.reason));
        self.follow_ups.sort_by_key(|it| it.id);
        self.invoices.sort_by_key(|it| it.id);
        self.credit_notes.sort_by_key(|it| it.id);
        self.payments.sort_by_key(|it| it.id);
        self.refunds.sort_by_key(|it| it.id);
        self.shipments.sort_by_key(|it| it.id);
        self.returns.sort_by_key(|it| it.id);
        self.numbers.sort_by(|one, other| (&one.courier, &one.number).cmp(&(&other.courier, &other.number)));
        self.lots.sort_by(|one, other| {
            (one.shipment_id, one.line, &one.lot).cmp(&(other.shipment_id, other.line, &other.lot))
        });
        self.reservations.sort_by_key(|it| it.id);
        self.items.sort_by_key(|it| (it.reservation_id, it.number));
        self
    }
}

impl Changes {
    /// Adds what differs between an order as it was stored (None: it is new) and as it is from now on.
    pub(in crate::store) fn add(&mut self, before: Option<&Order>, after: &Order) {
        self.add_rows(before, after);
        self.add_references(before, after);
    }

    /// The same of the rows: of a sealed order, what stands in the open.
    pub(in crate::store) fn add_rows(&mut self, before: Option<&Order>, after: &Order) {
        if before.is_some_and(|it| it.is_archived() != after.is_archived()) {
            self.moved.push((after.id, after.is_archived()));
        }
        let rows = &mut self.rows;
        let lines = |it: &Order| -> Vec<_> { it.lines.iter().map(|line| parts::line(it, line)).collect() };
        let (old, new) = (before.map(lines).unwrap_or_default(), lines(after));
        let gone = old.iter().filter(|it| !new.iter().any(|new| new.number == it.number));
        self.gone.lines.extend(gone.map(|it| (it.order_id, it.number)));
        rows.lines.extend(new.into_iter().filter(|it| !old.contains(it)));

        let (old, new) = (before.map(parts::waits).unwrap_or_default(), parts::waits(after));
        self.gone.waits.extend(old.iter().filter(|it| !new.iter().any(|new| new.sku == it.sku)).cloned());
        rows.waits.extend(new.into_iter().filter(|it| !old.contains(it)));

        let (old, new) = (before.map(terms::of_order).unwrap_or_default(), terms::of_order(after));
        self.gone.terms.extend(old.iter().filter(|it| !new.contains(it)).cloned());
        rows.terms.extend(new.into_iter().filter(|it| !old.contains(it)));

        let both = (before, after);
        differing(&mut rows.holds, both, |it| &it.holds, |it| it.id, parts::hold);
        differing(&mut rows.approvals, both, |it| &it.approvals, |it| it.id, parts::approval);
        differing(&mut rows.messages, both, |it| &it.messages, |it| it.id, parts::message);
        differing(&mut rows.feedback, both, |it| it.feedback.as_slice(), |_| (), said::feedback_row);
        differing(&mut rows.follow_ups, both, |it| it.follow_up.as_slice(), |it| it.id, said::follow_up);
        // Nothing is taken back that a customer said.
        let (old, new) = (before.map(said::lines).unwrap_or_default(), said::lines(after));
        rows.feedback_lines.extend(new.into_iter().filter(|it| !old.contains(it)));
        let (old, new) = (before.map(said::reasons).unwrap_or_default(), said::reasons(after));
        rows.feedback_reasons.extend(new.into_iter().filter(|it| !old.contains(it)));
        differing(&mut rows.returns, both, |it| &it.returns, |it| it.id, come_back::row);
        differing(&mut rows.shipments, both, |it| &it.shipments, |it| it.id, parts::shipment);
        differing(
            &mut rows.reservations,
            both,
            |it| &it.reservations,
            |it| it.id,
            |_, it| reservation::of_order(it),
        );
        // A number that another package has now is taken from the first one: never changed in its place, so that the
        // schema sees one that is given twice.
        let (old, new) = (before.map(parts::numbers).unwrap_or_default(), parts::numbers(after));
        self.gone.numbers.extend(old.iter().filter(|it| !new.contains(it)).cloned());
        rows.numbers.extend(new.into_iter().filter(|it| !old.contains(it)));
        for reservation in &after.reservations {
            let old = before.and_then(|it| it.reservations.iter().find(|it| it.id == reservation.id));
            add_items(&mut rows.items, old, reservation);
        }
        self.add_lots(before, after);
        self.add_billing(before, after);
    }

    fn add_lots(&mut self, before: Option<&Order>, after: &Order) {
        let (old, new) = (before.map(parts::lots).unwrap_or_default(), parts::lots(after));
        let is = |one: &shipment_lots::Model, other: &shipment_lots::Model| {
            (one.shipment_id, one.line, &one.lot) == (other.shipment_id, other.line, &other.lot)
        };
        self.gone.lots.extend(old.iter().filter(|it| !new.iter().any(|new| is(new, it))).cloned());
        self.rows.lots.extend(new.into_iter().filter(|it| !old.contains(it)));
    }

    /// References of bank transfers that are to be registered, whether they stand in the open or not.
    pub(in crate::store) fn add_references(&mut self, before: Option<&Order>, after: &Order) {
        let old_payments = of(before, |it| &it.payments);
        let transfers = after.payments.iter().filter(|it| it.method == Method::BankTransfer);
        // What stands in the place of a reference that was erased is none.
        for payment in transfers.filter(|_| after.erased.is_none()) {
            let Means::ByHand { reference, .. } = &payment.means else { continue };
            let is_new = !old_payments.iter().any(|it| it.id == payment.id && it.means == payment.means);
            // Nor is what stands in the open for one that is sealed.
            if is_new && *reference != payment.id.to_string() {
                // Noted for good; the number of a cash receipt may come twice.
                self.references.push(payment_references::Model {
                    method: payment.method,
                    reference: bank_reference_key(reference),
                    payment_id: payment.id,
                    order_id: payment.order,
                });
            }
        }
    }

    fn add_billing<'a>(&mut self, before: Option<&'a Order>, after: &'a Order) {
        let old_invoices = of(before, |it| &it.invoices);
        let is_new = |id| !old_invoices.iter().any(|it| it.id == id);
        self.numbers.extend(after.invoices.iter().filter(|it| is_new(it.id)).map(parts::invoice_number));
        let old_notes = of(before, |it| &it.credit_notes);
        let is_new = |id| !old_notes.iter().any(|it| it.id == id);
        let new_notes = after.credit_notes.iter().filter(|it| is_new(it.id));
        self.credit_numbers.extend(new_notes.map(parts::credit_note_number));
        let (rows, both) = (&mut self.rows, (before, after));
        differing(&mut rows.invoices, both, |it| &it.invoices, |it| it.id, parts::invoice);
        differing(&mut rows.credit_notes, both, |it| &it.credit_notes, |it| it.id, parts::credit_note);
        differing(&mut rows.payments, both, |it| &it.payments, |it| it.id, parts::payment);
        for id in after.payments.iter().map(|it| it.id) {
            let of_payment = |it: &'a Order| -> &'a [Refund] {
                it.payments.iter().find(|it| it.id == id).map(|it| it.refunds.as_slice()).unwrap_or_default()
            };
            differing(&mut rows.refunds, both, of_payment, |it| it.id, parts::refund);
        }
    }

    /// Items of another caller's reservation.
    pub(in crate::store) fn add_items(&mut self, before: Option<&Reservation>, after: &Reservation) {
        add_items(&mut self.rows.items, before, after);
    }

    /// Writes it: what others point to first, and of a table with one open row per order, first what makes room.
    pub(in crate::store) fn write(self, writes: &mut Writes) {
        let Self { rows, gone, numbers, credit_numbers, references, moved } = self;
        let Projection {
            lines,
            waits,
            terms,
            holds,
            mut approvals,
            messages,
            feedback,
            feedback_lines,
            feedback_reasons,
            follow_ups,
            mut invoices,
            credit_notes,
            mut payments,
            refunds,
            shipments,
            returns,
            numbers: tracking_numbers,
            lots,
            mut reservations,
            items,
        } = rows;
        approvals.sort_by_key(|it| it.state == ApprovalState::Pending);
        invoices.sort_by_key(|it| it.state != InvoiceState::Void);
        payments.sort_by_key(|it| it.request.is_some());
        reservations.sort_by_key(|it| it.state.is_open());

        let lines_gone = gone.lines.into_iter().map(|(order, number)| vec![order.into(), number.into()]);
        let waits_gone = gone.waits.into_iter().map(|it| vec![it.order_id.into(), it.sku.into()]);
        writes.put(&writes::DELETE_LINES, lines_gone.collect());
        writes.put(&writes::DELETE_WAITS, waits_gone.collect());
        let terms_gone = gone.terms.into_iter();
        let terms_gone =
            terms_gone.map(|it| vec![it.field.into(), it.term.into(), it.archived.into(), it.listed.into()]);
        writes.put(&writes::DELETE_TERMS, terms_gone.collect());
        let numbers_gone = gone.numbers.into_iter().map(|it| vec![it.courier.into(), it.number.into()]);
        writes.put(&writes::DELETE_NUMBERS, numbers_gone.collect());
        let lots_gone = gone.lots.into_iter();
        let lots_gone = lots_gone.map(|it| vec![it.shipment_id.into(), it.line.into(), it.lot.into()]);
        writes.put(&writes::DELETE_SHIPMENT_LOTS, lots_gone.collect());
        writes.put(&writes::UPSERT_LINES, values(lines));
        writes.put(&writes::UPSERT_WAITS, values(waits));
        writes.put(&writes::ADD_TERMS, values(terms));
        writes.put(&writes::UPSERT_HOLDS, values(holds));
        writes.put(&writes::UPSERT_APPROVALS, values(approvals));
        writes.put(&writes::UPSERT_MESSAGES, values(messages));
        writes.put(&writes::UPSERT_FEEDBACK, values(feedback));
        writes.put(&writes::UPSERT_FEEDBACK_LINES, values(feedback_lines));
        writes.put(&writes::UPSERT_FEEDBACK_REASONS, values(feedback_reasons));
        writes.put(&writes::UPSERT_FOLLOW_UPS, values(follow_ups));
        writes.put(&writes::ADD_INVOICE_NUMBERS, values(numbers));
        writes.put(&writes::UPSERT_INVOICES, values(invoices));
        writes.put(&writes::ADD_CREDIT_NOTE_NUMBERS, values(credit_numbers));
        writes.put(&writes::UPSERT_CREDIT_NOTES, values(credit_notes));
        writes.put(&writes::ADD_PAYMENT_REFERENCES, values(references));
        writes.put(&writes::UPSERT_PAYMENTS, values(payments));
        writes.put(&writes::UPSERT_REFUNDS, values(refunds));
        writes.put(&writes::UPSERT_SHIPMENTS, values(shipments));
        writes.put(&writes::UPSERT_RETURNS, values(returns));
        writes.put(&writes::ADD_NUMBERS, values(tracking_numbers));
        writes.put(&writes::UPSERT_SHIPMENT_LOTS, values(lots));
        writes.put(&writes::UPSERT_RESERVATIONS, values(reservations));
        writes.put(&writes::UPSERT_ITEMS, values(items));
        write_moves(writes, &moved);
    }

    /// Everything of an order made anew: what there is of it in these tables goes first.
    pub(in crate::store) fn rebuild(orders: &[Order]) -> Vec<Ask> {
        let mut changes = Self::default();
        for order in orders {
            changes.add(None, order);
        }
        let ids: Vec<_> = orders.iter().map(|it| vec![it.id.into()]).collect();
        let mut writes = Writes::default();
        for statement in writes::DELETE_PARTS.iter() {
            writes.put(statement, ids.clone());
        }
        // The registers are never changed: what is there stays.
        let numbers = std::mem::take(&mut changes.numbers);
        let credit_numbers = std::mem::take(&mut changes.credit_numbers);
        let references = std::mem::take(&mut changes.references);
        writes.put(&writes::ADD_MISSING_INVOICE_NUMBERS, values(numbers));
        writes.put(&writes::ADD_MISSING_CREDIT_NOTE_NUMBERS, values(credit_numbers));
        writes.put(&writes::ADD_MISSING_PAYMENT_REFERENCES, values(references));
        changes.write(&mut writes);
        writes.into_asks()
    }
}

/// Parts whose rows are changed without their side: SQLite touches every index over a column that is set.
fn write_moves(writes: &mut Writes, moved: &[(OrderId, bool)]) {
    for statement in
        [&writes::MOVE_MESSAGES, &writes::MOVE_INVOICES, &writes::MOVE_PAYMENTS, &writes::MOVE_SHIPMENTS]
    {
        writes.put(statement, moved.iter().map(|&(id, archived)| vec![id.into(), archived.into()]).collect());
    }
}

fn of<'a, P>(order: Option<&'a Order>, parts: impl Fn(&'a Order) -> &'a [P]) -> &'a [P] {
    order.map(parts).unwrap_or_default()
}

fn add_items(rows: &mut Vec<reservation_items::Model>, before: Option<&Reservation>, after: &Reservation) {
    for item in &after.items {
        let old = before.and_then(|it| it.items.iter().find(|it| it.number == item.number));
        let next = reservation::item(after.id, item);
        if old.is_none_or(|it| reservation::item(after.id, it) != next) {
            rows.push(next);
        }
    }
}

/// The rows of parts that are new, or whose row is not as it was.
fn differing<'a, P: PartialEq + 'a, K: PartialEq, R: PartialEq>(
    rows: &mut Vec<R>,
    (before, after): (Option<&'a Order>, &'a Order),
    parts: impl Fn(&'a Order) -> &'a [P],
    key: impl Fn(&P) -> K,
    row: impl Fn(&Order, &P) -> R,
) {
    let moved = before.is_some_and(|it| it.is_archived() != after.is_archived());
    for part in parts(after) {
        let old = before.and_then(|it| Some((it, parts(it).iter().find(|it| key(it) == key(part))?)));
        if old.is_some_and(|(_, it)| it == part && !moved) {
            continue;
        }
        let next = row(after, part);
        if old.is_none_or(|(order, it)| row(order, it) != next) {
            rows.push(next);
        }
    }
}

pub(in crate::store) fn values<R: Record>(rows: Vec<R>) -> Vec<Vec<sea_orm::sea_query::Value>> {
    rows.into_iter().map(Record::values).collect()
}
