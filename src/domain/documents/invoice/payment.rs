//! How an invoice is paid: until when, in which ways, to which account, under which reference.

use crate::domain::documents::invoice::words::filled;
use crate::domain::documents::invoice::writing::Writing;
use crate::domain::documents::invoice_paper::PaymentBox;
use crate::domain::documents::text::line;
use crate::domain::model::bank_numbers::grouped;
use crate::domain::model::invoice::Invoice;
use crate::domain::model::method::Method;
use crate::domain::model::seller::{BankAccount, Seller};

pub(super) fn payment_box(writing: &Writing<'_>) -> PaymentBox {
    let Writing { order, invoice, seller, words, .. } = writing;
    let mut paying = PaymentBox { title: words.payment, ..PaymentBox::default() };
    let by_credit = order.paid_by_credit(invoice);
    if by_credit > 0 {
        let amount = writing.money(by_credit);
        paying.sentences.push(match &order.exchange_of {
            None => {
                let code = order.shown_code().unwrap_or_default();
                filled(words.paid_by_credit, &[("amount", amount.as_str()), ("code", code.as_str())])
            }
            Some(it) => {
                let number = it.order_number.to_string();
                filled(words.paid_by_exchange, &[("amount", amount.as_str()), ("number", number.as_str())])
            }
        });
    }
    let to_pay_minor = invoice.amounts.total_minor - by_credit;
    if to_pay_minor == 0 {
        paying.sentences.push(words.nothing_due.to_owned());
        return paying;
    }

    let until = order.pay_by(invoice).map(|it| writing.locale.date(it));
    let total = writing.money(to_pay_minor);
    paying.sentences.push(match until {
        Some(date) => filled(words.pay_until, &[("total", &total), ("date", &date)]),
        None => filled(words.pay_at_once, &[("total", &total)]),
    });
    let number = order.number.to_string();
    for method in &seller.pay_by {
        let form = match method {
            Method::BankTransfer | Method::StoreCredit => continue,
            Method::Card => words.by_card,
            Method::Paypal => words.by_paypal,
            Method::Cash => words.in_cash,
        };
        paying.sentences.push(filled(form, &[("order", &number)]));
    }
    if let Some(bank) = seller.bank.as_ref().filter(|_| seller.pay_by.contains(&Method::BankTransfer)) {
        let reference = invoice.full_number();
        paying.transfer = words.by_transfer.to_owned();
        paying.account = account(writing, bank, &reference);
        paying.code = epc_code(seller, bank, invoice, to_pay_minor).map(|it| (it, words.scan));
    }
    paying
}

fn account(writing: &Writing<'_>, bank: &BankAccount, reference: &str) -> Vec<(&'static str, String)> {
    let words = writing.words;
    let mut account = vec![
        (words.holder, holder(writing.seller, bank)),
        (words.iban, bank.iban.grouped()),
        (words.bic, bank.bic.clone()),
        (words.bank, line(&bank.bank)),
        (words.reference, reference.to_owned()),
    ];
    if let Some(checked) = writing.invoice.creditor_reference() {
        account.push((words.creditor_reference, grouped(&checked)));
    }
    account.retain(|it| !it.1.is_empty());
    account
}

fn holder(seller: &Seller, bank: &BankAccount) -> String {
    let own = line(&bank.holder);
    if own.is_empty() { line(&seller.name) } else { own }
}

/// Cents that a SEPA credit transfer can have.
const CENTS_MAX: i64 = 99_999_999_999;

/// Characters of a name in the code.
const NAME_MAX: usize = 70;

/// The transfer as banks' apps read it (EPC069-12, version 2): euros to an account of the SEPA only.
fn epc_code(seller: &Seller, bank: &BankAccount, invoice: &Invoice, cents: i64) -> Option<String> {
    let is_sepa = invoice.amounts.currency.as_str() == "EUR" && bank.iban.is_of_sepa();
    if !is_sepa || !(1..=CENTS_MAX).contains(&cents) {
        return None;
    }
    let name: String = holder(seller, bank).chars().take(NAME_MAX).collect();
    let amount = format!("EUR{}.{:02}", cents / 100, cents % 100);
    // A reference that banks check, or else words: never both.
    let (checked, words) = match invoice.creditor_reference() {
        Some(checked) => (checked, String::new()),
        None => (String::new(), invoice.full_number()),
    };
    let version_and_characters = ["BCD", "002", "1", "SCT"];
    let elements =
        [bank.bic.as_str(), name.trim(), bank.iban.as_str(), amount.as_str(), "", &checked, &words];
    let all: Vec<&str> = version_and_characters.into_iter().chain(elements).collect();
    Some(all.join("\n").trim_end().to_owned())
}
