//! What an invoice says as a paper. All of it is frozen with the invoice or cannot change any more, so that the same paper
//! can be made again at any time.

mod payment;
#[cfg(test)]
mod tests;
mod words;
mod writing;

use crate::domain::billing::tax_rows::{TaxRow, by_rate};
use crate::domain::documents::address::written_to;
use crate::domain::documents::invoice::payment::payment_box;
use crate::domain::documents::invoice::words::words;
use crate::domain::documents::invoice::writing::Writing;
use crate::domain::documents::invoice_paper::{
    InvoiceColumn, InvoicePaper, InvoiceRow, InvoiceSum, SumWeight,
};
use crate::domain::documents::letters::countries::in_language;
use crate::domain::documents::letters::language::Language;
use crate::domain::documents::letters::locale::Locale;
use crate::domain::documents::text::line;
use crate::domain::model::invoice::{Invoice, InvoiceLine};
use crate::domain::model::order::Order;
use crate::domain::model::seller::Seller;

/// An invoice of the order, in the language of the customer whom it was issued to. A language that papers are not written in
/// gives way to the seller's.
pub fn invoice_paper(order: &Order, invoice: &Invoice, seller: &Seller) -> InvoicePaper {
    let customer = order.invoiced_customer(invoice);
    let own = Locale::of(&customer.locale).or_else(|| Locale::of(&seller.language));
    let locale = own.unwrap_or_else(|| Language::English.into());
    Writing { order, invoice, seller, locale, words: words(locale.language) }.paper()
}

impl Writing<'_> {
    fn paper(&self) -> InvoicePaper {
        let Self { order, invoice, seller, locale, words } = self;
        let billing_address = self.address(order.invoiced_billing_address(invoice));
        let delivery_address = self.address(order.invoiced_shipping_address(invoice));
        let goes_elsewhere = delivery_address != billing_address && !order.has_only_services();
        let seller_address = self.seller_address();
        let mut sender = vec![line(&seller.name)];
        // Without the country, which comes last.
        sender.extend(seller_address.split_last().map(|it| it.1).unwrap_or_default().iter().cloned());
        InvoicePaper {
            language: locale.language.as_str(),
            title: format!("{} {}", words.invoice, invoice.full_number()),
            issued_unix_seconds: invoice.issued_at.unix_micros().div_euclid(1_000_000),
            logo: seller.logo.clone(),
            seller: line(&seller.name),
            seller_lines: seller_address.into_iter().chain(self.contacts()).collect(),
            sender: if seller.address.is_some() { sender.join(" · ") } else { String::new() },
            billing_address,
            delivery_title: words.deliver_to,
            delivery_address: if goes_elsewhere { delivery_address } else { Vec::new() },
            facts: self.facts(),
            columns: self.columns(),
            rows: invoice.lines.iter().map(|it| self.row(it)).collect(),
            sums: self.sums(),
            taxes: self.taxes(),
            prices_note: match invoice.amounts.prices_include_tax {
                true => words.prices_with_tax,
                false => words.prices_without_tax,
            },
            payment: payment_box(self),
            foot: self.foot(),
            page_form: words.page,
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let Self { order, invoice, words, .. } = self;
        let mut facts = vec![
            (words.number, invoice.full_number()),
            (words.date, self.date(invoice.issued_at)),
            (words.order, order.number.to_string()),
            (words.order_date, self.date(order.created_at)),
        ];
        let theirs = line(&order.external_reference);
        if !theirs.is_empty() {
            facts.push((words.their_reference, theirs));
        }
        let tax_number = order.named.as_ref().map(|it| line(&it.tax_number)).unwrap_or_default();
        if !tax_number.is_empty() {
            facts.push((words.their_tax_number, tax_number));
        }
        let due = order.pay_by(invoice).map_or_else(|| words.at_once.to_owned(), |it| self.locale.date(it));
        facts.push((words.due, due));
        facts
    }

    fn columns(&self) -> Vec<InvoiceColumn> {
        let words = self.words;
        let mut columns = vec![
            InvoiceColumn::Number(words.position),
            InvoiceColumn::Item(words.item),
            InvoiceColumn::Quantity(words.quantity),
            InvoiceColumn::UnitPrice(words.unit_price),
        ];
        if self.invoice.lines.iter().any(|it| it.amounts.discount_minor != 0) {
            columns.push(InvoiceColumn::Discount(words.discount));
        }
        columns.extend([InvoiceColumn::Tax(words.tax), InvoiceColumn::Amount(words.amount)]);
        columns
    }

    fn row(&self, it: &InvoiceLine) -> InvoiceRow {
        let discount = it.amounts.discount_minor;
        let (item, sku) = (line(&it.description), it.sku.to_string());
        InvoiceRow {
            number: it.line.to_string(),
            item: if item.is_empty() { sku.clone() } else { item },
            sku,
            quantity: it.quantity.to_string(),
            unit_price: self.money(it.unit_price_minor),
            discount: if discount == 0 { String::new() } else { self.money(discount.saturating_neg()) },
            tax: self.locale.percent(it.amounts.tax_rate_ppm),
            amount: self.money(it.amounts.gross_minor.saturating_sub(discount)),
        }
    }

    /// From the lines to the total.
    fn sums(&self) -> Vec<InvoiceSum> {
        let Self { order, invoice, words, .. } = self;
        let amounts = &invoice.amounts;
        let part = |name: &str, minor: i64| InvoiceSum {
            name: name.to_owned(),
            amount: self.money(minor),
            weight: SumWeight::Part,
        };
        let of_lines = invoice.lines.iter().map(|it| it.amounts.gross_minor - it.amounts.discount_minor);
        let shares: i64 = invoice.lines.iter().map(|it| it.amounts.discount_share_minor).sum();
        let mut sums = vec![part(words.subtotal, of_lines.sum())];
        if shares != 0 {
            let code = order.redemption.as_ref().map(|it| line(&it.code.to_string())).unwrap_or_default();
            sums.push(part(format!("{} {code}", words.discount).trim(), -shares));
        }
        if amounts.shipping_minor != 0 || !order.has_only_services() {
            sums.push(part(words.shipping, amounts.shipping_minor));
        }
        if !amounts.prices_include_tax {
            sums.push(part(words.net_total, amounts.total_minor - amounts.tax_minor));
            sums.push(part(words.tax, amounts.tax_minor));
        }
        // One sum alone would be said twice.
        if sums.len() == 1 {
            sums.clear();
        }
        sums.push(InvoiceSum { weight: SumWeight::Total, ..part(words.total, amounts.total_minor) });
        if amounts.prices_include_tax && amounts.tax_minor != 0 {
            sums.push(part(words.tax_within, amounts.tax_minor));
        }
        sums
    }

    fn taxes(&self) -> Vec<[String; 4]> {
        let words = self.words;
        let row = |it: TaxRow| {
            let gross = it.base_minor.saturating_add(it.tax_minor);
            let [base, tax, gross] = [it.base_minor, it.tax_minor, gross].map(|it| self.money(it));
            [self.locale.percent(it.rate_ppm), base, tax, gross]
        };
        let titles = [words.tax_rate, words.net, words.tax, words.gross].map(str::to_owned);
        let rows = by_rate(self.order.tax_rows_of(self.invoice)).into_iter().map(row);
        std::iter::once(titles).chain(rows).collect()
    }

    fn seller_address(&self) -> Vec<String> {
        let Some(address) = &self.seller.address else { return Vec::new() };
        let mut lines = in_language(written_to(address, ""), self.locale.language, &address.country);
        lines.retain(|it| *it != self.seller.name);
        lines
    }

    fn contacts(&self) -> impl Iterator<Item = String> {
        let Seller { phone, email, web, .. } = self.seller;
        [phone, email, web].map(|it| line(it)).into_iter().filter(|it| !it.is_empty())
    }

    /// Who sells, under which numbers, and where its account is.
    fn foot(&self) -> Vec<Vec<String>> {
        let Self { seller, words, .. } = self;
        let named = |name: &str, value: &str| {
            let value = line(value);
            (!value.is_empty()).then(|| format!("{name} {value}"))
        };
        let mut who: Vec<String> = vec![line(&seller.name)];
        who.extend(self.seller_address());
        let numbers = [
            named(words.vat_id, &seller.vat_id),
            named(words.tax_number, &seller.tax_number),
            Some(line(&seller.registration)),
        ];
        let bank = seller.bank.as_ref().map(|it| {
            let name = line(&it.bank);
            let iban = Some(format!("{} {}", words.iban, it.iban.grouped()));
            [Some(name), iban, named(words.bic, &it.bic)]
        });
        let numbers = numbers.into_iter().flatten().chain(self.contacts());
        let columns = [who, numbers.collect(), bank.into_iter().flatten().flatten().collect()];
        let filled = columns.map(|mut it| {
            it.retain(|line| !line.is_empty());
            it
        });
        filled.into_iter().filter(|it| !it.is_empty()).collect()
    }
}
