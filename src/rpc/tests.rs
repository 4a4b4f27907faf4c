//! The largest order that the bounds allow can be shown: its answers fit into what may be sent.

use prost::Message;

use crate::domain::tests::bounds::largest;
use crate::pb;
use crate::rpc::identity::response_bytes;
use crate::rpc::ordering::reply;
use crate::rpc::ordering::service::keep_newest;
use crate::rpc::{billing, returns, shipping};
use crate::settings::Limits;

#[test]
fn the_largest_order_leaves_an_eighth_of_an_answer_free() {
    let most = response_bytes(&Limits::default());
    let order = largest();
    let answer = pb::PlaceHoldResponse {
        order: Some(reply::order(&order)),
        hold: order.holds.last().map(reply::hold),
    };
    let bytes = answer.encoded_len();
    assert!(bytes <= most - most / 8, "{bytes} of {most} bytes");
}

#[test]
fn the_largest_part_of_an_order_can_be_shown() {
    let most = response_bytes(&Limits::default());
    let order = largest();
    let payment = billing::reply::payment(&order, &order.payments[0]).encoded_len();
    assert!(payment <= most / 2, "{payment} of {most} bytes");
    let note = billing::reply::credit_note(&order, &order.credit_notes[0]).encoded_len();
    assert!(note <= most / 2, "{note} of {most} bytes");
    let back =
        returns::reply::goods_return(&order, &order.returns[0], returns::reply::Codes::Whole).encoded_len();
    assert!(back <= most / 2, "{back} of {most} bytes");
    // The label, which has at most some kB for each package, is not in it.
    let shipment = shipping::reply::shipment(&order, &order.shipments[0]).encoded_len();
    assert!(shipment <= most - most / 4, "{shipment} of {most} bytes");
}

#[test]
fn a_history_that_is_too_long_is_shown_from_its_newest_event_back() {
    let event = |sequence| pb::OrderEvent { sequence, summary: "x".repeat(100), ..Default::default() };
    let whole = pb::OrderTimeline { events: (1..=1_000).map(event).collect(), ..Default::default() };
    let mut cut = whole.clone();
    keep_newest(&mut cut, whole.encoded_len());
    assert_eq!(cut, whole);

    keep_newest(&mut cut, 20_000);
    let (first, last) = (cut.events[0].sequence, cut.events[cut.events.len() - 1].sequence);
    assert_eq!((last, last - first + 1), (1_000, i64::try_from(cut.events.len()).expect("some")));
    assert!((19_500..=20_000).contains(&cut.encoded_len()), "{} bytes", cut.encoded_len());
}
