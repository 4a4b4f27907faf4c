//! Facts that templates are tried with before they are used.

use crate::domain::documents::letters::facts::{
    Change, Facts, Fewer, Item, RefundWay, Returned, TaxRow, ToCorrect, Trouble,
};
use crate::domain::model::hold::HoldReason;
use crate::domain::model::message::MessageKind;

/// A letter of this kind with all that it may tell, and with no more than it must.
pub(super) fn samples(kind: MessageKind) -> Vec<Facts> {
    let (full, bare) = (full(), bare(kind));
    let mut all = vec![full.clone(), bare];
    match kind {
        MessageKind::OnHold => {
            let hold = |it: &HoldReason| Facts { hold: Some(*it), ..full.clone() };
            all.extend(HoldReason::ALL.iter().map(hold));
        }
        MessageKind::DeliveryException => {
            let troubles =
                [Trouble::Customs, Trouble::Returning, Trouble::Returned, Trouble::Lost, Trouble::Other];
            all.extend(troubles.map(|it| Facts { trouble: Some(it), ..full.clone() }));
        }
        MessageKind::RefundIssued => {
            let ways = [
                None,
                Some(RefundWay::Cash),
                Some(RefundWay::Transfer),
                Some(RefundWay::Credit),
                Some(RefundWay::Several),
            ];
            all.extend(ways.map(|it| Facts { refund_way: it, ..full.clone() }));
        }
        MessageKind::EstimateMoved | MessageKind::PromiseChanged => all.push(Facts { sooner: true, ..full }),
        MessageKind::InvoiceIssued => {
            all.push(Facts { of_change: true, ..full.clone() });
            all.push(Facts { pay_by: None, ..full.clone() });
            all.push(Facts { only_services: true, shipping: None, ..full });
        }
        MessageKind::PaymentReceived
        | MessageKind::DeliveryConfirmed
        | MessageKind::FeedbackRequested
        | MessageKind::OrderCancelled
        | MessageKind::OrderRejected => all.push(Facts { only_services: true, shipping: None, ..full }),
        MessageKind::AwaitingStock => all.push(Facts { rest_waits: false, ..full }),
        MessageKind::PromiseMissed => all.push(Facts { shipment_number: 0, tracking_number: None, ..full }),
        MessageKind::OrderReceived => all.push(Facts { exchange_of: None, ..full }),
        MessageKind::ReturnAuthorized | MessageKind::ReturnDeclined | MessageKind::ReturnResolved => {
            let bare =
                Returned { number: "100042-R1".to_owned(), goods: full.goods.clone(), ..Returned::default() };
            all.push(Facts { returned: Some(bare), ..full });
        }
        MessageKind::ChangeProposed => {
            all.extend(other_changes().map(|it| Facts { change: Some(it), ..full.clone() }));
        }
        MessageKind::ReturnReceived
        | MessageKind::OrderUpdated
        | MessageKind::HoldReleased
        | MessageKind::Shipped
        | MessageKind::OutForDelivery
        | MessageKind::DeliveryDelayed
        | MessageKind::DeliveryAttempted
        | MessageKind::ReadyForPickup
        | MessageKind::OrderExpired
        | MessageKind::LocationChanged
        | MessageKind::DeliveryRearranged
        | MessageKind::OrderLinesCancelled => {}
    }
    all
}

fn full() -> Facts {
    Facts {
        name: some("Ada Byron"),
        company: some("North Wind Ltd."),
        number: 100_042,
        only_services: false,
        services_to_come: items(),
        lines: items(),
        discount: some("-5.00"),
        shipping: some("4.90"),
        tax: some("5.25"),
        tax_included: some("5.25"),
        total: "32.90".to_owned(),
        taxes: taxes(),
        by_credit: some("-12.90"),
        by_exchange: some("-12.90"),
        exchange_of: Some(100_001),
        returned: Some(returned()),
        change: Some(change(items())),
        invoice: some("INV-000007"),
        of_change: false,
        invoice_attached: true,
        held_until: some("7 March 2026, 12:00 UTC"),
        paid: some("32.90"),
        owed_back: true,
        refund: some("3.00"),
        refund_way: Some(RefundWay::Transfer),
        hold: Some(HoldReason::VerificationFailed),
        problems: ToCorrect { any: true, contact: true, address: true, region: true, duplicate: true },
        goods: items(),
        rest_waits: true,
        waits_until: some("31 March 2026, 12:00 UTC"),
        cancelled: items(),
        cancelled_value: some("20.00"),
        credit_note: some("CRN-000003"),
        credited: some("20.00"),
        covered: some("5.00"),
        due: some("35.00"),
        pay_by: some("7 March 2026"),
        payment_reference: some("RF04INV000007"),
        shipment_number: 1,
        shipment_count: 2,
        packages: 2,
        contents: items(),
        tracking_number: some("CNK3F07XQ2M91TX"),
        courier: some("Falcon Air"),
        address: vec!["Ada Byron".to_owned(), "1 Main Street".to_owned(), "10115 Berlin".to_owned()],
        delivery_date: some("Friday, 6 March 2026"),
        told_date: some("Wednesday, 4 March 2026"),
        sooner: false,
        location: some("Leipzig hub"),
        description: some("the storm keeps the aircraft on the ground"),
        trouble: Some(Trouble::Customs),
        asks_for_feedback: true,
        feedback_until: some("Friday, 20 March 2026"),
        discount_offer: some("5%"),
        discount_code: some("NEXT-ABCD-1234-EFGH"),
        discount_until: some("5 December 2026"),
        tracking_url: some("https://shop.example/track/100042"),
        feedback_url: some("https://shop.example/feedback/100042"),
        review_url: some("https://shop.example/review/100042"),
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn items() -> Vec<Item> {
    let item = |quantity, name: &str| Item { quantity, name: name.to_owned(), amount: "25.00".to_owned() };
    vec![item(2, "Mug, blue"), item(1, "Pen")]
}

fn taxes() -> Vec<TaxRow> {
    vec![
        TaxRow { rate: "19%".to_owned(), base: "20.00".to_owned(), tax: "3.80".to_owned() },
        TaxRow { rate: "7%".to_owned(), base: "4.90".to_owned(), tax: "0.93".to_owned() },
    ]
}

fn returned() -> Returned {
    Returned {
        number: "100042-R1".to_owned(),
        goods: items(),
        awaited_until: some("31 March 2026, 12:00 UTC"),
        reason: some("it was used"),
        refund: some("20.00"),
        credit: some("10.00"),
        codes: some("CREDIT-7QF3K9"),
        fee: some("2.00"),
        exchanged: items(),
        repaired: items(),
        rejected: items(),
    }
}

fn change(items: Vec<Item>) -> Change {
    Change {
        added: items.clone(),
        fewer: vec![Fewer { quantity: 1, before: 3, name: "Mug, blue".to_owned() }],
        removed: items,
        instructions: some("ring twice"),
        without_instructions: false,
        address: vec!["Ada Byron".to_owned(), "2 Side Street".to_owned()],
        service: some("EXPRESS"),
        discount: true,
        without_discount: false,
        total: "37.90".to_owned(),
        total_before: Some("32.90".to_owned()),
        to_pay: Some("5.00".to_owned()),
        paid_back: None,
    }
}

/// With nothing but the sum, with money that goes back, and with each other service.
fn other_changes() -> [Change; 4] {
    let bare = Change { total: "37.90".to_owned(), ..Change::default() };
    let given_back = Change {
        to_pay: None,
        paid_back: Some("5.00".to_owned()),
        instructions: None,
        without_instructions: true,
        discount: false,
        without_discount: true,
        ..change(items())
    };
    let of_service = |it: &str| Change { service: some(it), ..change(items()) };
    [bare, given_back, of_service("STANDARD"), of_service("OVERNIGHT")]
}

/// What no letter of this kind is without.
fn bare(kind: MessageKind) -> Facts {
    let Facts {
        number,
        lines,
        shipping,
        total,
        taxes,
        invoice,
        paid,
        payment_reference,
        refund,
        hold,
        goods,
        cancelled,
        cancelled_value,
        shipment_number,
        contents,
        tracking_number,
        delivery_date,
        told_date,
        location,
        trouble,
        returned,
        change,
        ..
    } = full();
    let always =
        Facts { number, lines, shipping, total, taxes, goods, shipment_number, contents, ..Facts::default() };
    match kind {
        MessageKind::OnHold => Facts { hold, ..always },
        MessageKind::InvoiceIssued => Facts { invoice, payment_reference, ..always },
        MessageKind::PaymentReceived => Facts { paid, ..always },
        MessageKind::RefundIssued => Facts { refund, ..always },
        MessageKind::Shipped => Facts { tracking_number, ..always },
        MessageKind::LocationChanged => Facts { location, ..always },
        MessageKind::DeliveryException => Facts { trouble, ..always },
        MessageKind::PromiseChanged | MessageKind::EstimateMoved => Facts { delivery_date, ..always },
        MessageKind::PromiseMissed => Facts { told_date, ..always },
        MessageKind::OrderLinesCancelled => Facts { cancelled, cancelled_value, ..always },
        MessageKind::ReturnAuthorized
        | MessageKind::ReturnDeclined
        | MessageKind::ReturnReceived
        | MessageKind::ReturnResolved => Facts { returned, ..always },
        MessageKind::ChangeProposed => Facts { change, ..always },
        MessageKind::OrderReceived
        | MessageKind::OrderUpdated
        | MessageKind::HoldReleased
        | MessageKind::AwaitingStock
        | MessageKind::OutForDelivery
        | MessageKind::DeliveryDelayed
        | MessageKind::DeliveryAttempted
        | MessageKind::ReadyForPickup
        | MessageKind::DeliveryRearranged
        | MessageKind::DeliveryConfirmed
        | MessageKind::FeedbackRequested
        | MessageKind::OrderCancelled
        | MessageKind::OrderExpired
        | MessageKind::OrderRejected => always,
    }
}
