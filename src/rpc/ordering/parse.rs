//! Parses requests about orders.

mod reads;
#[cfg(test)]
mod tests;

pub(crate) use reads::{OrderKey, get_order, get_order_timeline, list_orders, list_stuck_orders, order_view};

use crate::domain::{
    AddOrderNote, Address, ArchiveOrder, Attest, CancelOrder, CancelOrderLines, CancelledUnits, CloseOrder,
    CompleteServiceLine, Correction, CreateOrder, Currency, Customer, Discount, DiscountKey, HoldReason,
    Money, NOT_HEARD, NewLine, NewOrder, OnLate, OnShortage, Part, PlaceHold, Problems, RecordRiskAssessment,
    RecordVerification, ReleaseHold, RestoreOrder, Rule, ServiceLevel, SetOrderLabels, Source, Target,
    Timestamp, UpdateOrder, VerifyOrder, Waive,
};
use crate::pb;
use crate::rpc::customers::parse::{named, required_address, required_customer};
use crate::rpc::enums;
use crate::rpc::labels::labels;
use crate::rpc::ordering::reply::OrderView;
use crate::rpc::parse::{
    LIFETIME_SECONDS, LINE_NUMBERS, LINES_MAX, NAME_MAX, NOTE_MAX, REASON_MAX, REFERENCE_MAX, address,
    entries, id, note, number, one_line, optional_id, paths, price, quantity, required, required_line,
    required_text, required_word, seconds, text, timestamp, word,
};

pub(crate) fn create_order(request: pb::CreateOrderRequest, bad: &mut Problems) -> Option<CreateOrder> {
    let pb::CreateOrderRequest { order, reservation_id, request_id: _, validate_only: _ } = request;
    let new = required("order", order, bad).and_then(|it| new_order(it, bad));
    let cart = optional_id("reservation_id", &reservation_id, bad);
    Some(CreateOrder { new: new?, cart })
}

fn new_order(draft: pb::OrderDraft, bad: &mut Problems) -> Option<NewOrder> {
    let pb::OrderDraft {
        channel,
        external_reference,
        customer: buyer,
        shipping_address,
        billing_address,
        lines,
        currency,
        special_instructions,
        shipping_service,
        on_shortage,
        requested_delivery_time,
        discount: order_discount,
        discount_code,
        shipping_fee,
        prices_include_tax,
        reservation_lifetime,
        on_late,
        labels: given,
        allocation_strategy,
        customer_id,
        wait_until,
    } = draft;
    let named = named(&customer_id, buyer.is_none(), shipping_address.is_none(), bad);
    let channel = required_word("order.channel", channel, enums::to_channel, bad);
    let (buyer, shipping_address) = buyer_and_place(buyer, shipping_address, &customer_id, bad);
    let currency: Option<Currency> = id("order.currency", &currency, bad);
    let lines = new_lines(lines, currency, bad);
    let shipping_fee = fee("order.shipping_fee", shipping_fee, currency, bad);
    let external_reference = one_line("order.external_reference", external_reference, REFERENCE_MAX, bad);
    let billing_address = billing_address.map(|it| address("order.billing_address", it, bad));
    let order_discount = order_discount.and_then(|it| discount("order.discount", it, currency, bad));
    let discount_code = code_or_discount(&discount_code, order_discount, bad);
    let special_instructions = note("order.special_instructions", special_instructions, NOTE_MAX, bad);
    let service = word("order.shipping_service", shipping_service, enums::to_service_level, bad);
    let on_shortage = word("order.on_shortage", on_shortage, enums::to_on_shortage, bad);
    let allocation = word("order.allocation_strategy", allocation_strategy, enums::to_allocation, bad);
    let reservation_lifetime_seconds =
        seconds("order.reservation_lifetime", reservation_lifetime, LIFETIME_SECONDS, bad);
    let requested_by = timestamp("order.requested_delivery_time", requested_delivery_time, bad);
    let on_late = word("order.on_late", on_late, enums::to_on_late, bad);
    let wait_until = end_of_wait(on_shortage, timestamp("order.wait_until", wait_until, bad), bad);
    let labels = labels("order.labels", given, bad);
    let shipping_address = shipping_address?;
    Some(NewOrder {
        channel: channel?,
        external_reference,
        customer: buyer?.normalised(&shipping_address.country),
        shipping_address,
        billing_address,
        currency: currency?,
        lines,
        discount: order_discount,
        discount_code,
        prices_include_tax,
        shipping_fee,
        special_instructions,
        service: service.unwrap_or(ServiceLevel::Standard),
        on_shortage: on_shortage.unwrap_or(OnShortage::Refuse),
        allocation,
        reservation_lifetime_seconds,
        requested_by,
        on_late: on_late.unwrap_or(OnLate::Accept),
        wait_until,
        labels,
        named,
    })
}

/// A price in the currency of the order.
/// Who buys, and where the goods go: what the draft leaves out is the customer's that it names.
fn buyer_and_place(
    buyer: Option<pb::Customer>,
    address: Option<pb::Address>,
    customer_id: &str,
    bad: &mut Problems,
) -> (Option<Customer>, Option<Address>) {
    let of_customer = |given: bool| !given && !customer_id.is_empty();
    let nobody = of_customer(buyer.is_some()).then(Customer::nobody);
    let nowhere = of_customer(address.is_some()).then(Address::nowhere);
    (nobody.or_else(|| required_customer(buyer, bad)), nowhere.or_else(|| required_address(address, bad)))
}

fn fee(
    field: &str,
    given: Option<pb::Money>,
    currency: Option<Currency>,
    bad: &mut Problems,
) -> Option<Money> {
    let fee = price(field, given, bad);
    if let (Some(fee), Some(currency)) = (fee, currency)
        && fee.currency != currency
    {
        bad.add(field, format!("must be in {currency}, as the order is"));
    }
    fee
}

/// The code to redeem; not beside a discount of the caller's own.
fn code_or_discount(code: &str, own: Option<Discount>, bad: &mut Problems) -> Option<DiscountKey> {
    let code = optional_id("order.discount_code", code, bad);
    if code.is_some() && own.is_some() {
        bad.add("order.discount_code", "gives the discount itself: leave out order.discount, or the code");
    }
    code
}

/// Only who waits can stop waiting.
fn end_of_wait(
    on_shortage: Option<OnShortage>,
    until: Option<Timestamp>,
    bad: &mut Problems,
) -> Option<Timestamp> {
    if until.is_some() && on_shortage.is_none_or(|it| it == OnShortage::Refuse) {
        bad.add("order.wait_until", "is for orders that wait: on_shortage must be WAIT or SHIP_AVAILABLE");
    }
    until
}

fn new_lines(lines: Vec<pb::OrderLineDraft>, currency: Option<Currency>, bad: &mut Problems) -> Vec<NewLine> {
    let lines = entries("order.lines", lines, 1..=LINES_MAX, bad);
    lines.filter_map(|(index, it)| new_line(&format!("order.lines[{index}]"), it, currency, bad)).collect()
}

fn new_line(
    at: &str,
    line: pb::OrderLineDraft,
    currency: Option<Currency>,
    bad: &mut Problems,
) -> Option<NewLine> {
    let pb::OrderLineDraft { sku, quantity: units, unit_price, discount: given, description } = line;
    let sku = id(&format!("{at}.sku"), &sku, bad);
    let units = quantity(&format!("{at}.quantity"), units, bad);
    let unit_price = price(&format!("{at}.unit_price"), unit_price, bad);
    let given = given.and_then(|it| discount(&format!("{at}.discount"), it, currency, bad));
    let description = one_line(&format!("{at}.description"), description, NAME_MAX, bad);
    Some(NewLine { sku: sku?, quantity: units, unit_price, discount: given, description })
}

fn discount(
    at: &str,
    given: pb::Discount,
    currency: Option<Currency>,
    bad: &mut Problems,
) -> Option<Discount> {
    match required(at, given.value, bad)? {
        pb::discount::Value::Amount(amount) => {
            let field = format!("{at}.amount");
            let amount = price(&field, Some(amount), bad)?;
            if currency.is_some_and(|it| it != amount.currency) {
                bad.add(field, "must be in the order's currency");
            }
            Some(Discount::Amount(amount.minor))
        }
        pb::discount::Value::RatePpm(rate) => {
            let rate = number(&format!("{at}.rate_ppm"), i64::from(rate), 1..=1_000_000, bad);
            Some(Discount::Percent(u32::try_from(rate).unwrap_or(0)))
        }
    }
}

pub(crate) fn update_order(
    request: pb::UpdateOrderRequest,
    bad: &mut Problems,
) -> Option<(UpdateOrder, OrderView)> {
    let pb::UpdateOrderRequest { order_id, order, update_mask, etag, request_id: _, view, validate_only: _ } =
        request;
    let target = target(&order_id, etag, bad);
    let paths = paths(update_mask, &UPDATABLE, bad);
    let order = required("order", order, bad);
    let (correction, currency) = correction(&paths?, order?, bad);
    let view = order_view(view, bad);
    Some((UpdateOrder { target: target?, correction, currency }, view))
}

/// The fields that the mask names, each as a whole, and the currency of new lines. A field that is in the mask but not in
/// the draft is removed if it is optional.
fn correction(paths: &[String], draft: pb::OrderDraft, bad: &mut Problems) -> (Correction, Option<Currency>) {
    let pb::OrderDraft {
        channel: _,
        external_reference: _,
        customer: buyer,
        shipping_address,
        billing_address,
        lines,
        currency,
        special_instructions,
        shipping_service,
        on_shortage,
        requested_delivery_time,
        discount: _,
        discount_code: _,
        shipping_fee: _,
        prices_include_tax: _,
        reservation_lifetime: _,
        on_late,
        labels: given,
        allocation_strategy: _,
        wait_until: _,
        customer_id: _,
    } = draft;
    let mut correction = Correction::default();
    let mut currency_of_lines = None;
    let named = |path: &str| paths.iter().any(|it| it == path);
    if named("customer") {
        correction.customer = required_customer(buyer, bad);
    }
    if named("shipping_address") {
        correction.shipping_address = required_address(shipping_address, bad);
    }
    if named("billing_address") {
        correction.billing_address =
            Some(billing_address.map(|it| address("order.billing_address", it, bad)));
    }
    if named("lines") {
        currency_of_lines = id("order.currency", &currency, bad);
        correction.lines = Some(new_lines(lines, currency_of_lines, bad));
    }
    if named("special_instructions") {
        let text = note("order.special_instructions", special_instructions, NOTE_MAX, bad);
        correction.special_instructions = Some(text);
    }
    if named("shipping_service") {
        let service = word("order.shipping_service", shipping_service, enums::to_service_level, bad);
        correction.service = Some(service.unwrap_or(ServiceLevel::Standard));
    }
    if named("on_shortage") {
        let on_shortage = word("order.on_shortage", on_shortage, enums::to_on_shortage, bad);
        correction.on_shortage = Some(on_shortage.unwrap_or(OnShortage::Refuse));
    }
    if named("requested_delivery_time") {
        correction.requested_by =
            Some(timestamp("order.requested_delivery_time", requested_delivery_time, bad));
    }
    if named("on_late") {
        let on_late = word("order.on_late", on_late, enums::to_on_late, bad);
        correction.on_late = Some(on_late.unwrap_or(OnLate::Accept));
    }
    if named("labels") {
        correction.labels = Some(labels("order.labels", given, bad));
    }
    (correction, currency_of_lines)
}

/// The fields that UpdateOrder may change.
const UPDATABLE: [&str; 10] = [
    "customer",
    "shipping_address",
    "billing_address",
    "lines",
    "special_instructions",
    "shipping_service",
    "on_shortage",
    "requested_delivery_time",
    "on_late",
    "labels",
];

pub(crate) fn verify_order(
    request: pb::VerifyOrderRequest,
    bad: &mut Problems,
) -> Option<(VerifyOrder, OrderView)> {
    let pb::VerifyOrderRequest {
        order_id,
        waive_duplicate,
        attest,
        etag,
        request_id: _,
        view,
        validate_only: _,
    } = request;
    let target = target(&order_id, etag, bad);
    let waive = if waive_duplicate { Waive::Duplicate } else { Waive::Nothing };
    let mut attested = Vec::new();
    for (index, it) in entries("attest", attest, 0..=Rule::ALL.len(), bad) {
        let pb::RuleAttestation { rule, reason } = it;
        let field = format!("attest[{index}].rule");
        let rule = required_word(&field, rule, enums::to_rule, bad);
        let reason = required_text(&format!("attest[{index}].reason"), reason, REASON_MAX, bad);
        let Some(rule) = rule else { continue };
        if attested.iter().any(|it: &Attest| it.rule == rule) {
            bad.add(field, format!("{rule} is named twice"));
        }
        attested.push(Attest { rule, reason });
    }
    let view = order_view(view, bad);
    Some((VerifyOrder { target: target?, waive, attest: attested }, view))
}

/// How many facts an outside service may give, and how long each may be.
const FACTS_MAX: usize = 10;

const FACT_MAX: usize = 200;

fn source(provider: String, facts: Vec<String>, reference: String, bad: &mut Problems) -> Source {
    let provider = required_line("provider", provider, REFERENCE_MAX, bad);
    let facts = entries("facts", facts, 0..=FACTS_MAX, bad);
    let facts = facts.map(|(index, it)| required_line(&format!("facts[{index}]"), it, FACT_MAX, bad));
    let facts = facts.collect();
    Source { provider, facts, reference: one_line("reference", reference, REFERENCE_MAX, bad) }
}

pub(crate) fn record_verification(
    request: pb::RecordVerificationRequest,
    bad: &mut Problems,
) -> Option<(RecordVerification, OrderView)> {
    let pb::RecordVerificationRequest {
        order_id,
        provider,
        rule,
        finding,
        facts,
        reference,
        etag,
        request_id: _,
        view,
        validate_only: _,
    } = request;
    let target = target(&order_id, etag, bad);
    let rule = required_word("rule", rule, enums::to_rule, bad);
    if rule.is_some_and(|it| !it.is_heard_from_outside()) {
        bad.add("rule", NOT_HEARD);
    }
    let finding = required_word("finding", finding, enums::to_finding, bad);
    let source = source(provider, facts, reference, bad);
    let view = order_view(view, bad);
    Some((RecordVerification { target: target?, rule: rule?, finding: finding?, source }, view))
}

pub(crate) fn record_risk_assessment(
    request: pb::RecordRiskAssessmentRequest,
    bad: &mut Problems,
) -> Option<(RecordRiskAssessment, OrderView)> {
    let pb::RecordRiskAssessmentRequest {
        order_id,
        provider,
        level,
        facts,
        reference,
        etag,
        request_id: _,
        view,
        validate_only: _,
    } = request;
    let target = target(&order_id, etag, bad);
    let level = required_word("level", level, enums::to_risk, bad);
    let source = source(provider, facts, reference, bad);
    let view = order_view(view, bad);
    Some((RecordRiskAssessment { target: target?, level: level?, source }, view))
}

pub(crate) fn cancel_order(
    request: pb::CancelOrderRequest,
    bad: &mut Problems,
) -> Option<(CancelOrder, OrderView)> {
    let pb::CancelOrderRequest { order_id, reason, etag, request_id: _, view, validate_only: _ } = request;
    let target = target(&order_id, etag, bad);
    let reason = required_text("reason", reason, REASON_MAX, bad);
    let view = order_view(view, bad);
    Some((CancelOrder { target: target?, reason }, view))
}

pub(crate) fn cancel_order_lines(
    request: pb::CancelOrderLinesRequest,
    bad: &mut Problems,
) -> Option<(CancelOrderLines, OrderView)> {
    let pb::CancelOrderLinesRequest { order_id, lines, reason, etag, request_id: _, view, validate_only: _ } =
        request;
    let target = target(&order_id, etag, bad);
    let units = |(_, it): (usize, pb::LineUnits)| {
        let pb::LineUnits { line_number, quantity } = it;
        CancelledUnits { line: line_number, quantity }
    };
    let lines = entries("lines", lines, 1..=LINES_MAX, bad).map(units).collect();
    let reason = required_text("reason", reason, NAME_MAX, bad);
    let view = order_view(view, bad);
    Some((CancelOrderLines { target: target?, lines, reason }, view))
}

pub(crate) fn place_hold(
    request: pb::PlaceHoldRequest,
    bad: &mut Problems,
) -> Option<(PlaceHold, OrderView)> {
    let pb::PlaceHoldRequest { order_id, reason, comment, etag, request_id: _, view, validate_only: _ } =
        request;
    let target = target(&order_id, etag, bad);
    let reason = required_word("reason", reason, enums::to_hold_reason, bad);
    let comment = if reason == Some(HoldReason::Other) {
        required_text("comment", comment, REASON_MAX, bad)
    } else {
        text("comment", comment, REASON_MAX, bad)
    };
    if reason == Some(HoldReason::VerificationFailed) {
        bad.add("reason", "VERIFICATION_FAILED is kept for the verification itself");
    }
    let view = order_view(view, bad);
    Some((PlaceHold { target: target?, reason: reason?, comment }, view))
}

pub(crate) fn add_order_note(
    request: pb::AddOrderNoteRequest,
    bad: &mut Problems,
) -> Option<(AddOrderNote, OrderView)> {
    let pb::AddOrderNoteRequest { order_id, text, etag, request_id: _, view, validate_only: _ } = request;
    let target = target(&order_id, etag, bad);
    if text.trim().is_empty() {
        bad.add("text", "is required");
    }
    let text = note("text", text, NOTE_MAX, bad);
    let view = order_view(view, bad);
    Some((AddOrderNote { target: target?, text }, view))
}

pub(crate) fn set_order_labels(
    request: pb::SetOrderLabelsRequest,
    bad: &mut Problems,
) -> Option<(SetOrderLabels, OrderView)> {
    let pb::SetOrderLabelsRequest { order_id, labels: given, etag, request_id: _, view, validate_only: _ } =
        request;
    let target = target(&order_id, etag, bad);
    let labels = labels("labels", given, bad);
    let view = order_view(view, bad);
    Some((SetOrderLabels { target: target?, labels }, view))
}

pub(crate) fn release_hold(
    request: pb::ReleaseHoldRequest,
    bad: &mut Problems,
) -> Option<(ReleaseHold, OrderView)> {
    let pb::ReleaseHoldRequest { order_id, hold_id, comment, etag, request_id: _, view, validate_only: _ } =
        request;
    let target = target(&order_id, etag, bad);
    let hold = id("hold_id", &hold_id, bad);
    let comment = text("comment", comment, REASON_MAX, bad);
    let view = order_view(view, bad);
    Some((ReleaseHold { target: target?, hold: hold?, comment }, view))
}

pub(crate) fn complete_service_line(
    request: pb::CompleteServiceLineRequest,
    bad: &mut Problems,
) -> Option<(CompleteServiceLine, OrderView)> {
    let pb::CompleteServiceLineRequest {
        order_id,
        line_number,
        note,
        proof_reference,
        etag,
        request_id: _,
        view,
        validate_only: _,
    } = request;
    let target = target(&order_id, etag, bad);
    number("line_number", line_number.into(), LINE_NUMBERS, bad);
    let note = text("note", note, NAME_MAX, bad);
    let proof_reference = one_line("proof_reference", proof_reference, REFERENCE_MAX, bad);
    let view = order_view(view, bad);
    Some((CompleteServiceLine { target: target?, line: line_number, note, proof_reference }, view))
}

pub(crate) fn close_order(
    request: pb::CloseOrderRequest,
    bad: &mut Problems,
) -> Option<(CloseOrder, OrderView)> {
    let pb::CloseOrderRequest { order_id, etag, request_id: _, view, validate_only: _ } = request;
    let target = target(&order_id, etag, bad);
    let view = order_view(view, bad);
    Some((CloseOrder { target: target? }, view))
}

pub(crate) fn archive_order(
    request: pb::ArchiveOrderRequest,
    bad: &mut Problems,
) -> Option<(ArchiveOrder, OrderView)> {
    let pb::ArchiveOrderRequest { order_id, etag, request_id: _, view, validate_only: _ } = request;
    let target = target(&order_id, etag, bad);
    let view = order_view(view, bad);
    Some((ArchiveOrder { target: target? }, view))
}

pub(crate) fn restore_order(
    request: pb::RestoreOrderRequest,
    bad: &mut Problems,
) -> Option<(RestoreOrder, OrderView)> {
    let pb::RestoreOrderRequest { order_id, reason, etag, request_id: _, view, validate_only: _ } = request;
    let target = target(&order_id, etag, bad);
    let reason = required_text("reason", reason, REASON_MAX, bad);
    let view = order_view(view, bad);
    Some((RestoreOrder { target: target?, reason }, view))
}

/// The order of a request that changes it.
pub(crate) fn target(order_id: &str, etag: String, bad: &mut Problems) -> Option<Target> {
    Some(Target { part: Part::Order(id("order_id", order_id, bad)?), etag })
}
