//! Invoices, their lines, and the register of their numbers, which outlives the orders.

use crate::domain::{
    Amounts, Currency, Invoice, InvoiceId, InvoiceLine, InvoiceState, LineAmounts, Order, OrderId, Sku,
    Timestamp,
};
use crate::store::connection::batched_read::{ResultSets, TableRead};
use crate::store::connection::error::StoreError;
use crate::store::rows::read::{Of, gather, narrow, take};
use crate::store::rows::saved::Saved;
use crate::store::rows::table::table;
use crate::store::rows::write::{Difference, Writes, insert};

table! {
    "invoice_numbers" as invoice_numbers (series: String, number: i64) {
        invoice_id: InvoiceId,
        order_id: OrderId,
    }
}

table! {
    "invoices" as invoices (id: InvoiceId) {
        order_id: OrderId,
        place: i32,
        series: String,
        number: i64,
        state: InvoiceState,
        currency: Currency,
        prices_include_tax: bool,
        subtotal_minor: i64,
        discount_minor: i64,
        shipping_minor: i64,
        shipping_tax_minor: i64,
        tax_minor: i64,
        total_minor: i64,
        issued_at: Timestamp,
        settled_at: Option<Timestamp>,
    }
}

table! {
    "invoice_lines" as invoice_lines (invoice_id: InvoiceId, line: i32) {
        sku: Sku,
        description: String,
        quantity: i64,
        unit_price_minor: i64,
        gross_minor: i64,
        discount_minor: i64,
        discount_share_minor: i64,
        tax_rate_ppm: i64,
        tax_minor: i64,
        total_minor: i64,
    }
}

pub(super) fn table_reads() -> Vec<TableRead> {
    vec![
        TableRead::rows::<invoices::Entity>("order_id {ids}", "place"),
        TableRead::rows::<invoice_lines::Entity>(
            "invoice_id IN (SELECT id FROM invoices WHERE order_id {ids})",
            "line",
        ),
    ]
}

pub(super) fn read(answers: &mut ResultSets) -> Result<Of<Invoice>, StoreError> {
    let rows = answers.rows::<invoices::Entity>()?;
    let lines = answers.rows::<invoice_lines::Entity>()?;
    let mut lines = gather(lines.into_iter().map(line_from_row))?;
    gather(rows.into_iter().map(|it| {
        let lines = take(&mut lines, &it.id);
        Ok((it.order_id, from_row(it, lines)))
    }))
}

/// Notes the numbers of new invoices for good.
pub(super) fn register(writes: &mut Writes, orders: &[Saved<'_, Order>]) {
    let numbers = orders.iter().flat_map(new_invoices).map(|it| invoice_numbers::Model {
        series: it.series.clone(),
        number: it.number,
        invoice_id: it.id,
        order_id: it.order,
    });
    insert::<invoice_numbers::Entity>(writes, numbers.collect());
}

pub(super) fn save(writes: &mut Writes, orders: &[Saved<'_, Order>]) {
    let mut invoices = Difference::<invoices::Entity>::new();
    let mut lines = Vec::new();
    for order in orders {
        invoices.compare(order.parts(|it| &it.invoices), |it| it.id, to_row);
        for invoice in new_invoices(order) {
            lines.extend(invoice.lines.iter().map(|it| line_to_row(invoice.id, it)));
        }
    }

    // One stands per order: void ones make room first.
    invoices.write_in_turn(writes, |it| it.state != InvoiceState::Void);
    insert::<invoice_lines::Entity>(writes, lines);
}

fn new_invoices<'a>(order: &Saved<'a, Order>) -> impl Iterator<Item = &'a Invoice> {
    let (before, after) = order.parts(|it| &it.invoices);
    after.iter().filter(|it| !before.iter().any(|old| old.id == it.id))
}

fn to_row(place: i32, invoice: &Invoice) -> invoices::Model {
    let Invoice { id, order, series, number, state, amounts, lines: _, issued_at, settled_at } = invoice;
    let Amounts {
        currency,
        prices_include_tax,
        subtotal_minor,
        discount_minor,
        shipping_minor,
        shipping_tax_minor,
        tax_minor,
        total_minor,
    } = *amounts;

    invoices::Model {
        id: *id,
        order_id: *order,
        place,
        series: series.clone(),
        number: *number,
        state: *state,
        currency,
        prices_include_tax,
        subtotal_minor,
        discount_minor,
        shipping_minor,
        shipping_tax_minor,
        tax_minor,
        total_minor,
        issued_at: *issued_at,
        settled_at: *settled_at,
    }
}

fn from_row(row: invoices::Model, lines: Vec<InvoiceLine>) -> Invoice {
    let invoices::Model {
        id,
        order_id,
        place: _,
        series,
        number,
        state,
        currency,
        prices_include_tax,
        subtotal_minor,
        discount_minor,
        shipping_minor,
        shipping_tax_minor,
        tax_minor,
        total_minor,
        issued_at,
        settled_at,
    } = row;

    let amounts = Amounts {
        currency,
        prices_include_tax,
        subtotal_minor,
        discount_minor,
        shipping_minor,
        shipping_tax_minor,
        tax_minor,
        total_minor,
    };
    Invoice { id, order: order_id, series, number, state, amounts, lines, issued_at, settled_at }
}

fn line_to_row(invoice: InvoiceId, line: &InvoiceLine) -> invoice_lines::Model {
    let InvoiceLine { line, sku, description, quantity, unit_price_minor, amounts } = line;
    let LineAmounts {
        gross_minor,
        discount_minor,
        discount_share_minor,
        tax_rate_ppm,
        tax_minor,
        total_minor,
    } = *amounts;

    invoice_lines::Model {
        invoice_id: invoice,
        line: *line,
        sku: sku.clone(),
        description: description.clone(),
        quantity: *quantity,
        unit_price_minor: *unit_price_minor,
        gross_minor,
        discount_minor,
        discount_share_minor,
        tax_rate_ppm: tax_rate_ppm.into(),
        tax_minor,
        total_minor,
    }
}

fn line_from_row(row: invoice_lines::Model) -> Result<(InvoiceId, InvoiceLine), StoreError> {
    let invoice_lines::Model {
        invoice_id,
        line,
        sku,
        description,
        quantity,
        unit_price_minor,
        gross_minor,
        discount_minor,
        discount_share_minor,
        tax_rate_ppm,
        tax_minor,
        total_minor,
    } = row;

    let tax_rate_ppm = narrow("invoice_lines", tax_rate_ppm)?;
    let amounts = LineAmounts {
        gross_minor,
        discount_minor,
        discount_share_minor,
        tax_rate_ppm,
        tax_minor,
        total_minor,
    };
    Ok((invoice_id, InvoiceLine { line, sku, description, quantity, unit_price_minor, amounts }))
}
