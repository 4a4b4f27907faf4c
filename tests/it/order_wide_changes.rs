//! Orders get another shipping service or discount over the wire after they were sold: money, papers and codes follow.

use consign::pb::order_change_item::Item;
use consign::pb::{self, Money, ServiceLevel};
use tonic::Status;
use tonic_types::StatusExt;

use crate::discounts::{discount_code, issue_for_one_order};
use crate::order_changes::{balance, confirm, create, cups, invoice, paid, proposed, request, set, shop};
use crate::server::{Clients, on_both_engines};
use crate::shop::{create_order, eur, every_law_holds, order, pay_by_card, reason};
use crate::warehouse::Warehouse;

fn service(level: ServiceLevel, fee: Option<Money>) -> Item {
    Item::SetShippingService(pb::SetShippingService { service_level: level as i32, shipping_fee: fee })
}

fn discount(discount: Option<pb::set_discount::Discount>) -> Item {
    Item::SetDiscount(pb::SetDiscount { discount })
}

fn code(code: &str) -> Item {
    discount(Some(pb::set_discount::Discount::Code(code.to_owned())))
}

fn rate(rate_ppm: i32) -> Item {
    let own = pb::Discount { value: Some(pb::discount::Value::RatePpm(rate_ppm)) };
    discount(Some(pb::set_discount::Discount::AmountOrRate(own)))
}

fn fields(refused: &Status) -> Vec<String> {
    let bad = refused.get_details_bad_request().expect("the fields");
    bad.field_violations.into_iter().map(|it| it.field).collect()
}

async fn credit_note(server: &Clients, id: &str) -> pb::CreditNote {
    let key = pb::get_credit_note_request::Key::CreditNoteId(id.to_owned());
    let request = pb::GetCreditNoteRequest { key: Some(key) };
    let answer = server.billing.clone().get_credit_note(request).await.expect("it is there");
    answer.into_inner().credit_note.expect("a credit note")
}

/// Three cups at 10.00 and a fee of 5.00, tax included.
fn three_cups(buyer: &str) -> pb::OrderDraft {
    pb::OrderDraft { shipping_fee: Some(eur(500)), ..cups(buyer, 3) }
}

async fn confirmed(
    server: &Clients,
    id: &str,
    items: Vec<Item>,
) -> (pb::OrderChangeProposal, pb::OrderChangeOutcome) {
    let change = proposed(server, id, items).await;
    let done = confirm(server, &change, false).await.expect("confirmed");
    (change.proposal.expect("a proposal"), done.outcome.expect("an outcome"))
}

on_both_engines!(a_dearer_service_is_given_when_it_is_paid_and_a_cheaper_one_is_paid_back, async |server| {
    shop(&server).await;
    let placed = paid(&server, three_cups("ida")).await;
    let dearer = vec![service(ServiceLevel::Express, Some(eur(900)))];
    let (proposal, outcome) = confirmed(&server, &placed.id, dearer).await;
    assert_eq!((proposal.old_total, proposal.new_total), (Some(eur(3_500)), Some(eur(3_900))));
    assert_eq!((proposal.supplementary_invoiced, proposal.to_pay), (Some(eur(400)), Some(eur(400))));
    assert_eq!(outcome.shipping_service_once_paid(), ServiceLevel::Express);
    let waiting = order(&server, &placed.id).await;
    assert_eq!(waiting.shipping_service(), ServiceLevel::Standard);
    let supplement = invoice(&server, &outcome.supplementary_invoice_id).await;
    assert_eq!(
        (supplement.lines.len(), supplement.shipping, supplement.total),
        (0, Some(eur(400)), Some(eur(400)))
    );

    pay_by_card(&server, &placed.id, "tok_success").await.expect("the difference is paid");
    assert_eq!(order(&server, &placed.id).await.shipping_service(), ServiceLevel::Express);
    let cheaper = vec![service(ServiceLevel::Standard, Some(eur(200)))];
    let (proposal, outcome) = confirmed(&server, &placed.id, cheaper).await;
    assert_eq!((proposal.credited, proposal.to_pay_back), (Some(eur(700)), Some(eur(700))));
    assert_eq!((outcome.credit_note_ids.len(), outcome.paid_back), (2, Some(eur(700))));
    let notes = [
        credit_note(&server, &outcome.credit_note_ids[0]).await,
        credit_note(&server, &outcome.credit_note_ids[1]).await,
    ];
    assert_eq!(
        (notes[0].invoice_id.as_str(), notes[0].total.clone()),
        (supplement.id.as_str(), Some(eur(400)))
    );
    assert_eq!((notes[1].invoice_id.clone(), notes[1].shipping.clone()), (placed.invoice_id, Some(eur(300))));
    let after = order(&server, &placed.id).await;
    assert_eq!(after.shipping_service(), ServiceLevel::Standard);
    assert_eq!(balance(&server, &placed.id).await.amount_due, Some(eur(0)));

    let warehouse = Warehouse { server: &server };
    warehouse.until_quiet(&placed.id).await;
    assert_eq!(balance(&server, &placed.id).await.refunded, Some(eur(700)));
    // What nobody pays before the goods leave is given up with them.
    confirmed(&server, &placed.id, vec![service(ServiceLevel::Express, Some(eur(900)))]).await;
    warehouse.ship(&after.shipment_ids[0]).await;
    let left = order(&server, &placed.id).await;
    assert_eq!((left.state(), left.shipping_service()), (pb::OrderState::Shipped, ServiceLevel::Standard));
    assert_eq!(balance(&server, &placed.id).await.amount_due, Some(eur(0)));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_code_is_redeemed_by_a_change_and_credited_line_by_line, async |server| {
    shop(&server).await;
    issue_for_one_order(&server, "LATER10").await;
    let placed = paid(&server, three_cups("jan")).await;
    let (proposal, outcome) = confirmed(&server, &placed.id, vec![code("later10")]).await;
    assert_eq!((proposal.credited, proposal.to_pay_back), (Some(eur(300)), Some(eur(300))));
    let note = credit_note(&server, &outcome.credit_note_ids[0]).await;
    let line = &note.lines[0];
    assert_eq!((line.line_number, line.quantity, line.total.clone()), (1, 0, Some(eur(300))));
    assert_eq!((note.discount.clone(), note.total.clone()), (Some(eur(0)), Some(eur(300))));
    let after = order(&server, &placed.id).await;
    assert_eq!(
        (after.discount_code.as_str(), after.lines[0].order_discount_share.clone()),
        ("LATER10", Some(eur(300)))
    );
    assert_eq!(after.totals.and_then(|it| it.total), Some(eur(3_200)));
    assert_eq!(discount_code(&server, "LATER10").await.redeemed_count, 1);

    let other = paid(&server, three_cups("kai")).await;
    let items = vec![code("LATER10"), service(ServiceLevel::Standard, None)];
    let refused = create(&server, request(&other.id, items)).await.expect_err("two faults");
    let bad = ["items[0].set_discount.code", "items[1].set_shipping_service"];
    assert_eq!(fields(&refused), bad);
    let refused = create(&server, request(&other.id, vec![code("LATER10")])).await.expect_err("used up");
    assert_eq!(reason(&refused), "DISCOUNT_CODE_USED_UP");
    let unsaid = vec![service(ServiceLevel::Unspecified, None), rate(0), discount(None)];
    let refused = create(&server, request(&other.id, unsaid)).await.expect_err("two faults of form");
    let bad =
        ["items[0].set_shipping_service.service_level", "items[1].set_discount.amount_or_rate.rate_ppm"];
    assert_eq!(fields(&refused), bad);
    let refused = create(&server, request(&placed.id, vec![rate(1)])).await.expect_err("it has one");
    assert_eq!(fields(&refused), ["items[0].set_discount"]);

    // What was taken off before does not share in a discount.
    confirmed(&server, &other.id, vec![set(1, 2)]).await;
    let refused = create(&server, request(&other.id, vec![rate(1)])).await.expect_err("shared");
    assert_eq!(fields(&refused), ["items[0].set_discount"]);
    Warehouse { server: &server }.until_quiet(&placed.id).await;
    every_law_holds(&server).await;
    server.stop().await;
});

fn money(currency: &str, units: i64, nanos: i32) -> Money {
    Money { currency_code: currency.to_owned(), units, nanos }
}

on_both_engines!(other_currencies_are_exact_to_their_minor_unit, async |server| {
    shop(&server).await;
    for (buyer, price, fee, dearer, rate_ppm, less, more) in [
        ("yen", money("JPY", 1_005, 0), 500, 900, 333_333, money("JPY", 1_005, 0), money("JPY", 400, 0)),
        (
            "dinar",
            money("KWD", 1, 255_000_000),
            2,
            5,
            100_000,
            money("KWD", 0, 377_000_000),
            money("KWD", 3, 0),
        ),
    ] {
        let currency = price.currency_code.clone();
        let mut draft = cups(buyer, 3);
        draft.currency.clone_from(&currency);
        draft.shipping_fee = Some(money(&currency, fee, 0));
        draft.lines[0].unit_price = Some(price);
        let placed = create_order(&server, draft).await.expect("there is stock");
        pay_by_card(&server, &placed.id, "tok_success").await.expect("paid");
        let (proposal, _) = confirmed(&server, &placed.id, vec![rate(rate_ppm)]).await;
        assert_eq!((proposal.credited, proposal.to_pay_back), (Some(less.clone()), Some(less)));
        let express = vec![service(ServiceLevel::Express, Some(money(&currency, dearer, 0)))];
        let (proposal, _) = confirmed(&server, &placed.id, express).await;
        assert_eq!((proposal.supplementary_invoiced, proposal.to_pay), (Some(more.clone()), Some(more)));
        pay_by_card(&server, &placed.id, "tok_success").await.expect("the difference is paid");
        assert_eq!(order(&server, &placed.id).await.shipping_service(), ServiceLevel::Express);
        Warehouse { server: &server }.until_quiet(&placed.id).await;
    }
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_discount_after_the_payment_grows_and_the_balance_shows_each_credit, async |server| {
    shop(&server).await;
    let placed = paid(&server, three_cups("lea")).await;
    for (ppm, more, in_all) in [(100_000, 300, 300), (250_000, 450, 750)] {
        let (proposal, outcome) = confirmed(&server, &placed.id, vec![rate(ppm)]).await;
        assert_eq!((proposal.credited, proposal.to_pay_back), (Some(eur(more)), Some(eur(more))));
        assert_eq!(outcome.credit_note_ids.len(), 1);
        Warehouse { server: &server }.until_quiet(&placed.id).await;
        let it = balance(&server, &placed.id).await;
        assert_eq!((it.invoiced, it.captured), (Some(eur(3_500)), Some(eur(3_500))));
        assert_eq!((it.credited, it.refunded), (Some(eur(in_all)), Some(eur(in_all))));
        assert_eq!((it.amount_due, it.open), (Some(eur(0)), Some(eur(0))));
    }
    let less = create(&server, request(&placed.id, vec![rate(100_000)])).await.expect_err("it was given");
    assert_eq!(fields(&less), ["items[0].set_discount"]);
    every_law_holds(&server).await;
    server.stop().await;
});
