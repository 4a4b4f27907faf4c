//! Every letter in every language as a customer reads it, kept in `tests/letters/`. After a change that is meant:
//! `UPDATE_LETTERS=1 cargo test --lib golden`, and read what has changed.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::*;

use crate::domain::model::address::Address;
use crate::domain::model::discount::CreditDraw;
use crate::domain::model::exchange::{Exchange, ExchangeOf};
use crate::domain::model::feedback::FeedbackState;
use crate::domain::model::invoice::{Invoice, InvoiceState};
use crate::domain::model::line::OrderLine;
use crate::domain::model::line_refund::LineRefund;
use crate::domain::model::payment::{Means, Payment};
use crate::domain::model::service::{ProductKind, ServiceDone};
use crate::domain::model::shipment::{Resolution, ResolutionKind};

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
    let pot = match language {
        Language::English => "Teapot",
        Language::German => "Teekanne",
        Language::Russian => "Чайник",
    };
    order = changes::with(order, |_, proposal| proposal.added[0].description = pot.to_owned());
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

/// Whether the shop has pages that letters lead to.
#[derive(Clone, Copy)]
enum Pages {
    Linked,
    None,
}

/// A letter in one of its forms.
struct Variant {
    title: String,
    order: Order,
    /// Which of its kind it is.
    sequence: i64,
    rules: Rules,
    pages: Pages,
}

impl Variant {
    fn nth(self, sequence: i64) -> Self {
        Self { sequence, ..self }
    }
}

/// Letters of one kind to the customer of one order.
struct Base {
    kind: MessageKind,
    order: Order,
}

impl Base {
    fn with(&self, what: &str, change: impl FnOnce(&mut Order)) -> Variant {
        let mut order = self.order.clone();
        change(&mut order);
        Variant {
            title: format!("{} {what}", self.kind).trim().to_owned(),
            order,
            sequence: 1,
            rules: Rules { company_name: "Nordwind".to_owned(), ..Rules::default() },
            pages: Pages::Linked,
        }
    }

    fn alone(&self) -> Variant {
        self.with("", |_| {})
    }

    fn of_services(&self) -> Variant {
        self.with("services only", |order| {
            for line in &mut order.lines {
                line.kind = ProductKind::Service;
                // The letter that tells that all is done.
                line.done = (self.kind == MessageKind::DeliveryConfirmed).then(done);
            }
            order.amounts = order.amounts.of_lines_only(order.lines.iter().map(|it| it.amounts));
            order.payments[0].captured_minor = order.amounts.total_minor;
            invoice_anew(order);
        })
    }
}

/// A letter as it is, and in its other forms.
fn variants(kind: MessageKind, language: Language) -> Vec<Variant> {
    let base = Base { kind, order: of(language) };
    let mut all = match kind {
        MessageKind::OnHold => of_holds(&base),
        MessageKind::DeliveryException => of_troubles(&base),
        MessageKind::RefundIssued => of_refunds(&base),
        MessageKind::InvoiceIssued => of_invoices(&base),
        MessageKind::PaymentReceived => {
            vec![base.alone(), base.with("of a change", of_a_paid_change).nth(2)]
        }
        MessageKind::DeliveryConfirmed | MessageKind::FeedbackRequested => of_questions(&base),
        MessageKind::EstimateMoved => {
            vec![base.alone(), base.with("sooner", |order| order.shipments[0].told = vec![days_later(3)])]
        }
        MessageKind::PromiseChanged => vec![
            base.alone(),
            base.with("sooner", |order| order.promises_told = vec![days_later(3)]),
            base.with("the first", |order| order.promise_told = None),
        ],
        MessageKind::Shipped => {
            vec![base.alone(), base.with("five packages of part 1", five_packages)]
        }
        MessageKind::OrderCancelled | MessageKind::OrderExpired | MessageKind::OrderRejected => {
            vec![base.alone(), base.with("unpaid", |order| order.payments.clear())]
        }
        MessageKind::OrderReceived => vec![
            base.alone(),
            base.with("tax on top", tax_on_top),
            base.with("store credit", by_credit),
            base.with("in exchange", in_exchange),
        ],
        MessageKind::ReturnAuthorized => vec![
            base.alone(),
            base.with("until a day", |order| order.returns[0].awaited_until = Some(days_later(20))),
        ],
        MessageKind::ReturnDeclined => vec![
            base.alone(),
            base.with("for a reason", |order| order.returns[0].end_reason = "KO-7".to_owned()),
        ],
        MessageKind::ReturnResolved => vec![base.alone(), base.with("in every way", in_every_way)],
        MessageKind::OrderLinesCancelled => vec![base.alone(), base.with("unpaid", cancelled_unpaid)],
        MessageKind::AwaitingStock => vec![
            base.alone(),
            base.with("with a date", known_to_come),
            base.with("of a part, until a day", |order| {
                order.wait_until = Some(days_later(20));
                order.lines[0].waiting_quantity = 1;
            }),
        ],
        MessageKind::DeliveryRearranged => vec![base.alone(), base.with("to an address", rearranged)],
        MessageKind::ChangeProposed => vec![
            base.alone(),
            base.with("of less", |order| *order = changes::with(order.clone(), changes::of_less)),
            base.with("elsewhere", |order| {
                let before = order.clone();
                *order = changes::with(before.clone(), |it, proposal| {
                    changes::elsewhere(&before, it, proposal);
                });
            }),
        ],
        MessageKind::OutForDelivery
        | MessageKind::DeliveryDelayed
        | MessageKind::DeliveryAttempted
        | MessageKind::ReadyForPickup => vec![base.alone(), base.with("of a silent courier", silent)],
        MessageKind::OrderUpdated
        | MessageKind::HoldReleased
        | MessageKind::LocationChanged
        | MessageKind::PromiseMissed
        | MessageKind::ReturnReceived => vec![base.alone()],
    };
    if services::KINDS.contains(&kind) && kind != MessageKind::InvoiceIssued {
        all.push(base.of_services());
    }
    all
}

fn done() -> ServiceDone {
    ServiceDone { by: Actor::system(), at: NOW, note: String::new(), proof_reference: String::new() }
}

fn of_holds(base: &Base) -> Vec<Variant> {
    let others = HoldReason::ALL.iter().skip(1);
    let held = others.map(|reason| base.with(reason.as_str(), |order| order.holds[0].reason = *reason));
    let failed = |rule: &Rule| Check {
        rule: *rule,
        verdict: Verdict::Failed,
        detail: String::new(),
        faults: Vec::new(),
    };
    let every = base.with("every rule", |order| order.checks = Rule::ALL.iter().map(failed).collect());
    let blocked = base.with("blocked customer", |order| order.checks = vec![failed(&Rule::BlockedCustomer)]);
    [base.alone()].into_iter().chain(held).chain([every, blocked]).collect()
}

fn of_troubles(base: &Base) -> Vec<Variant> {
    let statuses = [
        TrackingStatus::CustomsHold,
        TrackingStatus::Returning,
        TrackingStatus::Returned,
        TrackingStatus::Lost,
    ];
    let others = statuses
        .map(|status| base.with(status.as_str(), |order| order.shipments[0].tracking[0].status = status));
    let silent = base.with("of a silent courier", silent);
    [base.alone()].into_iter().chain(others).chain([silent]).collect()
}

fn of_refunds(base: &Base) -> Vec<Variant> {
    let by_hand = |method| Some(HandedBack { method, reference: String::new() });
    let handed = [Method::Cash, Method::BankTransfer].map(|method| {
        base.with(method.as_str(), |order| order.payments[0].refunds[0].handed_back = by_hand(method))
    });
    let credit = base.with("CREDIT", |order| {
        order.payments[0].means = Means::StoreCredit("CREDIT-AAAA-AAAA-F3K9".parse().expect("a code"));
    });
    let several = base.with("SEVERAL", |order| {
        let mut other = order.payments[0].refunds[0].clone();
        (other.id, other.handed_back) = (Uuid::from_u128(13).into(), by_hand(Method::Cash));
        order.payments[0].refunds.push(other);
    });
    [base.alone()].into_iter().chain(handed).chain([credit, several]).collect()
}

fn of_invoices(base: &Base) -> Vec<Variant> {
    let unpaid = |order: &mut Order| {
        *order = invoices::unpaid(order.clone());
        order.invoices[0].due_at = Some(days_later(2));
    };
    let seller = Some(Uuid::from_u128(7).into());
    let with_pdf = base.with("with its PDF", |order| {
        unpaid(order);
        order.invoices[0].seller = seller;
    });
    let rules = Rules { sends_invoices: true, seller, ..with_pdf.rules.clone() };
    let of_services = base.of_services();
    let mut services = of_services.order.clone();
    services.reservations.clear();
    vec![
        base.with("", unpaid),
        base.with("tax on top", |order| {
            tax_on_top(order);
            invoice_anew(order);
            unpaid(order);
        }),
        Variant { rules, ..with_pdf },
        base.with("credited since", |_| {}),
        base.with("store credit", |order| {
            unpaid(order);
            by_credit(order);
            paid_by_credit(order);
        }),
        base.with("in exchange", |order| {
            unpaid(order);
            in_exchange(order);
            paid_by_credit(order);
        }),
        base.with("of a change", of_a_change).nth(2),
        Variant { order: invoices::unpaid(services), ..of_services },
    ]
}

fn of_questions(base: &Base) -> Vec<Variant> {
    let opted_out = base.with("opted out", |order| {
        order.feedback.as_mut().expect("asked for").state = FeedbackState::OptedOut;
    });
    let to_come = base.with("services to come", |order| {
        order.lines.last_mut().expect("a line").kind = ProductKind::Service;
    });
    let without_pages = Variant { pages: Pages::None, ..base.with("no feedback URL", |_| {}) };
    let mut all = vec![base.alone(), without_pages];
    if base.kind == MessageKind::DeliveryConfirmed {
        all.extend([opted_out, to_come]);
    }
    all
}

fn five_packages(order: &mut Order) {
    let shipment = &mut order.shipments[0];
    let package = shipment.packages[0].clone();
    shipment.packages = vec![package; 5];
    order.shipments.push(order.shipments[0].clone());
}

/// Nobody says where the parcel is, and why.
fn silent(order: &mut Order) {
    let shipment = &mut order.shipments[0];
    (shipment.label, shipment.assignment) = (None, None);
    let event = &mut shipment.tracking[0];
    (event.location, event.description, event.estimated_at) = (String::new(), String::new(), None);
}

fn rearranged(order: &mut Order) {
    let address = Address { organization: "Nordwind".to_owned(), ..order.shipping_address.clone() };
    order.shipments[0].resolutions = vec![Resolution {
        kind: ResolutionKind::NewAddress,
        reason: "internal".to_owned(),
        address: Some(address),
        refunds: Vec::new(),
        decided_by: Actor::system(),
        decided_at: NOW,
    }];
}

fn known_to_come(order: &mut Order) {
    let found = |line: &OrderLine| LineAvailability {
        line: line.number,
        sku: line.sku.clone(),
        wanted: line.quantity,
        available: 0,
        by_location: Vec::new(),
        ship_at: None,
        delivery_at: Some(days_later(9)),
        shortage: "out of stock".to_owned(),
        expected: None,
    };
    order.availability = Some(AvailabilityFound {
        at: NOW,
        lines: order.lines.iter().map(found).collect(),
        earliest_ship_at: None,
        requested_date_feasible: None,
    });
}

fn cancelled_unpaid(order: &mut Order) {
    order.line_cancellations[0].refund_minor = 0;
    order.line_cancellations[0].credit_notes.clear();
}

/// A line that was added, under an invoice of its own.
fn of_a_change(order: &mut Order) {
    let first = order.invoices[0].id;
    let lines = [order.lines[1].clone()];
    let amounts = order.amounts.of_lines_only(lines.iter().map(|it| it.amounts));
    order.state = OrderState::Fulfilling;
    order.amounts.total_minor += amounts.total_minor;
    order.invoices.push(Invoice {
        id: Uuid::from_u128(12).into(),
        number: 8,
        state: InvoiceState::Open,
        settled_at: None,
        due_at: Some(days_later(3)),
        supplements: Some(first),
        ..sample::invoice(&lines, amounts)
    });
}

fn of_a_paid_change(order: &mut Order) {
    of_a_change(order);
    let paid = order.invoices.last_mut().expect("an invoice");
    (paid.state, paid.settled_at) = (InvoiceState::Paid, Some(days_later(1)));
    let (invoice, captured_minor) = (paid.id, paid.amounts.total_minor);
    let before = order.payments[0].clone();
    let id = Uuid::from_u128(14).into();
    order.payments.push(Payment { id, invoice, captured_minor, refunds: Vec::new(), ..before });
    order.messages.push(Message { sequence: 0, ..message(MessageKind::PaymentReceived) });
}

/// With a store credit that pays a part of it.
fn by_credit(order: &mut Order) {
    let code = "CREDIT-AAAA-AAAA-F3K9".parse().expect("a code");
    order.store_credit = Some(CreditDraw { code, worth_minor: 1_000, set_aside_minor: 1_000 });
}

/// What was set aside has paid a part of the invoice.
fn paid_by_credit(order: &mut Order) {
    let draw = order.store_credit.as_mut().expect("a store credit");
    let means = Means::StoreCredit(draw.code.clone());
    let captured_minor = std::mem::take(&mut draw.set_aside_minor).min(1_000);
    let (invoice, paid) = (order.invoices[0].id, sample::sample().0.payments.remove(0));
    order.payments = vec![Payment { invoice, means, captured_minor, refunds: Vec::new(), ..paid }];
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

fn letters(pages: Pages) -> Letters {
    let pattern = |it: &str| Some(it.parse::<LinkPattern>().expect("a pattern"));
    let links = match pages {
        Pages::Linked => Links {
            tracking: pattern("https://shop.example/track/{order_number}"),
            feedback: pattern("https://shop.example/feedback/{order_number}"),
            review: pattern("https://shop.example/reviews"),
        },
        Pages::None => Links::default(),
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
    let (linked, without) = (letters(Pages::Linked), letters(Pages::None));
    for language in Language::ALL {
        let (mut texts, mut shown) = (String::new(), String::new());
        for kind in MessageKind::ALL {
            for (index, variant) in variants(*kind, *language).into_iter().enumerate() {
                let Variant { title, order, sequence, rules, pages } = variant;
                let letters = match pages {
                    Pages::Linked => &linked,
                    Pages::None => &without,
                };
                let message = Message { sequence, ..message(*kind) };
                let text = letters.text(&message, &order, &rules, &falcon()).expect(&title);
                let MessageText { locale, subject, body, html } = text;
                assert_eq!(locale, language.as_str());
                let line = "=".repeat(76);
                let _ = writeln!(texts, "{line}\n{title}\n{line}\n{subject}\n\n{body}");
                if index == 0 {
                    let _ = writeln!(shown, "<!-- {title} -->");
                    shown.push_str(&html);
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
        compare(&format!("{language}.html"), &shown);
    }
}
