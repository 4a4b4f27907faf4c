//! The order itself, its lines and holds, what it waits for, and the whole of it put together.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, Query, Value};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::job::jobs;
use super::{
    Difference, KEYS_MAX, Lock, Of, Saved, StoreError, Writes, approval, archive, filled, from_json, gather,
    invoice, message, narrow, payment, remove, remove_each, reservation, save_versioned, shipment, sorted,
    take, to_json,
};
use crate::domain::{
    Actor, Address, Amounts, Channel, Currency, Customer, Discount, Hold, HoldId, HoldReason, HoldState,
    JobId, LineAmounts, OnShortage, Order, OrderId, OrderLine, OrderState, RegionCode, Risk, ServiceLevel,
    Sku, Timestamp,
};
use crate::store::given::{text, uuid, with_given};
use crate::store::recent::Edition;
use crate::store::session::Session;
use crate::store::together::{Lookup, Question, lots};

const TABLE: &str = "orders";

/// What a whole order is put together from.
pub(in crate::store) static WHOLE_ORDER: LazyLock<Vec<Question>> = LazyLock::new(|| {
    let order = [
        Question::rows::<orders::Entity>("id {ids}", "id"),
        Question::rows::<order_lines::Entity>("order_id {ids}", "number"),
        Question::rows::<holds::Entity>("order_id {ids}", "place"),
    ];
    let parts = [
        reservation::questions(),
        approval::questions(),
        invoice::questions(),
        payment::questions(),
        shipment::questions(),
        message::questions(),
    ];
    order.into_iter().chain(parts.into_iter().flatten()).collect()
});

table! {
    "orders" as orders (id: OrderId) {
        number: i64,
        version: i64,
        last_event: i64,
        state: OrderState,
        channel: Channel,
        external_reference: String,
        customer_name: String,
        customer_email: String,
        customer_phone: String,
        customer_locale: String,
        recipient: String,
        organization: String,
        street: String,
        city: String,
        area: String,
        postal_code: String,
        country: String,
        billing_address: Option<String>,
        region: Option<RegionCode>,
        currency: Currency,
        prices_include_tax: bool,
        subtotal_minor: i64,
        discount_minor: i64,
        shipping_minor: i64,
        shipping_tax_minor: i64,
        tax_minor: i64,
        total_minor: i64,
        order_discount_minor: Option<i64>,
        order_discount_ppm: Option<i64>,
        discount_code: String,
        special_instructions: String,
        service: ServiceLevel,
        on_shortage: OnShortage,
        reservation_lifetime_seconds: Option<i64>,
        requested_by: Option<Timestamp>,
        promised_by: Option<Timestamp>,
        risk: Risk,
        risk_reasons: String,
        checks: String,
        availability: Option<String>,
        fingerprint: String,
        cancel_reason: String,
        created_by: Actor,
        created_at: Timestamp,
        updated_at: Timestamp,
        delivered_at: Option<Timestamp>,
        closed_at: Option<Timestamp>,
    }
}

table! {
    "order_lines" as order_lines (order_id: OrderId, number: i32) {
        sku: Sku,
        description: String,
        tax_category: String,
        quantity: i64,
        unit_price_minor: i64,
        line_discount_minor: Option<i64>,
        line_discount_ppm: Option<i64>,
        gross_minor: i64,
        discount_minor: i64,
        discount_share_minor: i64,
        tax_rate_ppm: i64,
        tax_minor: i64,
        total_minor: i64,
        weight_grams: i64,
    }
}

table! {
    "holds" as holds (id: HoldId) {
        order_id: OrderId,
        place: i32,
        reason: HoldReason,
        note: String,
        state: HoldState,
        placed_by: Actor,
        placed_at: Timestamp,
        released_by: Option<Actor>,
        released_at: Option<Timestamp>,
        release_note: String,
    }
}

table! {
    "order_waits" as order_waits (order_id: OrderId, sku: Sku) {
        region: RegionCode,
        quantity: i64,
        number: i64,
    }
}

/// Orders that are not archived, whole, in the order of their ids. A reader outside of a transaction gets each lot as
/// of one moment.
pub(in crate::store) async fn load_orders(db: &Session, ids: &[OrderId]) -> Result<Vec<Order>, StoreError> {
    let ids: Vec<_> = sorted(ids).into_iter().map(|it| it.0).collect();
    let mut found = Vec::with_capacity(ids.len());
    for ids in lots(db.backend(), &ids) {
        let mut answers = db.ask_each(&WHOLE_ORDER, &ids).await?;
        let rows = answers.rows::<orders::Entity>()?;
        let lines = gather(answers.rows::<order_lines::Entity>()?.into_iter().map(line_from_row))?;
        let holds = answers.rows::<holds::Entity>()?;
        let holds = gather(holds.into_iter().map(|it| Ok(hold_from_row(it))))?;
        let reservations = reservation::read(&mut answers)?;
        let approvals = approval::read(&mut answers)?;
        let invoices = invoice::read(&mut answers)?;
        let payments = payment::read(&mut answers)?;
        let shipments = shipment::read(&mut answers)?;
        let (messages, feedback) = message::read(&mut answers)?;

        let mut parts = Parts {
            lines,
            holds,
            reservations,
            approvals,
            invoices,
            payments,
            shipments,
            messages,
            feedback,
        };
        for row in rows {
            found.push(from_row(row, &mut parts)?);
        }
    }
    Ok(found)
}

/// Which states of orders are stored that are not archived; their rows are locked if asked for, and guard all their
/// parts.
pub(in crate::store) async fn order_editions(
    db: &Session,
    ids: &[OrderId],
    lock: Lock,
) -> Result<HashMap<OrderId, Edition>, StoreError> {
    use orders::{Column, Entity};

    let mut found = HashMap::with_capacity(ids.len());
    for ids in sorted(ids).chunks(KEYS_MAX) {
        let mut query = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Version, Column::UpdatedAt])
            .filter(Column::Id.is_in(filled(ids.to_vec())))
            .order_by_asc(Column::Id);
        if lock == Lock::Update {
            query = query.lock_exclusive();
        }
        let rows = query.into_tuple::<(OrderId, i64, Timestamp)>().all(db).await?;
        found.extend(rows.into_iter().map(|(id, version, updated_at)| (id, Edition { version, updated_at })));
    }
    Ok(found)
}

/// Writes what differs. An order that has just been archived leaves for the archive with all its parts; its
/// events, movements and numbers stay. There is no way back.
pub(in crate::store) fn save_orders(
    writes: &mut Writes,
    orders: &[Saved<'_, Order>],
) -> Result<(), StoreError> {
    let changed =
        orders.iter().copied().filter(|it| it.before.is_none_or(|old| old.version != it.after.version));
    let changed: Vec<Saved<'_, Order>> = changed.collect();
    let (archived, open): (Vec<_>, Vec<_>) =
        changed.iter().copied().partition(|it| it.after.state == OrderState::Archived);
    if let Some(back) = open.iter().find(|it| it.before.is_some_and(|old| old.state == OrderState::Archived))
    {
        return Err(StoreError::Corrupt {
            table: TABLE,
            detail: format!("{} would leave the archive", back.after.id),
        });
    }

    save_rows(writes, &open)?;
    invoice::register(writes, &changed);
    payment::register(writes, &changed);

    save_parts(writes, &open);
    reservation::save(writes, &open);
    approval::save(writes, &open);
    invoice::save(writes, &open);
    payment::save(writes, &open);
    shipment::save(writes, &open);
    message::save(writes, &open);

    archive::save(writes, &archived)?;
    leave(writes, &archived);
    Ok(())
}

/// Units that waiting orders of each region want of these products.
pub(in crate::store) fn awaited(backend: DbBackend, skus: &[Sku]) -> Lookup<((RegionCode, Sku), i64)> {
    use order_waits::{Column, Entity};

    let units = Entity::find()
        .select_only()
        .columns([Column::Region, Column::Sku])
        .column_as(Column::Quantity.sum().cast_as("BIGINT"), "units")
        .filter(Column::Sku.is_in(filled(sorted(skus))))
        .group_by(Column::Region)
        .group_by(Column::Sku);
    Lookup::about(backend, units, |row| {
        let key = (row.try_get_by("region")?, row.try_get_by("sku")?);
        Ok((key, row.try_get_by("units")?))
    })
}

/// Units of these products that orders before each of these waiting orders want in the same region. Nothing
/// is said of orders that nobody is before.
pub(in crate::store) async fn awaited_before(
    db: &Session,
    orders: &[OrderId],
    skus: &[Sku],
) -> Result<HashMap<(OrderId, Sku), i64>, StoreError> {
    use order_waits::Column;

    if orders.is_empty() || skus.is_empty() {
        return Ok(HashMap::new());
    }
    let (own, before) = (Alias::new("own"), Alias::new("before_it"));
    let of_own = |column: Column| Expr::col((own.clone(), column));
    let of_before = |column: Column| Expr::col((before.clone(), column));
    let units = Query::select()
        .column((own.clone(), Column::OrderId))
        .column((own.clone(), Column::Sku))
        .expr(of_before(Column::Quantity).sum().cast_as("BIGINT"))
        .from_as(order_waits::Entity, own.clone())
        .join_as(
            JoinType::InnerJoin,
            order_waits::Entity,
            before.clone(),
            Condition::all()
                .add(of_before(Column::Sku).eq(of_own(Column::Sku)))
                .add(of_before(Column::Region).eq(of_own(Column::Region)))
                .add(of_before(Column::Number).lt(of_own(Column::Number))),
        )
        .and_where(of_own(Column::OrderId).is_in(filled(sorted(orders))))
        .and_where(of_own(Column::Sku).is_in(filled(sorted(skus))))
        .group_by_columns([(own.clone(), Column::OrderId), (own.clone(), Column::Sku)])
        .to_owned();

    let rows = db.query_all(&units).await?;
    rows.iter()
        .map(|it| {
            let (order, sku, units) = it.try_get_many_by_index::<(OrderId, Sku, i64)>()?;
            Ok(((order, sku), units))
        })
        .collect()
}

/// When the youngest order with each of these fingerprints was received, if there is one, among those not archived and
/// not among `except`.
pub(in crate::store) fn fingerprints(
    backend: DbBackend,
    fingerprints: &[String],
    except: &[OrderId],
) -> Lookup<(String, Option<Timestamp>)> {
    // The youngest is the first that the index has: however many were alike, no more are looked at.
    let sql = "SELECT fingerprint, ( \
            SELECT created_at FROM orders WHERE orders.fingerprint = given.fingerprint \
            AND orders.id NOT IN (SELECT excepted FROM given WHERE excepted IS NOT NULL) \
            ORDER BY created_at DESC LIMIT 1) AS youngest \
        FROM given WHERE fingerprint IS NOT NULL";
    let wanted = sorted(fingerprints).into_iter().map(|it| vec![it.into(), Value::Uuid(None)]);
    let excepted = sorted(except).into_iter().map(|it| vec![Value::String(None), it.into()]);
    let given = [text("fingerprint"), uuid("excepted")];
    Lookup {
        statement: with_given(backend, &given, wanted.chain(excepted).collect(), sql),
        read: |row| Ok((row.try_get_by("fingerprint")?, row.try_get_by("youngest")?)),
    }
}

/// Which of these references, none of them empty, are taken, by an order at hand or by an archived one.
pub(in crate::store) fn external_references(
    backend: DbBackend,
    references: &[(Channel, String)],
) -> Lookup<(Channel, String)> {
    // Looked up one by one, so that no planner thinks of reading a whole channel while it is small. The condition is
    // said once more for it: the indexes hold no empty references.
    let taken = |table: &str| {
        format!(
            "(SELECT 1 FROM {table} AS taken WHERE taken.channel = given.channel \
            AND taken.external_reference = given.reference AND taken.external_reference <> '' LIMIT 1) IS NOT NULL"
        )
    };
    let sql = format!(
        "SELECT channel, reference FROM given WHERE {} OR {}",
        taken("orders"),
        taken("archived_orders")
    );
    let row = |(channel, reference): (Channel, String)| vec![channel.into(), reference.into()];
    let rows = sorted(references).into_iter().map(row).collect();
    Lookup {
        statement: with_given(backend, &[text("channel"), text("reference")], rows, &sql),
        read: |row| Ok((row.try_get_by("channel")?, row.try_get_by("reference")?)),
    }
}

fn save_rows(writes: &mut Writes, orders: &[Saved<'_, Order>]) -> Result<(), StoreError> {
    let row = |it: &Saved<'_, Order>| Ok((it.before.map(to_row).transpose()?, to_row(it.after)?));
    let rows = orders.iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
    save_versioned::<orders::Entity>(writes, orders::Column::Version, rows);
    Ok(())
}

fn save_parts(writes: &mut Writes, orders: &[Saved<'_, Order>]) {
    let mut lines = Difference::<order_lines::Entity>::new();
    let mut holds = Difference::<holds::Entity>::new();
    let mut waits = Difference::<order_waits::Entity>::new();
    for order in orders {
        let id = order.after.id;
        lines.compare(order.parts(|it| &it.lines), |it| (id, it.number), |_, it| line_to_row(id, it));
        holds.compare(order.parts(|it| &it.holds), |it| it.id, |place, it| hold_to_row(id, place, it));

        let (before, after) = (order.before.map(waiting).unwrap_or_default(), waiting(order.after));
        waits.compare((&before, &after), |it| (id, it.sku.clone()), |_, it| it.clone());
    }

    lines.write(writes);
    holds.write(writes);
    waits.write(writes);
}

/// What an order waits for, product by product.
fn waiting(order: &Order) -> Vec<order_waits::Model> {
    let (OrderState::AwaitingStock, Some(region)) = (order.state, &order.region) else {
        return Vec::new();
    };

    let mut units: BTreeMap<&Sku, i64> = BTreeMap::new();
    for line in &order.lines {
        *units.entry(&line.sku).or_default() += line.quantity;
    }
    let row = |(sku, quantity): (&Sku, i64)| order_waits::Model {
        order_id: order.id,
        sku: sku.clone(),
        region: region.clone(),
        quantity,
        number: order.number,
    };
    units.into_iter().map(row).collect()
}

/// Takes orders that are in the archive now off the tables of the day, with their jobs.
fn leave(writes: &mut Writes, archived: &[Saved<'_, Order>]) {
    let at_hand = archived.iter().filter_map(|it| it.before).filter(|it| it.state != OrderState::Archived);
    let (orders, jobs) = at_hand.map(|it| ((it.id, it.version).into(), JobId(it.id.0).into())).unzip();
    remove_each::<orders::Entity>(writes, &[orders::Column::Id, orders::Column::Version], orders);
    remove::<jobs::Entity>(writes, jobs);
}

fn to_row(order: &Order) -> Result<orders::Model, StoreError> {
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
struct Parts {
    lines: Of<OrderLine>,
    holds: Of<Hold>,
    reservations: Of<crate::domain::Reservation>,
    approvals: Of<crate::domain::Approval>,
    invoices: Of<crate::domain::Invoice>,
    payments: Of<crate::domain::Payment>,
    shipments: Of<crate::domain::Shipment>,
    messages: Of<crate::domain::Message>,
    feedback: Of<crate::domain::Feedback>,
}

fn from_row(row: orders::Model, parts: &mut Parts) -> Result<Order, StoreError> {
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

fn line_to_row(order: OrderId, line: &OrderLine) -> order_lines::Model {
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

fn line_from_row(row: order_lines::Model) -> Result<(OrderId, OrderLine), StoreError> {
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

fn hold_to_row(order: OrderId, place: i32, hold: &Hold) -> holds::Model {
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

fn hold_from_row(row: holds::Model) -> (OrderId, Hold) {
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
