//! Tests of what invoices say.

use super::*;
use crate::domain::documents::invoice_paper::PaymentBox;
use crate::domain::model::amounts::Discount;
use crate::domain::model::discount::{CreditDraw, DiscountKey, Redemption};
use crate::domain::model::method::Method;
use crate::domain::model::payment::Means;
use crate::domain::tests::sample::{NOW, days_later, invoiced, sample, seller};

fn in_locale(locale: &str) -> InvoicePaper {
    let (mut order, _) = sample();
    order.customer.locale = locale.to_owned();
    paper(&order)
}

fn paper(order: &Order) -> InvoicePaper {
    invoice_paper(order, order.invoices.last().expect("an invoice"), &seller())
}

fn sums(paper: &InvoicePaper) -> Vec<(&str, &str)> {
    paper.sums.iter().map(|it| (it.name.as_str(), it.amount.as_str())).collect()
}

fn pairs<'a>(pairs: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    pairs.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[test]
fn an_invoice_says_who_sold_what_to_whom_for_how_much() {
    let paper = in_locale("en-GB");
    assert_eq!((paper.language, paper.title.as_str()), ("en", "Invoice INV-000007"));
    assert_eq!(paper.seller, "North Wind GmbH");
    assert_eq!(
        paper.seller_lines,
        [
            "Hauptstraße 1",
            "10115 Berlin",
            "Germany",
            "+49 30 901820",
            "billing@northwind.example",
            "northwind.example"
        ]
    );
    assert_eq!(paper.sender, "North Wind GmbH · Hauptstraße 1 · 10115 Berlin");
    assert_eq!(
        paper.billing_address,
        ["Ada Byron", "Analytical Engines", "1 Main Street", "10115 Berlin", "Germany"]
    );
    assert!(paper.delivery_address.is_empty(), "the goods go to the same address");
    assert_eq!(
        pairs(&paper.facts),
        [
            ("Invoice number", "INV-000007"),
            ("Invoice date", "2 March 2026"),
            ("Order", "100042"),
            ("Order date", "2 March 2026"),
            ("Due", "at once"),
        ]
    );
    let row = &paper.rows[0];
    assert_eq!((row.number.as_str(), row.item.as_str(), row.sku.as_str()), ("1", "Mug, blue", "MUG-1"));
    assert_eq!((row.quantity.as_str(), row.unit_price.as_str()), ("2", "€12.50"));
    assert_eq!((row.discount.as_str(), row.tax.as_str(), row.amount.as_str()), ("", "19%", "€25.00"));
    assert_eq!(
        sums(&paper),
        [("Subtotal", "€28.00"), ("Shipping", "€4.90"), ("Total", "€32.90"), ("Includes tax of", "€5.25")]
    );
    assert_eq!(paper.taxes[1], ["19%", "€27.65", "€5.25", "€32.90"]);
    assert_eq!(paper.prices_note, "Prices include tax.");
    assert_eq!(
        paper.foot,
        [
            vec!["North Wind GmbH", "Hauptstraße 1", "10115 Berlin", "Germany"],
            vec![
                "VAT ID DE123456789",
                "Tax number 12/345/67890",
                "Amtsgericht Charlottenburg, HRB 12345 B",
                "+49 30 901820",
                "billing@northwind.example",
                "northwind.example"
            ],
            vec!["Commerzbank", "IBAN DE89 3704 0044 0532 0130 00", "BIC COBADEFFXXX"],
        ]
    );
}

#[test]
fn every_language_has_its_own_words_dates_and_money() {
    let (german, russian) = (in_locale("de-AT"), in_locale("ru"));
    assert_eq!(german.title, "Rechnung INV-000007");
    assert!(pairs(&german.facts).contains(&("Rechnungsdatum", "2. März 2026")), "{:?}", german.facts);
    assert_eq!(sums(&german)[2], ("Gesamtbetrag", "€\u{a0}32,90"));
    assert_eq!(german.payment.sentences[0], "Bitte bezahlen Sie €\u{a0}32,90 sofort.");
    assert_eq!(german.billing_address.last().map(String::as_str), Some("Deutschland"));
    assert_eq!(russian.title, "Счёт INV-000007");
    assert!(pairs(&russian.facts).contains(&("Дата счёта", "2 марта 2026\u{a0}г.")), "{:?}", russian.facts);
    assert_eq!(russian.billing_address.last().map(String::as_str), Some("Германия"));
    // Neither has a word of another, or a form that was not filled in.
    for paper in [&german, &russian, &in_locale("en")] {
        let text = format!("{paper:?}");
        assert!(!text.contains("{order}") && !text.contains("{total}") && !text.contains("{date}"), "{text}");
        assert!(paper.page_form.contains("{page}") && paper.page_form.contains("{pages}"));
    }

    // A language that there is none of gives way to the seller's.
    assert_eq!(in_locale("fr").language, "de");
    let (order, _) = sample();
    let mut nowhere = order.clone();
    nowhere.customer.locale = "fr".to_owned();
    assert_eq!(invoice_paper(&nowhere, &nowhere.invoices[0], &Seller::default()).language, "en");
}

#[test]
fn the_sums_lead_from_the_rows_to_the_total() {
    let lines = [(3, 1_000, Some(Discount::Amount(300)), 190_000), (1, 500, None, 70_000)];
    let mut order = invoiced(&lines, Some(Discount::Amount(320)), 490, false);
    order.redemption = Some(Redemption {
        code: "SPRING".parse().unwrap(),
        gives: Discount::Amount(320),
        minimum_minor: 0,
        uses_max: None,
        customer: None,
        given_back_at: None,
    });
    let paper = paper(&order);
    assert!(paper.columns.contains(&InvoiceColumn::Discount("Discount")));
    assert_eq!((paper.rows[0].discount.as_str(), paper.rows[0].amount.as_str()), ("-€3.00", "€27.00"));
    assert_eq!(
        sums(&paper),
        [
            ("Subtotal", "€32.00"),
            ("Discount SPRING", "-€3.20"),
            ("Shipping", "€4.90"),
            ("Net total", "€33.70"),
            ("Tax", "€5.87"),
            ("Total", "€39.57"),
        ]
    );
    assert_eq!(
        paper.taxes[1..],
        [["19%", "€29.20", "€5.55", "€34.75"], ["7%", "€4.50", "€0.32", "€4.82"]]
            .map(|it| it.map(str::to_owned))
    );
    assert_eq!(paper.prices_note, "Prices are without tax.");
}

#[test]
fn an_invoice_asks_to_be_paid_in_the_sellers_ways_by_its_date() {
    let (mut order, _) = sample();
    let PaymentBox { sentences, account, code, .. } = paper(&order).payment;
    assert_eq!(sentences, ["Please pay €32.90 at once.", "By card: in our shop, under order 100042."]);
    assert_eq!(
        pairs(&account),
        [
            ("Account holder", "North Wind GmbH"),
            ("IBAN", "DE89 3704 0044 0532 0130 00"),
            ("BIC", "COBADEFFXXX"),
            ("Bank", "Commerzbank"),
            ("Reference", "INV-000007"),
            ("RF reference", "RF04 INV0 0000 7"),
        ]
    );
    let (code, _) = code.expect("a code");
    assert_eq!(
        code,
        "BCD\n002\n1\nSCT\nCOBADEFFXXX\nNorth Wind GmbH\nDE89370400440532013000\nEUR32.90\n\nRF04INV000007"
    );

    order.invoices[0].due_at = Some(days_later(14));
    let due = paper(&order);
    assert_eq!(due.payment.sentences[0], "Please pay €32.90 by 16 March 2026.");
    assert!(pairs(&due.facts).contains(&("Due", "16 March 2026")));
}

#[test]
fn a_code_is_for_euros_to_an_account_of_the_sepa_only() {
    let (order, _) = sample();
    let code = |order: &Order, seller: &Seller| invoice_paper(order, &order.invoices[0], seller).payment.code;
    let mut elsewhere = seller();
    elsewhere.bank.as_mut().expect("an account").iban = "SA0380000000608010167519".parse().expect("an IBAN");
    assert_eq!(code(&order, &elsewhere), None);
    let mut dollars = order.clone();
    dollars.invoices[0].amounts.currency = "USD".parse().expect("a currency");
    assert_eq!(code(&dollars, &seller()), None);

    // A number that is too long for a reference that banks check is one in words.
    let mut long = order.clone();
    long.invoices[0].series = "A-VERY-LONG-SERIES-1".to_owned();
    let (text, _) = code(&long, &seller()).expect("a code");
    assert!(text.ends_with("EUR32.90\n\n\nA-VERY-LONG-SERIES-1-000007"), "{text}");

    let by_card = Seller { pay_by: vec![Method::Card], ..seller() };
    let paying = invoice_paper(&order, &order.invoices[0], &by_card).payment;
    assert_eq!((paying.transfer.as_str(), paying.account.len(), paying.code), ("", 0, None));
}

#[test]
fn what_costs_nothing_is_not_asked_for() {
    let order = invoiced(&[(1, 500, None, 190_000)], Some(Discount::Percent(1_000_000)), 0, true);
    let paying = paper(&order).payment;
    assert_eq!(paying.sentences, ["Nothing is left to pay."]);
    assert!(paying.account.is_empty() && paying.code.is_none());
}

#[test]
fn what_store_credit_pays_is_said_and_not_asked_for() {
    let (mut order, _) = sample();
    let asked = |order: &Order| paper(order).payment.sentences;
    let code: DiscountKey = "CREDIT-AAAA-BBBB-CCCC".parse().expect("a code");
    order.store_credit = Some(CreditDraw { code: code.clone(), worth_minor: 2_000, set_aside_minor: 0 });
    let invoice = order.invoices[0].id;
    let payment = &mut order.payments[0];
    (payment.invoice, payment.method, payment.means) =
        (invoice, Method::StoreCredit, Means::StoreCredit(code));
    payment.captured_minor = 2_000;
    assert_eq!(asked(&order)[..2], ["€20.00 is paid with store credit …CCCC.", "Please pay €12.90 at once."]);
    let (code, _) = paper(&order).payment.code.expect("a transfer");
    assert!(code.contains("EUR12.90"), "{code}");
    assert_eq!(sums(&paper(&order))[2], ("Total", "€32.90"), "its taxes are those of the whole");
    order.payments[0].captured_minor = order.invoices[0].amounts.total_minor;
    assert_eq!(asked(&order)[1], "Nothing is left to pay.");
}

#[test]
fn an_invoice_goes_on_saying_whom_it_was_issued_to() {
    let (mut order, _) = sample();
    let before = paper(&order);
    order.keep_buyers();
    order.customer.name = "Grace Hopper".to_owned();
    order.customer.locale = "de".to_owned();
    order.shipping_address.city = "Hamburg".to_owned();
    order.billing_address = Some(order.shipping_address.clone());
    assert_eq!(paper(&order), before);
    // Not even a second change reaches it.
    order.keep_buyers();
    order.shipping_address.city = "Bremen".to_owned();
    assert_eq!(paper(&order), before);
}

#[test]
fn goods_that_go_elsewhere_are_said_to() {
    let (mut order, _) = sample();
    let mut address = order.shipping_address.clone();
    address.lines = vec!["2 Side Street".to_owned()];
    order.billing_address = Some(address);
    let paper = paper(&order);
    assert_eq!(paper.billing_address[2], "2 Side Street");
    assert_eq!(paper.delivery_address[2], "1 Main Street");
}

#[test]
fn without_a_seller_an_invoice_says_the_rest() {
    let (order, _) = sample();
    let paper = invoice_paper(&order, &order.invoices[0], &Seller::default());
    assert_eq!((paper.seller.as_str(), paper.sender.as_str()), ("", ""));
    assert!(paper.foot.is_empty() && paper.seller_lines.is_empty());
    assert_eq!(paper.payment.sentences, ["Please pay €32.90 at once."]);
    assert_eq!(paper.issued_unix_seconds, NOW.unix_micros() / 1_000_000);
}
