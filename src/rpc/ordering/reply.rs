//! Orders and their history as the API shows them.

use crate::domain::{
    self, Amounts, Attestation, Check, Currency, Event, Evidence, ExchangeOf, Fault, Hold, Invoice,
    LineAmounts, LineCancellation, LineProgress, Order, OrderLine, OrderNote, RiskAssessment, ServiceDone,
    Step, StepLine, Timestamp, Verdict, Violation, Wait,
};
use crate::pb;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::approvals::reply::approval;
use crate::rpc::enums;
use crate::rpc::feedback::reply::{feedback, follow_up};
use crate::rpc::inventory::reply as inventory;
use crate::rpc::messages::reply::discount_offer;
use crate::rpc::reply::{
    actor, address, customer, discount, erasure, legal_hold, minor, ppm, slip, text_of, timestamp,
    unavailable_action,
};
use crate::store::LawResult;

/// How much of an order an answer has; `order.proto` says which fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderView {
    Full,
    Basic,
}

pub(crate) fn shown(given: &Order, view: OrderView) -> pb::Order {
    match view {
        OrderView::Full => order(given),
        OrderView::Basic => basic(given),
    }
}

/// What who looks at one order gets: beside what may be done, what may not and why.
pub(crate) fn looked_at(given: &Order, view: OrderView) -> pb::Order {
    let order = shown(given, view);
    match view {
        OrderView::Full => {
            let unavailable_actions =
                given.unavailable_actions().into_iter().map(unavailable_action).collect();
            pb::Order { unavailable_actions, ..order }
        }
        OrderView::Basic => order,
    }
}

/// State and balance of an order.
fn basic(order: &Order) -> pb::Order {
    let next = order.next_step();
    pb::Order {
        id: order.id.to_string(),
        number: order.number.to_string(),
        state: enums::order_state(order.state),
        payment_status: enums::payment_status(order.payment_status()),
        fulfillment_status: enums::fulfillment_status(order.fulfillment_status()),
        next_step: step_or_none(next.as_ref().map(|it| it.0)),
        waiting_for: next.map(|it| it.1).unwrap_or_default(),
        available_actions: order.available_actions().iter().map(ToString::to_string).collect(),
        currency: order.amounts.currency.to_string(),
        totals: Some(totals(order)),
        update_time: Some(timestamp(order.updated_at)),
        etag: order.etag(),
        late: order.is_late(),
        on_hold: order.on_hold(),
        ..pb::Order::default()
    }
}

pub(crate) fn order(order: &Order) -> pb::Order {
    shows_order(order);
    let next = order.next_step();
    let offer = order.feedback.as_ref().and_then(discount_offer);
    let Order {
        id,
        number,
        version: _,
        last_event: _,
        state,
        archived_from,
        channel,
        external_reference,
        customer: buyer,
        shipping_address,
        billing_address,
        region,
        lines,
        amounts,
        discount: order_discount,
        redemption: _,
        store_credit,
        special_instructions,
        service,
        on_shortage,
        allocation,
        reservation_lifetime_seconds,
        requested_by,
        on_late,
        wait_until,
        promised_by,
        promise,
        risk,
        risk_reasons,
        checks,
        evidence,
        attestations,
        assessments,
        availability,
        fingerprint: _,
        holds,
        reservations,
        approvals,
        invoices,
        payments,
        shipments,
        messages: _,
        feedback: asked,
        cancel_reason,
        created_by,
        created_at,
        updated_at,
        delivered_at,
        closed_at,
        archived_at,
        promise_told: _,
        promises_told: _,
        slips: _,
        waiting: _,
        restored_at,
        restore_reason,
        unwanted_messages,
        credit_notes,
        follow_up: raised,
        line_cancellations,
        line_refunds: _,
        returns,
        labels,
        notes,
        changes: _,
        named,
        exchange_of: of,
        legal_hold: held,
        erased,
        // Its approvals tell who cannot decide them.
        hands: _,
        last_link: _,
        rest_date_told: _,
        sealed: _,
        waits_until,
    } = order;
    let currency = amounts.currency;
    pb::Order {
        id: id.to_string(),
        number: number.to_string(),
        state: enums::order_state(*state),
        payment_status: enums::payment_status(order.payment_status()),
        fulfillment_status: enums::fulfillment_status(order.fulfillment_status()),
        next_step: step_or_none(next.as_ref().map(|it| it.0)),
        waiting_for: next.map(|it| it.1).unwrap_or_default(),
        available_actions: order.available_actions().iter().map(ToString::to_string).collect(),
        channel: enums::channel(*channel),
        external_reference: external_reference.clone(),
        customer: Some(customer(buyer)),
        shipping_address: Some(address(shipping_address)),
        billing_address: billing_address.as_ref().map(address),
        region: text_of(region.as_ref()),
        currency: currency.to_string(),
        lines: lines.iter().map(|it| line(it, currency, order)).collect(),
        special_instructions: special_instructions.clone(),
        shipping_service: enums::service_level(*service),
        on_shortage: enums::on_shortage(*on_shortage),
        allocation_strategy: allocation.map_or(0, enums::allocation),
        requested_delivery_time: requested_by.map(timestamp),
        promised_delivery_time: promised_by.map(timestamp),
        discount: order_discount.map(|it| discount(currency, it)),
        discount_code: order.shown_code().unwrap_or_default(),
        exchange_of: of.as_ref().map(exchange_of),
        exchange_order_ids: returns
            .iter()
            .flat_map(|it| &it.exchanges)
            .map(|it| it.order.to_string())
            .collect(),
        store_credit: store_credit.as_ref().and_then(|_| minor(currency, order.credit_held_minor())),
        prices_include_tax: amounts.prices_include_tax,
        reservation_lifetime: reservation_lifetime_seconds
            .map(|it| prost_types::Duration { seconds: i64::try_from(it).unwrap_or(i64::MAX), nanos: 0 }),
        totals: Some(totals(order)),
        risk_level: enums::risk(*risk),
        risk_reasons: risk_reasons.clone(),
        verification: checks.iter().map(|it| check(it, attestations)).collect(),
        warnings: checks.iter().flat_map(warnings).collect(),
        verification_evidence: evidence.iter().map(evidence_of_rule).collect(),
        risk_assessments: assessments.iter().map(risk_assessment).collect(),
        availability: availability.as_ref().map(|it| inventory::availability(it, region.as_ref())),
        holds: holds.iter().map(hold).collect(),
        reservation: reservations.last().map(inventory::reservation),
        approvals: approvals.iter().map(|it| approval(order, it)).collect(),
        invoice_id: text_of(order.main_invoice().map(|it| it.id)),
        invoice_number: text_of(order.main_invoice().map(Invoice::full_number)),
        payment_ids: payments.iter().map(|it| it.id.to_string()).collect(),
        refund_ids: payments.iter().flat_map(|it| &it.refunds).map(|it| it.id.to_string()).collect(),
        shipment_ids: shipments.iter().map(|it| it.id.to_string()).collect(),
        discount_offer: offer,
        feedback: asked.as_ref().map(|it| feedback(order, it)),
        state_before_archive: archived_from.map_or(0, enums::order_state),
        end_reason: cancel_reason.clone(),
        created_by: actor(created_by),
        create_time: Some(timestamp(*created_at)),
        update_time: Some(timestamp(*updated_at)),
        deliver_time: delivered_at.map(timestamp),
        close_time: closed_at.map(timestamp),
        archive_time: archived_at.map(timestamp),
        restore_time: restored_at.map(timestamp),
        restore_reason: restore_reason.clone(),
        etag: order.etag(),
        late: order.is_late(),
        slips: order.noticed_slips().map(slip).collect(),
        on_late: enums::on_late(*on_late),
        wait_until: wait_until.or(*waits_until).map(timestamp),
        promise: promise.as_ref().map(inventory::promise),
        unwanted_message_kinds: unwanted_messages.iter().map(|it| enums::message_kind(*it)).collect(),
        follow_up: raised.as_ref().map(|it| follow_up(order, it)),
        line_cancellations: newest(line_cancellations, CANCELLATIONS_SHOWN)
            .map(|it| line_cancellation(it, currency))
            .collect(),
        credit_note_ids: newest(credit_notes, CREDIT_NOTES_SHOWN).map(|it| it.id.to_string()).collect(),
        labels: labels.clone(),
        notes: notes.iter().map(note).collect(),
        customer_id: text_of(named.as_ref().map(|it| it.id)),
        tax_number: named.as_ref().map_or_else(String::new, |it| it.tax_number.clone()),
        tax_exempt: named.as_ref().is_some_and(|it| it.tax_exempt),
        on_hold: order.on_hold(),
        supplementary_invoice_ids: supplementary_invoice_ids(invoices),
        open_change_id: text_of(order.open_change().map(|it| it.id)),
        return_ids: returns.iter().map(|it| it.id.to_string()).collect(),
        return_status: enums::return_status(order.return_status()),
        // What a call answers is kept for repeats: it does without them.
        unavailable_actions: Vec::new(),
        legal_hold: held.as_deref().map(legal_hold),
        erasure: erased.as_deref().map(erasure),
        hidden: Vec::new(),
    }
}

fn supplementary_invoice_ids(invoices: &[Invoice]) -> Vec<String> {
    invoices.iter().filter(|it| it.supplements.is_some()).map(|it| it.id.to_string()).collect()
}

fn note(it: &OrderNote) -> pb::OrderNote {
    let OrderNote { text, by, at } = it;
    pb::OrderNote { text: text.clone(), author: actor(by), create_time: Some(timestamp(*at)) }
}

/// How many of the calls that called something off an order shows: the largest order has to fit into an answer.
const CANCELLATIONS_SHOWN: usize = 3;

/// How many credit notes it names; ListCreditNotes has all.
const CREDIT_NOTES_SHOWN: usize = 40;

fn newest<T>(all: &[T], most: usize) -> impl Iterator<Item = &T> {
    all.iter().skip(all.len().saturating_sub(most))
}

pub(crate) fn line_cancellation(it: &LineCancellation, currency: Currency) -> pb::LineCancellation {
    let LineCancellation {
        units,
        reason,
        value_minor,
        refund_minor,
        credit_notes,
        cancelled_by,
        cancelled_at,
    } = it;
    let units = units.iter();
    pb::LineCancellation {
        lines: units.map(|it| pb::LineUnits { line_number: it.line, quantity: it.quantity }).collect(),
        reason: reason.clone(),
        value: minor(currency, *value_minor),
        refund: minor(currency, *refund_minor),
        credit_note_ids: credit_notes.iter().map(ToString::to_string).collect(),
        cancelled_by: actor(cancelled_by),
        cancel_time: Some(timestamp(*cancelled_at)),
    }
}

fn step_or_none(step: Option<Step>) -> i32 {
    step.map_or(0, enums::step)
}

fn exchange_of(it: &ExchangeOf) -> pb::ExchangeOf {
    let ExchangeOf { order, order_number, of_return, return_number: _, depth: _ } = it;
    pb::ExchangeOf {
        order_id: order.to_string(),
        order_number: order_number.to_string(),
        return_id: of_return.to_string(),
    }
}

fn line(line: &OrderLine, currency: Currency, order: &Order) -> pb::OrderLine {
    let OrderLine {
        number,
        sku,
        description,
        tax_category,
        quantity,
        unit_price_minor,
        discount: given,
        amounts,
        weight_grams: _,
        handling: _,
        kind,
        done,
        cancelled_quantity: _,
        added_by_change,
        refunded_quantity,
        list_price_minor,
        waiting_quantity: _,
        carried_over: _,
    } = line;
    let LineAmounts {
        gross_minor: _,
        discount_minor,
        discount_share_minor,
        tax_rate_ppm,
        tax_minor,
        total_minor,
    } = *amounts;
    let LineProgress { reserved, shipped, delivered, cancelled } = order.line_progress(*number);
    pb::OrderLine {
        number: *number,
        sku: sku.to_string(),
        description: description.clone(),
        quantity: *quantity,
        unit_price: minor(currency, *unit_price_minor),
        discount: given.map(|it| discount(currency, it)),
        discount_amount: minor(currency, discount_minor),
        order_discount_share: minor(currency, discount_share_minor),
        tax_category: tax_category.clone(),
        tax_rate_ppm: ppm(tax_rate_ppm),
        tax: minor(currency, tax_minor),
        total: minor(currency, total_minor),
        reserved,
        shipped,
        delivered,
        cancelled,
        kind: enums::product_kind(*kind),
        completion: done.as_ref().map(completion),
        list_price: list_price_minor.and_then(|it| minor(currency, it)),
        cancelled_total: minor(currency, line.cancelled_amounts().total_minor),
        added_by_change_id: text_of(added_by_change.as_ref()),
        refunded: *refunded_quantity,
        returned: order.returned_units(*number),
        waiting: order.units_awaited_of(*number),
        waiting_expected_time: order.line_expected_at(*number).map(timestamp),
    }
}

fn completion(done: &ServiceDone) -> pb::ServiceCompletion {
    let ServiceDone { by, at, note, proof_reference } = done;
    pb::ServiceCompletion {
        completed_by: actor(by),
        complete_time: Some(timestamp(*at)),
        note: note.clone(),
        proof_reference: proof_reference.clone(),
    }
}

fn totals(order: &Order) -> pb::OrderTotals {
    let Amounts {
        currency,
        prices_include_tax: _,
        subtotal_minor,
        discount_minor,
        shipping_minor,
        shipping_tax_minor,
        shipping_tax_rate_ppm: _,
        tax_minor,
        total_minor,
    } = order.amounts;
    pb::OrderTotals {
        subtotal: minor(currency, subtotal_minor),
        discount: minor(currency, discount_minor),
        shipping: minor(currency, shipping_minor),
        shipping_tax: minor(currency, shipping_tax_minor),
        tax: minor(currency, tax_minor),
        total: minor(currency, total_minor),
        captured: minor(currency, order.captured_minor()),
        refunded: minor(currency, order.refunded_minor()),
        amount_due: minor(currency, order.amount_due_minor()),
    }
}

/// What is wrong with the order and does not stop it, fault by fault.
fn warnings(check: &Check) -> impl Iterator<Item = pb::VerificationWarning> {
    let faults = check.faults.iter().filter(|_| check.verdict == Verdict::Warned);
    faults.map(|Fault { field, text }| pb::VerificationWarning {
        rule: enums::rule(check.rule),
        field: field.clone(),
        detail: text.clone(),
    })
}

fn check(check: &Check, attestations: &[Attestation]) -> pb::VerificationResult {
    let attested = attestations.iter().find(|it| it.is_about(check));
    let Check { rule, verdict, detail, faults: _ } = check;
    pb::VerificationResult {
        rule: enums::rule(*rule),
        outcome: enums::verdict(*verdict),
        detail: detail.clone(),
        attestation: attested.map(attestation),
    }
}

fn attestation(word: &Attestation) -> pb::Attestation {
    let Attestation { rule: _, reason, by, at, found: _ } = word;
    pb::Attestation { attested_by: actor(by), attest_time: Some(timestamp(*at)), reason: reason.clone() }
}

fn evidence_of_rule(evidence: &Evidence) -> pb::VerificationEvidence {
    let Evidence { provider, rule, finding, facts, reference, recorded_by, recorded_at, outdated_at } =
        evidence;
    pb::VerificationEvidence {
        provider: provider.clone(),
        rule: enums::rule(*rule),
        finding: enums::finding(*finding),
        facts: facts.clone(),
        reference: reference.clone(),
        recorded_by: actor(recorded_by),
        record_time: Some(timestamp(*recorded_at)),
        outdate_time: outdated_at.map(timestamp),
    }
}

fn risk_assessment(assessment: &RiskAssessment) -> pb::RiskAssessment {
    let RiskAssessment { provider, level, facts, reference, recorded_by, recorded_at } = assessment;
    pb::RiskAssessment {
        provider: provider.clone(),
        level: enums::risk(*level),
        facts: facts.clone(),
        reference: reference.clone(),
        recorded_by: actor(recorded_by),
        record_time: Some(timestamp(*recorded_at)),
    }
}

pub(crate) fn hold(hold: &Hold) -> pb::Hold {
    let Hold { id, reason, note, state, placed_by, placed_at, released_by, released_at, release_note } = hold;
    pb::Hold {
        id: id.to_string(),
        state: enums::hold_state(*state),
        reason: enums::hold_reason(*reason),
        comment: note.clone(),
        placed_by: actor(placed_by),
        create_time: Some(timestamp(*placed_at)),
        released_by: text_of(released_by.as_ref()),
        release_comment: release_note.clone(),
        release_time: released_at.map(timestamp),
    }
}

/// How many slips of a stuck order are shown: each shipment may have some.
const SLIPS_SHOWN_MAX: usize = 20;

/// An order that has waited for too long, or is late; None: it goes on by itself.
pub(crate) fn stuck_order(order: &Order) -> Option<pb::StuckOrder> {
    let wait = order.waits_for();
    let mut slips: Vec<_> = order.noticed_slips().collect();
    if wait.is_none() && slips.is_empty() {
        return None;
    }
    slips.sort_by_key(|it| it.since);
    slips.truncate(SLIPS_SHOWN_MAX);
    // The list goes by it.
    let since = order.waiting.map(|it| it.since).into_iter().chain(order.slipped_since()).min();
    let (gate, hold, opened_by, openers) = match wait {
        Some(Wait { gate, hold, opened_by, openers }) => (enums::stuck_gate(gate), hold, opened_by, openers),
        None => (0, None, Vec::new(), Vec::new()),
    };
    Some(pb::StuckOrder {
        order: Some(basic(order)),
        gate,
        hold_reason: hold.map_or(0, enums::hold_reason),
        since_time: since.map(timestamp),
        opened_by: opened_by.into_iter().map(str::to_owned).collect(),
        openers: openers.into_iter().map(enums::opener).collect(),
        slips: slips.into_iter().map(slip).collect(),
    })
}

/// All twenty steps, and the history behind them.
pub(crate) fn timeline(order: &Order, events: &[(i64, Event)], now: Timestamp) -> pb::OrderTimeline {
    let history: Vec<Event> = events.iter().map(|it| it.1.clone()).collect();
    let steps = domain::timeline(order, &history, now);
    let next = order.next_step();
    pb::OrderTimeline {
        order_id: order.id.to_string(),
        order_number: order.number.to_string(),
        state: enums::order_state(order.state),
        next_step: step_or_none(next.as_ref().map(|it| it.0)),
        waiting_for: next.map(|it| it.1).unwrap_or_default(),
        late: steps.iter().any(|it| it.late && it.is_open()),
        steps: steps.into_iter().map(process_step).collect(),
        events: events.iter().map(|(position, it)| event(*position, it)).collect(),
        hidden: Vec::new(),
    }
}

fn process_step(line: StepLine) -> pb::ProcessStep {
    let StepLine {
        step,
        state,
        planned_at,
        started_at,
        done_at,
        actor: done_by,
        approver,
        evidence,
        messages,
        late,
        note,
    } = line;
    pb::ProcessStep {
        step: enums::step(step),
        state: enums::step_state(state),
        planned_time: planned_at.map(timestamp),
        start_time: started_at.map(timestamp),
        done_time: done_at.map(timestamp),
        actor: text_of(done_by),
        approver: text_of(approver),
        evidence,
        message_ids: messages.iter().map(ToString::to_string).collect(),
        late,
        note,
    }
}

pub(crate) fn event(position: i64, event: &Event) -> pb::OrderEvent {
    let Event { order, sequence, at, actor: done_by, kind, transition, text, principal, seal: _ } =
        event.clone();
    let (subject_id, from_state, to_state) = match transition {
        Some(it) => (it.subject_id(), it.from, it.to),
        None => Default::default(),
    };
    pb::OrderEvent {
        position,
        order_id: order.to_string(),
        sequence,
        r#type: kind.to_string(),
        summary: text,
        subject_id,
        from_state,
        to_state,
        actor: actor(&done_by),
        time: Some(timestamp(at)),
        principal: text_of(principal.as_ref()),
        hidden: Vec::new(),
    }
}

pub(crate) fn integrity_report(laws: Vec<LawResult>, took: std::time::Duration) -> pb::IntegrityReport {
    pb::IntegrityReport {
        holds: laws.iter().all(|it| it.broken == 0),
        laws: laws.into_iter().map(law).collect(),
        duration: prost_types::Duration::try_from(took).ok(),
    }
}

fn law(law: LawResult) -> pb::LawReport {
    let LawResult { id, statement, checked, broken, violations } = law;
    pb::LawReport {
        id: id.to_owned(),
        statement: statement.to_owned(),
        checked: i64::try_from(checked).unwrap_or(i64::MAX),
        broken: i64::try_from(broken).unwrap_or(i64::MAX),
        violations: violations.into_iter().map(violation).collect(),
    }
}

fn violation(violation: Violation) -> pb::Violation {
    let Violation { law: _, key, expected, actual } = violation;
    pb::Violation { key, expected, actual }
}
