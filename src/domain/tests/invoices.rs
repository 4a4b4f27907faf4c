//! What is frozen when an invoice is issued: the seller, the date, and whom it goes to.

use uuid::Uuid;

use crate::domain::model::order::OrderState;
use crate::domain::model::scalars::SellerId;
use crate::domain::ordering::change::Correction;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::order;

const DAY: u64 = 86_400;

fn bench(terms_days: u32, kept_days: u64) -> Bench {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    bench.rules.payment_terms_days = terms_days;
    bench.rules.reservation_lifetime_seconds = kept_days * DAY;
    bench
}

#[test]
fn an_invoice_is_due_at_the_end_of_the_terms_but_not_after_the_goods_are_free_for_others() {
    for (terms, kept, due) in [(0, 30, Some(30)), (14, 30, Some(14)), (14, 7, Some(7))] {
        let mut bench = bench(terms, kept);
        let id = bench.placed(&order("ada", &[("A-1", 1)]));
        let invoice = &bench.order(id).invoices[0];
        let days = invoice.due_at.map(|it| it.since(invoice.issued_at).as_secs() / DAY);
        assert_eq!(days, due, "{terms} days to pay, goods kept for {kept}");
    }
}

#[test]
fn what_keeps_an_order_open_names_no_amount() {
    let mut bench = bench(14, 30);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    assert!(bench.order(id).due_minor() > 0);
    let open = bench.order(id).why_open();
    assert!(open.iter().any(|it| it == "an amount is due"), "{open:?}");
}

#[test]
fn an_invoice_names_the_seller_of_its_time() {
    let mut bench = bench(0, 1);
    let seller: SellerId = Uuid::from_u128(7).into();
    bench.rules.seller = Some(seller);
    let first = bench.placed(&order("ada", &[("A-1", 1)]));
    bench.rules.seller = None;
    let second = bench.placed(&order("bob", &[("A-1", 1)]));
    assert_eq!(bench.order(first).invoices[0].seller, Some(seller));
    assert_eq!(bench.order(second).invoices[0].seller, None);
}

#[test]
fn a_corrected_name_or_address_does_not_reach_an_invoice_that_was_issued() {
    let mut bench = bench(0, 1);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    assert_eq!(bench.state(id), OrderState::Invoiced);
    let before = bench.order(id).clone();
    assert!(before.invoices[0].buyer.is_none(), "as long as nothing is corrected, nothing is kept twice");

    let words = Correction { special_instructions: Some("Ring twice".to_owned()), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &words)).expect("corrected");
    assert!(bench.order(id).invoices[0].buyer.is_none());
    for name in ["Ada King", "Ada Lovelace"] {
        let mut customer = bench.order(id).customer.clone();
        customer.name = name.to_owned();
        let mut address = bench.order(id).shipping_address.clone();
        address.lines = vec![format!("1 {name} Street")];
        let correction = Correction {
            customer: Some(customer),
            shipping_address: Some(address.clone()),
            billing_address: Some(Some(address)),
            ..Correction::default()
        };
        bench.on(id, |order, unit| order.correct(unit, &correction)).expect("corrected");
    }
    let order = bench.order(id);
    let invoice = &order.invoices[0];
    assert_eq!(order.customer.name, "Ada Lovelace");
    assert_eq!(order.invoiced_customer(invoice), &before.customer);
    assert_eq!(order.invoiced_shipping_address(invoice), &before.shipping_address);
    assert_eq!(order.invoiced_billing_address(invoice), &before.shipping_address);
    assert_eq!(order.nth_invoice_told(0), Some(invoice));
    assert_eq!(order.nth_invoice_told(2), None);
}
