//! Every letter in every language as a customer reads it, kept in `tests/letters/`. After a change that is meant:
//! `UPDATE_LETTERS=1 cargo test --lib golden`, and read what has changed.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::*;

use crate::domain::model::discount::CreditDraw;
use crate::domain::model::exchange::{Exchange, ExchangeOf};
use crate::domain::model::line_refund::LineRefund;

/// An order of a customer who reads this language.
fn of(language: Language) -> Order {
    let mut order = order();
    let (name, currency, city, code, country, goods) = match language {
        Language::English => ("Ada Byron", "GBP", "London", "SW1A 1AA", "GB", ["Mug, blue", "Fountain pen"]),
        Language::German => ("Jörg Müller", "EUR", "Köln", "50667", "DE", ["Tasse, blau", "Füller"]),
        Language::Russian => {
            ("Мария Иванова", "RUB", "Москва", "101000", "RU", ["Кружка, синяя", "Перьевая ручка"])
        }
    };
    order.customer.name = name.to_owned();
    order.customer.locale = language.to_string();
    order.shipping_address.organization = String::new();
    order.shipping_address.city = city.to_owned();
    order.shipping_address.postal_code = code.to_owned();
    order.shipping_address.country = country.to_owned();
    let street = match language {
        Language::English => "1 Main Street",
        Language::German => "Hauptstraße 1",
        Language::Russian => "ул. Главная, д. 1",
    };
    order.shipping_address.lines = vec![street.to_owned()];
    order.amounts.currency = currency.parse().expect("a currency");
    for (index, name) in goods.into_iter().enumerate() {
        order.lines[index].description = name.to_owned();
        order.shipments[0].items[index].description = name.to_owned();
    }
    let event = &mut order.shipments[0].tracking[0];
    (event.location, event.description) = match language {
        Language::English => {
            ("Leipzig hub".to_owned(), "the storm keeps the aircraft on the ground".to_owned())
        }
        Language::German => {
            ("Verteilzentrum Leipzig".to_owned(), "das Flugzeug bleibt wegen Sturms am Boden".to_owned())
        }
        Language::Russian => {
            ("Сортировочный центр Лейпциг".to_owned(), "рейс задержан из-за шторма".to_owned())
        }
    };
    order.reservations = vec![held_until(days_later(2))];
    order.promises_told = vec![days_later(6)];
    invoice_anew(&mut order);
    order
}

fn tax_on_top(order: &mut Order) {
    order.amounts.prices_include_tax = false;
    order.amounts.discount_minor = 123_450;
    order.promised_by = None;
}

/// A letter as it is, and in its other forms.
fn variants(kind: MessageKind, language: Language) -> Vec<(String, Order)> {
    let base = of(language);
    let with = |what: &str, change: &dyn Fn(&mut Order)| {
        let mut order = base.clone();
        change(&mut order);
        (format!("{kind} {what}").trim().to_owned(), order)
    };
    let mut all = vec![with("", &|_| {})];
    match kind {
        MessageKind::OnHold => {
            all.extend(
                HoldReason::ALL
                    .iter()
                    .skip(1)
                    .map(|reason| with(reason.as_str(), &|order| order.holds[0].reason = *reason)),
            );
            let failed = |rule: &Rule| Check {
                rule: *rule,
                verdict: Verdict::Failed,
                detail: String::new(),
                faults: Vec::new(),
            };
            all.push(with("every rule", &|order| order.checks = Rule::ALL.iter().map(failed).collect()));
        }
        MessageKind::DeliveryException => {
            let statuses = [
                TrackingStatus::CustomsHold,
                TrackingStatus::Returning,
                TrackingStatus::Returned,
                TrackingStatus::Lost,
            ];
            all.extend(statuses.map(|status| {
                with(status.as_str(), &|order| order.shipments[0].tracking[0].status = status)
            }));
        }
        MessageKind::EstimateMoved => {
            all.push(with("sooner", &|order| order.shipments[0].told = vec![days_later(3)]));
        }
        MessageKind::PromiseChanged => {
            all.push(with("sooner", &|order| order.promises_told = vec![days_later(3)]));
        }
        MessageKind::RefundIssued => {
            all.extend([Method::Cash, Method::BankTransfer].map(|method| {
                with(method.as_str(), &|order| {
                    order.payments[0].refunds[0].handed_back =
                        Some(HandedBack { method, reference: String::new() });
                })
            }));
        }
        MessageKind::Shipped => all.push(with("five packages of part 1", &|order| {
            let shipment = &mut order.shipments[0];
            let package = shipment.packages[0].clone();
            shipment.packages = vec![package; 5];
            order.shipments.push(order.shipments[0].clone());
        })),
        MessageKind::OrderCancelled | MessageKind::OrderExpired | MessageKind::OrderRejected => {
            all.push(with("unpaid", &|order| order.payments.clear()));
        }
        MessageKind::OrderReceived => {
            all.push(with("tax on top", &tax_on_top));
            all.push(with("in exchange", &in_exchange));
        }
        MessageKind::ReturnDeclined => {
            all.push(with("for a reason", &|order| order.returns[0].end_reason = "KO-7".to_owned()));
        }
        MessageKind::ReturnResolved => all.push(with("in every way", &in_every_way)),
        MessageKind::InvoiceIssued => {
            let before_any_credit = |order: &mut Order| order.credit_notes.clear();
            all = vec![
                with("", &before_any_credit),
                with("tax on top", &|order| {
                    before_any_credit(order);
                    tax_on_top(order);
                    invoice_anew(order);
                }),
                with("credited since", &|_| {}),
            ];
        }
        MessageKind::OrderLinesCancelled => all.push(with("unpaid", &|order| {
            order.line_cancellations[0].refund_minor = 0;
            order.line_cancellations[0].credit_notes.clear();
        })),
        MessageKind::AwaitingStock => all.push(with("of a part, until a day", &|order| {
            order.wait_until = Some(days_later(20));
            order.lines[0].waiting_quantity = 1;
        })),
        MessageKind::OrderUpdated
        | MessageKind::HoldReleased
        | MessageKind::PaymentReceived
        | MessageKind::OutForDelivery
        | MessageKind::DeliveryDelayed
        | MessageKind::DeliveryAttempted
        | MessageKind::ReadyForPickup
        | MessageKind::DeliveryConfirmed
        | MessageKind::FeedbackRequested
        | MessageKind::LocationChanged
        | MessageKind::DeliveryRearranged
        | MessageKind::PromiseMissed
        | MessageKind::ReturnAuthorized
        | MessageKind::ReturnReceived => {}
    }
    all
}

fn in_exchange(order: &mut Order) {
    let code = "EXCHANGE-AAAA-AAAA-AAAA".parse().expect("a code");
    order.store_credit = Some(CreditDraw { code, worth_minor: 123_450, set_aside_minor: 123_450 });
    order.exchange_of = Some(ExchangeOf {
        order: order.id,
        order_number: 100_007,
        of_return: order.id.0.into(),
        return_number: 1,
        depth: 1,
    });
}

/// Money, a code, other goods, a repair and nothing, with a fee.
fn in_every_way(order: &mut Order) {
    let paid = order.payments[0].refunds[0].id;
    let it = &mut order.returns[0];
    it.fee_minor = 200;
    it.store_credits = vec!["CREDIT-AAAA-AAAA-F3K9".parse().expect("a code")];
    it.lines[0].quantity = 5;
    let line = &mut it.lines[0];
    (line.refunded, line.credited, line.exchanged, line.repaired, line.rejected) = (1, 1, 1, 1, 1);
    it.exchanges = vec![Exchange { order: order.id, value_minor: 1_000 }];
    order.line_refunds = vec![LineRefund {
        units: Vec::new(),
        reason: String::new(),
        value_minor: 5_000,
        shipping_minor: 0,
        retained_minor: 2_500,
        refunds: vec![paid],
        credit_notes: Vec::new(),
        of_return: Some(it.id),
        of_shipment: None,
        refunded_by: Actor::system(),
        refunded_at: NOW,
        exchanged_for: None,
    }];
}

fn letters() -> Letters {
    let pattern = |it: &str| Some(it.parse::<LinkPattern>().expect("a pattern"));
    let links = Links {
        tracking: pattern("https://shop.example/track/{order_number}"),
        feedback: pattern("https://shop.example/feedback/{order_number}"),
        review: pattern("https://shop.example/reviews"),
    };
    Letters::new(Language::English, links, &BTreeMap::new()).expect("templates")
}

fn compare(name: &str, written: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/letters").join(name);
    if std::env::var_os("UPDATE_LETTERS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, written).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(written.lines()).find(|(kept, written)| kept != written);
    assert!(kept == written, "{} is not what is written now: {differs:?}", path.display());
}

#[test]
fn every_letter_in_every_language_is_as_the_golden_files_have_it() {
    let letters = letters();
    let rules = Rules { company_name: "Nordwind".to_owned(), ..Rules::default() };
    for language in Language::ALL {
        let (mut texts, mut pages) = (String::new(), String::new());
        for kind in MessageKind::ALL {
            for (index, (title, order)) in variants(*kind, *language).into_iter().enumerate() {
                let text = letters.text(&message(*kind), &order, &rules, &falcon()).expect(&title);
                let MessageText { locale, subject, body, html } = text;
                assert_eq!(locale, language.as_str());
                let line = "=".repeat(76);
                let _ = writeln!(texts, "{line}\n{title}\n{line}\n{subject}\n\n{body}");
                if index == 0 && matches!(kind, MessageKind::InvoiceIssued | MessageKind::Shipped) {
                    pages.push_str(&html);
                }
                for flaw in ["  ", "{{", "None", "none", "undefined", " .", " ,", "..", "\n\n\n", "&#"] {
                    let is_table = |it: &str| it.contains("  ") && !it.trim_end().ends_with('.');
                    let found = body
                        .lines()
                        .map(str::trim_start)
                        .any(|it| it.contains(flaw) && !(flaw == "  " && is_table(it)));
                    assert!(!found && !subject.contains(flaw), "{flaw:?} in {title}:\n{subject}\n{body}");
                }
            }
        }
        compare(&format!("{language}.txt"), &texts);
        compare(&format!("{language}.html"), &pages);
    }
}
