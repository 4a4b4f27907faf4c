//! An order into the columns of its tables, and back.

use crate::domain::{Address, Amounts, Customer, Discount, Hold, LineAmounts, Order, OrderId, OrderLine};
use crate::store::connection::error::StoreError;
use crate::store::rows::order_tables::{TABLE, holds, order_lines, orders};
use crate::store::rows::read::{Of, from_json, narrow, take};
use crate::store::rows::saved::to_json;

pub(super) fn to_row(order: &Order) -> Result<orders::Model, StoreError> {
    let Order {
        id,
        number,
        version,
        last_event,
        state,
        archived_from: _,
        channel,
        external_reference,
        customer,
        shipping_address,
        billing_address,
        region,
        lines: _,
        amounts,
        discount,
        discount_code,
        special_instructions,
        service,
        on_shortage,
        reservation_lifetime_seconds,
        requested_by,
        promised_by,
        risk,
        risk_reasons,
        checks,
        availability,
        fingerprint,
        holds: _,
        reservations: _,
        approvals: _,
        invoices: _,
        payments: _,
        shipments: _,
        messages: _,
        feedback: _,
        cancel_reason,
        created_by,
        created_at,
        updated_at,
        delivered_at,
        closed_at,
        archived_at: _,
    } = order;
    let Customer { name, email, phone, locale } = customer;
    let Address { recipient, organization, lines, city, area, postal_code, country } = shipping_address;
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
    let (order_discount_minor, order_discount_ppm) = discount_to_columns(*discount);
    let lifetime = reservation_lifetime_seconds.map(i64::try_from).transpose();

    Ok(orders::Model {
        id: *id,
        number: *number,
        version: *version,
        last_event: *last_event,
        state: *state,
        channel: *channel,
        external_reference: external_reference.clone(),
        customer_name: name.clone(),
        customer_email: email.clone(),
        customer_phone: phone.clone(),
        customer_locale: locale.clone(),
        recipient: recipient.clone(),
        organization: organization.clone(),
        street: street_to_column(lines),
        city: city.clone(),
        area: area.clone(),
        postal_code: postal_code.clone(),
        country: country.clone(),
        billing_address: billing_address.as_ref().map(|it| to_json(TABLE, it)).transpose()?,
        region: region.clone(),
        currency,
        prices_include_tax,
        subtotal_minor,
        discount_minor,
        shipping_minor,
        shipping_tax_minor,
        tax_minor,
        total_minor,
        order_discount_minor,
        order_discount_ppm,
        discount_code: discount_code.clone(),
        special_instructions: special_instructions.clone(),
        service: *service,
        on_shortage: *on_shortage,
        reservation_lifetime_seconds: lifetime.map_err(|it| corrupt(&it))?,
        requested_by: *requested_by,
        promised_by: *promised_by,
        risk: *risk,
        risk_reasons: to_json(TABLE, risk_reasons)?,
        checks: to_json(TABLE, checks)?,
        availability: availability.as_ref().map(|it| to_json(TABLE, it)).transpose()?,
        fingerprint: fingerprint.clone(),
        cancel_reason: cancel_reason.clone(),
        created_by: created_by.clone(),
        created_at: *created_at,
        updated_at: *updated_at,
        delivered_at: *delivered_at,
        closed_at: *closed_at,
    })
}

/// The parts of all orders that are being loaded, each to be taken by its order.
pub(super) struct Parts {
    pub(super) lines: Of<OrderLine>,
    pub(super) holds: Of<Hold>,
    pub(super) reservations: Of<crate::domain::Reservation>,
    pub(super) approvals: Of<crate::domain::Approval>,
    pub(super) invoices: Of<crate::domain::Invoice>,
    pub(super) payments: Of<crate::domain::Payment>,
    pub(super) shipments: Of<crate::domain::Shipment>,
    pub(super) messages: Of<crate::domain::Message>,
    pub(super) feedback: Of<crate::domain::Feedback>,
}

pub(super) fn from_row(row: orders::Model, parts: &mut Parts) -> Result<Order, StoreError> {
    let orders::Model {
        id,
        number,
        version,
        last_event,
        state,
        channel,
        external_reference,
        customer_name,
        customer_email,
        customer_phone,
        customer_locale,
        recipient,
        organization,
        street,
        city,
        area,
        postal_code,
        country,
        billing_address,
        region,
        currency,
        prices_include_tax,
        subtotal_minor,
        discount_minor,
        shipping_minor,
        shipping_tax_minor,
        tax_minor,
        total_minor,
        order_discount_minor,
        order_discount_ppm,
        discount_code,
        special_instructions,
        service,
        on_shortage,
        reservation_lifetime_seconds,
        requested_by,
        promised_by,
        risk,
        risk_reasons,
        checks,
        availability,
        fingerprint,
        cancel_reason,
        created_by,
        created_at,
        updated_at,
        delivered_at,
        closed_at,
    } = row;
    let lifetime = reservation_lifetime_seconds.map(u64::try_from).transpose();

    Ok(Order {
        id,
        number,
        version,
        last_event,
        state,
        archived_from: None,
        channel,
        external_reference,
        customer: Customer {
            name: customer_name,
            email: customer_email,
            phone: customer_phone,
            locale: customer_locale,
        },
        shipping_address: Address {
            recipient,
            organization,
            lines: street_from_column(&street),
            city,
            area,
            postal_code,
            country,
        },
        billing_address: billing_address.map(|it| from_json(TABLE, &it)).transpose()?,
        region,
        lines: take(&mut parts.lines, &id),
        amounts: Amounts {
            currency,
            prices_include_tax,
            subtotal_minor,
            discount_minor,
            shipping_minor,
            shipping_tax_minor,
            tax_minor,
            total_minor,
        },
        discount: discount_from_columns(order_discount_minor, order_discount_ppm)?,
        discount_code,
        special_instructions,
        service,
        on_shortage,
        reservation_lifetime_seconds: lifetime.map_err(|it| corrupt(&it))?,
        requested_by,
        promised_by,
        risk,
        risk_reasons: from_json(TABLE, &risk_reasons)?,
        checks: from_json(TABLE, &checks)?,
        availability: availability.map(|it| from_json(TABLE, &it)).transpose()?,
        fingerprint,
        holds: take(&mut parts.holds, &id),
        reservations: take(&mut parts.reservations, &id),
        approvals: take(&mut parts.approvals, &id),
        invoices: take(&mut parts.invoices, &id),
        payments: take(&mut parts.payments, &id),
        shipments: take(&mut parts.shipments, &id),
        messages: take(&mut parts.messages, &id),
        feedback: take(&mut parts.feedback, &id).pop(),
        cancel_reason,
        created_by,
        created_at,
        updated_at,
        delivered_at,
        closed_at,
        archived_at: None,
    })
}

fn corrupt(cause: &dyn std::error::Error) -> StoreError {
    StoreError::Corrupt { table: TABLE, detail: cause.to_string() }
}

/// Each line of the street is ended by a line feed, so that no line and one empty line differ.
fn street_to_column(lines: &[String]) -> String {
    lines.iter().flat_map(|it| [it.as_str(), "\n"]).collect()
}

fn street_from_column(street: &str) -> Vec<String> {
    street.split_terminator('\n').map(str::to_owned).collect()
}

fn discount_to_columns(discount: Option<Discount>) -> (Option<i64>, Option<i64>) {
    match discount {
        Some(Discount::Amount(minor)) => (Some(minor), None),
        Some(Discount::Percent(ppm)) => (None, Some(ppm.into())),
        None => (None, None),
    }
}

fn discount_from_columns(minor: Option<i64>, ppm: Option<i64>) -> Result<Option<Discount>, StoreError> {
    match (minor, ppm) {
        (Some(minor), _) => Ok(Some(Discount::Amount(minor))),
        (None, Some(ppm)) => Ok(Some(Discount::Percent(narrow(TABLE, ppm)?))),
        (None, None) => Ok(None),
    }
}

pub(super) fn line_to_row(order: OrderId, line: &OrderLine) -> order_lines::Model {
    let OrderLine {
        number,
        sku,
        description,
        tax_category,
        quantity,
        unit_price_minor,
        discount,
        amounts,
        weight_grams,
    } = line;
    let LineAmounts {
        gross_minor,
        discount_minor,
        discount_share_minor,
        tax_rate_ppm,
        tax_minor,
        total_minor,
    } = *amounts;
    let (line_discount_minor, line_discount_ppm) = discount_to_columns(*discount);

    order_lines::Model {
        order_id: order,
        number: *number,
        sku: sku.clone(),
        description: description.clone(),
        tax_category: tax_category.clone(),
        quantity: *quantity,
        unit_price_minor: *unit_price_minor,
        line_discount_minor,
        line_discount_ppm,
        gross_minor,
        discount_minor,
        discount_share_minor,
        tax_rate_ppm: tax_rate_ppm.into(),
        tax_minor,
        total_minor,
        weight_grams: *weight_grams,
    }
}

pub(super) fn line_from_row(row: order_lines::Model) -> Result<(OrderId, OrderLine), StoreError> {
    let order_lines::Model {
        order_id,
        number,
        sku,
        description,
        tax_category,
        quantity,
        unit_price_minor,
        line_discount_minor,
        line_discount_ppm,
        gross_minor,
        discount_minor,
        discount_share_minor,
        tax_rate_ppm,
        tax_minor,
        total_minor,
        weight_grams,
    } = row;

    let tax_rate_ppm = narrow("order_lines", tax_rate_ppm)?;
    let line = OrderLine {
        number,
        sku,
        description,
        tax_category,
        quantity,
        unit_price_minor,
        discount: discount_from_columns(line_discount_minor, line_discount_ppm)?,
        amounts: LineAmounts {
            gross_minor,
            discount_minor,
            discount_share_minor,
            tax_rate_ppm,
            tax_minor,
            total_minor,
        },
        weight_grams,
    };
    Ok((order_id, line))
}

pub(super) fn hold_to_row(order: OrderId, place: i32, hold: &Hold) -> holds::Model {
    let Hold { id, reason, note, state, placed_by, placed_at, released_by, released_at, release_note } = hold;

    holds::Model {
        id: *id,
        order_id: order,
        place,
        reason: *reason,
        note: note.clone(),
        state: *state,
        placed_by: placed_by.clone(),
        placed_at: *placed_at,
        released_by: released_by.clone(),
        released_at: *released_at,
        release_note: release_note.clone(),
    }
}

pub(super) fn hold_from_row(row: holds::Model) -> (OrderId, Hold) {
    let holds::Model {
        id,
        order_id,
        place: _,
        reason,
        note,
        state,
        placed_by,
        placed_at,
        released_by,
        released_at,
        release_note,
    } = row;

    (order_id, Hold { id, reason, note, state, placed_by, placed_at, released_by, released_at, release_note })
}
