//! Requests of OrderService.

use super::super::listing::{Wanted, list_requests, listing};
use super::super::to_proto::orders::OrderView;
use super::super::words;
use super::{
    LIFETIME_SECONDS, LINES_MAX, NAME_MAX, NOTE_MAX, REASON_MAX, REFERENCE_MAX, address, customer, digits,
    entries, id, note, number, optional_id, price, quantity, required, required_text, required_word, seconds,
    text, timestamp, word,
};
use crate::domain::{
    ArchiveOrder, CancelOrder, CloseOrder, Correction, CreateOrder, Currency, Discount, HoldReason,
    MessageId, NewLine, NewOrder, OnShortage, OrderId, Part, PlaceHold, Problems, ReleaseHold, ServiceLevel,
    SubmitFeedback, Target, Timestamp, UpdateOrder, VerifyOrder, Waive,
};
use crate::pb;
use crate::settings::Limits;
use crate::store::{EventFilter, Listing};

list_requests! { list_messages: ListMessagesRequest, }

const DISCOUNT_CODE_MAX: usize = 50;
const FEEDBACK_MAX: usize = 2_000;

pub(crate) fn create_order(request: pb::CreateOrderRequest, bad: &mut Problems) -> Option<CreateOrder> {
    let pb::CreateOrderRequest { order, request_id: _ } = request;
    let new = required("order", order, bad).and_then(|it| new_order(it, bad));
    Some(CreateOrder { new: new? })
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
    } = draft;
    let channel = required_word("order.channel", channel, words::to_channel, bad);
    let buyer = required("order.customer", buyer, bad).map(|it| customer("order.customer", it, bad));
    let shipping_address = required("order.shipping_address", shipping_address, bad)
        .map(|it| address("order.shipping_address", it, bad));
    let currency: Option<Currency> = id("order.currency", &currency, bad);
    let lines = new_lines(lines, currency, bad);
    let shipping_fee = price("order.shipping_fee", shipping_fee, bad);
    if let (Some(fee), Some(currency)) = (shipping_fee, currency)
        && fee.currency != currency
    {
        bad.add("order.shipping_fee", format!("must be in {currency}, as the order is"));
    }
    let external_reference = text("order.external_reference", external_reference, REFERENCE_MAX, bad);
    let billing_address = billing_address.map(|it| address("order.billing_address", it, bad));
    let order_discount = order_discount.and_then(|it| discount("order.discount", it, currency, bad));
    let discount_code = text("order.discount_code", discount_code, DISCOUNT_CODE_MAX, bad);
    let special_instructions = note("order.special_instructions", special_instructions, NOTE_MAX, bad);
    let service = word("order.shipping_service", shipping_service, words::to_service_level, bad);
    let on_shortage = word("order.on_shortage", on_shortage, words::to_on_shortage, bad);
    let reservation_lifetime_seconds =
        seconds("order.reservation_lifetime", reservation_lifetime, LIFETIME_SECONDS, bad);
    let requested_by = timestamp("order.requested_delivery_time", requested_delivery_time, bad);
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
        reservation_lifetime_seconds,
        requested_by,
    })
}

fn new_lines(lines: Vec<pb::OrderLineDraft>, currency: Option<Currency>, bad: &mut Problems) -> Vec<NewLine> {
    let lines = entries("order.lines", lines, 1..=LINES_MAX, bad);
    lines.filter_map(|(place, it)| new_line(&format!("order.lines[{place}]"), it, currency, bad)).collect()
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
    let description = text(&format!("{at}.description"), description, NAME_MAX, bad);
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
    let pb::UpdateOrderRequest { order_id, order, update_mask, etag, request_id: _, view } = request;
    let target = target(&order_id, etag, bad);
    let paths =
        required("update_mask", update_mask.filter(|it| !it.paths.is_empty()), bad).map(|it| it.paths);
    let order = required("order", order, bad);
    let (correction, currency) = correction(&paths?, order?, bad);
    let view = order_view(view, bad);
    Some((UpdateOrder { target: target?, correction, currency }, view))
}

/// The fields that the mask names, each whole, and the currency that new lines are in; a field that is named and left
/// out is taken away, where it may be.
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
    } = draft;
    let mut correction = Correction::default();
    let mut currency_of_lines = None;
    let named = |path: &str| paths.iter().any(|it| it == path);
    if named("customer") {
        let buyer = required("order.customer", buyer, bad);
        correction.customer = buyer.map(|it| customer("order.customer", it, bad));
    }
    if named("shipping_address") {
        let shipping_address = required("order.shipping_address", shipping_address, bad);
        correction.shipping_address = shipping_address.map(|it| address("order.shipping_address", it, bad));
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
        let service = word("order.shipping_service", shipping_service, words::to_service_level, bad);
        correction.service = Some(service.unwrap_or(ServiceLevel::Standard));
    }
    if named("on_shortage") {
        let on_shortage = word("order.on_shortage", on_shortage, words::to_on_shortage, bad);
        correction.on_shortage = Some(on_shortage.unwrap_or(OnShortage::Refuse));
    }
    if named("requested_delivery_time") {
        correction.requested_by =
            Some(timestamp("order.requested_delivery_time", requested_delivery_time, bad));
    }
    // Its text may be anything, and any number of times: it is not said again.
    let unknown = paths.iter().zip(1..).filter(|(it, _)| !UPDATABLE.contains(&it.as_str()));
    for (_, number) in unknown.take(UPDATABLE.len()) {
        let legal = UPDATABLE.join(", ");
        bad.add("update_mask", format!("path {number} cannot be updated; these can: {legal}"));
    }
    (correction, currency_of_lines)
}

/// What UpdateOrder may change.
const UPDATABLE: [&str; 8] = [
    "customer",
    "shipping_address",
    "billing_address",
    "lines",
    "special_instructions",
    "shipping_service",
    "on_shortage",
    "requested_delivery_time",
];

pub(crate) fn verify_order(
    request: pb::VerifyOrderRequest,
    bad: &mut Problems,
) -> Option<(VerifyOrder, OrderView)> {
    let pb::VerifyOrderRequest { order_id, waive_duplicate, etag, request_id: _, view } = request;
    let target = target(&order_id, etag, bad);
    let waive = if waive_duplicate { Waive::Duplicate } else { Waive::Nothing };
    let view = order_view(view, bad);
    Some((VerifyOrder { target: target?, waive }, view))
}

pub(crate) fn cancel_order(
    request: pb::CancelOrderRequest,
    bad: &mut Problems,
) -> Option<(CancelOrder, OrderView)> {
    let pb::CancelOrderRequest { order_id, reason, etag, request_id: _, view } = request;
    let target = target(&order_id, etag, bad);
    let reason = required_text("reason", reason, REASON_MAX, bad);
    let view = order_view(view, bad);
    Some((CancelOrder { target: target?, reason }, view))
}

pub(crate) fn place_hold(
    request: pb::PlaceHoldRequest,
    bad: &mut Problems,
) -> Option<(PlaceHold, OrderView)> {
    let pb::PlaceHoldRequest { order_id, reason, comment, etag, request_id: _, view } = request;
    let target = target(&order_id, etag, bad);
    let reason = required_word("reason", reason, words::to_hold_reason, bad);
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

pub(crate) fn release_hold(
    request: pb::ReleaseHoldRequest,
    bad: &mut Problems,
) -> Option<(ReleaseHold, OrderView)> {
    let pb::ReleaseHoldRequest { order_id, hold_id, comment, etag, request_id: _, view } = request;
    let target = target(&order_id, etag, bad);
    let hold = id("hold_id", &hold_id, bad);
    let comment = text("comment", comment, REASON_MAX, bad);
    let view = order_view(view, bad);
    Some((ReleaseHold { target: target?, hold: hold?, comment }, view))
}

pub(crate) fn close_order(
    request: pb::CloseOrderRequest,
    bad: &mut Problems,
) -> Option<(CloseOrder, OrderView)> {
    let pb::CloseOrderRequest { order_id, etag, request_id: _, view } = request;
    let target = target(&order_id, etag, bad);
    let view = order_view(view, bad);
    Some((CloseOrder { target: target? }, view))
}

pub(crate) fn archive_order(
    request: pb::ArchiveOrderRequest,
    bad: &mut Problems,
) -> Option<(ArchiveOrder, OrderView)> {
    let pb::ArchiveOrderRequest { order_id, etag, request_id: _, view } = request;
    let target = target(&order_id, etag, bad);
    let view = order_view(view, bad);
    Some((ArchiveOrder { target: target? }, view))
}

pub(crate) fn submit_feedback(
    request: pb::SubmitFeedbackRequest,
    bad: &mut Problems,
) -> Option<(SubmitFeedback, OrderView)> {
    let pb::SubmitFeedbackRequest {
        order_id,
        delivery_rating,
        product_rating,
        comment,
        etag,
        request_id: _,
        view,
    } = request;
    let target = target(&order_id, etag, bad);
    number("delivery_rating", i64::from(delivery_rating), 1..=5, bad);
    number("product_rating", i64::from(product_rating), 1..=5, bad);
    let comment = note("comment", comment, FEEDBACK_MAX, bad);
    let view = order_view(view, bad);
    let target = target?;
    Some((SubmitFeedback { target, delivery_rating, product_rating, comment }, view))
}

/// The order of a request that changes it.
pub(crate) fn target(order_id: &str, etag: String, bad: &mut Problems) -> Option<Target> {
    Some(Target { part: Part::Order(id("order_id", order_id, bad)?), etag })
}

/// One order, by its id or by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderKey {
    Id(OrderId),
    Number(i64),
}

pub(crate) fn get_order(request: pb::GetOrderRequest, bad: &mut Problems) -> Option<(OrderKey, OrderView)> {
    let pb::GetOrderRequest { key, view } = request;
    let view = order_view(view, bad);
    let key = match required("order_id", key, bad)? {
        pb::get_order_request::Key::OrderId(order_id) => id("order_id", &order_id, bad).map(OrderKey::Id),
        pb::get_order_request::Key::Number(number) => order_number(&number, bad),
    };
    Some((key?, view))
}

/// How much of the order the answer has: all of it if nothing is said.
fn order_view(number: i32, bad: &mut Problems) -> OrderView {
    let view = word("view", number, |it| pb::OrderView::try_from(it).ok(), bad);
    match view.unwrap_or(pb::OrderView::Unspecified) {
        pb::OrderView::Unspecified | pb::OrderView::Full => OrderView::Full,
        pb::OrderView::Basic => OrderView::Basic,
    }
}

pub(crate) fn get_order_timeline(
    request: pb::GetOrderTimelineRequest,
    bad: &mut Problems,
) -> Option<OrderKey> {
    let pb::GetOrderTimelineRequest { key } = request;
    match required("order_id", key, bad)? {
        pb::get_order_timeline_request::Key::OrderId(order_id) => {
            id("order_id", &order_id, bad).map(OrderKey::Id)
        }
        pb::get_order_timeline_request::Key::Number(number) => order_number(&number, bad),
    }
}

fn order_number(text: &str, bad: &mut Problems) -> Option<OrderKey> {
    let number = digits(text).filter(|it| *it > 0).map(OrderKey::Number);
    if number.is_none() {
        bad.add("number", "must be an order's number, such as 100042");
    }
    number
}

/// The listing, whether archived orders belong to it, and how much of each is shown.
pub(crate) fn list_orders(
    request: pb::ListOrdersRequest,
    limits: &Limits,
    bad: &mut Problems,
) -> Option<(Listing, bool, OrderView)> {
    let pb::ListOrdersRequest { page_size, page_token, filter, order_by, show_archived, view } = request;
    let view = order_view(view, bad);
    Some((listing(Wanted { page_size, page_token, filter, order_by }, limits, bad), show_archived, view))
}

pub(crate) fn get_message(request: pb::GetMessageRequest, bad: &mut Problems) -> Option<MessageId> {
    let pb::GetMessageRequest { message_id } = request;
    id("message_id", &message_id, bad)
}

/// The time that a feedback report is about.
pub(crate) fn get_feedback_report(
    request: pb::GetFeedbackReportRequest,
    bad: &mut Problems,
) -> Option<(Timestamp, Timestamp)> {
    let pb::GetFeedbackReportRequest { start_time, end_time } = request;
    let since = timestamp("start_time", start_time, bad).unwrap_or(Timestamp::MIN);
    let until = timestamp("end_time", end_time, bad).unwrap_or(Timestamp::MAX);
    if until < since {
        bad.add("end_time", "must not be before start_time");
    }
    Some((since, until))
}

/// Where to begin to watch, and what.
pub(crate) fn watch_orders(
    request: pb::WatchOrdersRequest,
    bad: &mut Problems,
) -> Option<(Begin, EventFilter)> {
    let pb::WatchOrdersRequest { after_position, order_id, customer_email } = request;
    let begin = match after_position {
        -1 => Begin::Now,
        position => Begin::After(number("after_position", position, -1..=i64::MAX, bad)),
    };
    let order = optional_id("order_id", &order_id, bad);
    let email = text("customer_email", customer_email, 254, bad);
    let customer_email = (!email.is_empty()).then_some(email);
    Some((begin, EventFilter { order, customer_email, kinds: Vec::new() }))
}

/// Where a stream of events begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    Now,
    After(i64),
}

#[cfg(test)]
mod tests {
    use tonic::Request;

    use super::*;
    use crate::rpc::call::Call;

    fn address_of(country: &str) -> pb::Address {
        pb::Address {
            street: vec!["1 Main Street".to_owned()],
            city: "Newark".to_owned(),
            state: "NJ".to_owned(),
            postal_code: "07102".to_owned(),
            country: country.to_owned(),
            ..pb::Address::default()
        }
    }

    fn draft() -> pb::OrderDraft {
        pb::OrderDraft {
            channel: pb::Channel::Online.into(),
            customer: Some(pb::Customer {
                name: "Ada Byron".to_owned(),
                email: "ada@example.com".to_owned(),
                ..pb::Customer::default()
            }),
            shipping_address: Some(address_of("US")),
            lines: vec![pb::OrderLineDraft {
                sku: "MUG-1".to_owned(),
                quantity: 2,
                ..pb::OrderLineDraft::default()
            }],
            currency: "USD".to_owned(),
            ..pb::OrderDraft::default()
        }
    }

    fn money_of(currency: &str, units: i64, nanos: i32) -> Option<pb::Money> {
        Some(pb::Money { currency_code: currency.to_owned(), units, nanos })
    }

    fn bad_fields(order: pb::OrderDraft, request_id: &str) -> Vec<String> {
        let request = pb::CreateOrderRequest { order: Some(order), request_id: request_id.to_owned() };
        let mut bad = Problems::default();
        Call::of(&mut Request::new(request.clone()), &mut bad);
        create_order(request, &mut bad);
        let mut fields: Vec<String> = bad.0.into_iter().map(|it| it.field).collect();
        fields.sort();
        fields
    }

    #[test]
    fn an_order_of_the_least_that_is_needed_is_read() {
        let request = pb::CreateOrderRequest { order: Some(draft()), request_id: String::new() };
        let mut bad = Problems::default();
        let CreateOrder { new: order } = create_order(request, &mut bad).expect("a good order");
        assert!(bad.0.is_empty());
        assert_eq!((order.service, order.on_shortage), (ServiceLevel::Standard, OnShortage::Refuse));
        assert_eq!((order.lines[0].sku.as_str(), order.lines[0].quantity), ("MUG-1", 2));
    }

    #[test]
    fn every_bad_field_of_an_order_is_named_at_once_by_its_path() {
        let line = |sku: &str, quantity| pb::OrderLineDraft {
            sku: sku.to_owned(),
            quantity,
            ..pb::OrderLineDraft::default()
        };
        let order = pb::OrderDraft {
            channel: 99,
            external_reference: "4111 1111 1111 1111".to_owned(),
            customer: Some(pb::Customer { phone: "1".repeat(41), ..pb::Customer::default() }),
            shipping_address: Some(pb::Address {
                street: vec!["a".to_owned(), "b\nc".to_owned()],
                ..address_of("Germany")
            }),
            billing_address: Some(pb::Address { postal_code: "0".repeat(21), ..address_of("DE") }),
            lines: vec![
                line("MUG-1", 0),
                line("white space", 1_000_001),
                pb::OrderLineDraft {
                    unit_price: money_of("USD", -1, 0),
                    discount: Some(pb::Discount { value: Some(pb::discount::Value::RatePpm(0)) }),
                    description: "\u{7}".to_owned(),
                    ..line("MUG-2", 1)
                },
                pb::OrderLineDraft { discount: Some(pb::Discount { value: None }), ..line("MUG-3", 1) },
            ],
            currency: "usd".to_owned(),
            special_instructions: "x".repeat(1_001),
            shipping_service: 9,
            on_shortage: -1,
            requested_delivery_time: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
            discount: Some(pb::Discount {
                value: Some(pb::discount::Value::Amount(money_of("USD", 1, 1).expect("money"))),
            }),
            discount_code: "y".repeat(51),
            shipping_fee: money_of("USD", 1, -1),
            prices_include_tax: false,
            reservation_lifetime: Some(prost_types::Duration { seconds: 0, nanos: 0 }),
        };
        assert_eq!(
            bad_fields(order, "short"),
            [
                "order.billing_address.postal_code",
                "order.channel",
                "order.currency",
                "order.customer.name",
                "order.customer.phone",
                "order.discount.amount.nanos",
                "order.discount_code",
                "order.external_reference",
                "order.lines[0].quantity",
                "order.lines[1].quantity",
                "order.lines[1].sku",
                "order.lines[2].description",
                "order.lines[2].discount.rate_ppm",
                "order.lines[2].unit_price",
                "order.lines[3].discount",
                "order.on_shortage",
                "order.requested_delivery_time",
                "order.reservation_lifetime",
                "order.shipping_address.country",
                "order.shipping_address.street[1]",
                "order.shipping_fee.nanos",
                "order.shipping_service",
                "order.special_instructions",
                "request_id",
            ]
        );
    }

    #[test]
    fn what_is_required_is_named_when_it_is_missing() {
        assert_eq!(
            bad_fields(pb::OrderDraft::default(), ""),
            ["order.channel", "order.currency", "order.customer", "order.lines", "order.shipping_address",]
        );
    }

    #[test]
    fn amounts_are_in_the_currency_of_the_order() {
        let amount = pb::discount::Value::Amount(money_of("EUR", 1, 0).expect("money"));
        let order = pb::OrderDraft {
            discount: Some(pb::Discount { value: Some(amount) }),
            shipping_fee: money_of("EUR", 1, 0),
            ..draft()
        };
        assert_eq!(bad_fields(order, ""), ["order.discount.amount", "order.shipping_fee"]);
    }

    #[test]
    fn an_update_takes_the_fields_of_its_mask_and_no_others() {
        let update = |paths: &[&str], order: pb::OrderDraft| {
            let mut bad = Problems::default();
            let paths: Vec<String> = paths.iter().map(|it| (*it).to_owned()).collect();
            (correction(&paths, order, &mut bad).0, bad.0)
        };
        let order = pb::OrderDraft { special_instructions: "ring twice".to_owned(), ..draft() };
        let (read, bad) = update(&["special_instructions", "billing_address"], order.clone());
        let expected = Correction {
            special_instructions: Some("ring twice".to_owned()),
            billing_address: Some(None),
            ..Correction::default()
        };
        assert_eq!((read, bad), (expected, Vec::new()));

        let (_, bad) = update(&["channel", "customer.email"], order);
        assert_eq!(
            bad.iter().map(|it| it.field.as_str()).collect::<Vec<_>>(),
            ["update_mask", "update_mask"]
        );
    }

    #[test]
    fn an_order_is_asked_for_by_id_or_number() {
        let get = |key| {
            let mut bad = Problems::default();
            (get_order(pb::GetOrderRequest { key, view: 0 }, &mut bad).map(|it| it.0), bad.0.len())
        };
        assert_eq!(get(None), (None, 1));
        assert_eq!(
            get(Some(pb::get_order_request::Key::Number("100042".to_owned()))),
            (Some(OrderKey::Number(100_042)), 0)
        );
        for wrong in ["-1", "+100042", " 100042", "100_042", "1e5", "0", "", "١٠٠", "9223372036854775808"]
        {
            assert_eq!(get(Some(pb::get_order_request::Key::Number(wrong.to_owned()))), (None, 1), "{wrong}");
        }
        assert_eq!(get(Some(pb::get_order_request::Key::OrderId("shp_1".to_owned()))), (None, 1));
    }
}
