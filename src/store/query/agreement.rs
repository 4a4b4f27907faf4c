//! Whether the tables around the orders say what their documents say.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{Order, OrderId, ReservationId, Violation};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::order::{JobFields, orders, to_row};
use crate::store::rows::parts::{
    approvals, feedback, holds, invoices, messages, order_lines, order_waits, payments, refunds, shipments,
    tracking_numbers,
};
use crate::store::rows::projection::Projection;
use crate::store::rows::reservation::{reservation_items, reservations};
use crate::store::rows::statements::{names, table_of};
use crate::store::rows::table::Record;

/// The law that the tables and the documents agree.
pub(super) const AGREEMENT: &str = "D1";

/// The orders among these whose rows differ from their document. They are all there are between the two ids.
pub(super) async fn disagreements(
    db: &Session,
    documents: &[Order],
    between: (OrderId, OrderId),
) -> Result<BTreeMap<OrderId, Violation>, StoreError> {
    let mut stored: HashMap<OrderId, Projection> = HashMap::new();
    let mut own: HashMap<OrderId, orders::Model> = HashMap::new();
    for row in rows::<orders::Model>(db, "id", between).await? {
        own.insert(row.id, row);
    }
    /// Sorts the rows of a table into the projections of their orders.
    macro_rules! gather {
        ($($table:ident into $field:ident;)+) => {
            $(for row in rows::<$table::Model>(db, "order_id", between).await? {
                stored.entry(row.order_id).or_default().$field.push(row);
            })+
        };
    }
    gather! {
        order_lines into lines;
        order_waits into waits;
        holds into holds;
        approvals into approvals;
        messages into messages;
        feedback into feedback;
        invoices into invoices;
        payments into payments;
        refunds into refunds;
        shipments into shipments;
        tracking_numbers into numbers;
    }
    let mut orders_of: HashMap<ReservationId, OrderId> = HashMap::new();
    for row in rows::<reservations::Model>(db, "order_id", between).await? {
        if let Some(order) = row.order_id {
            orders_of.insert(row.id, order);
            stored.entry(order).or_default().reservations.push(row);
        }
    }
    for row in items(db, between).await? {
        if let Some(order) = orders_of.get(&row.reservation_id) {
            stored.entry(*order).or_default().items.push(row);
        }
    }

    let mut found = BTreeMap::new();
    for order in documents {
        let rows = stored.remove(&order.id).unwrap_or_default().sorted();
        let what = match own.remove(&order.id) {
            Some(row) if !is_row_of(&row, order)? => "its row",
            None => "its row",
            Some(_) => match differing(&rows, &Projection::of(order).sorted()) {
                Some(table) => table,
                None => continue,
            },
        };
        found.insert(
            order.id,
            Violation {
                law: AGREEMENT,
                key: order.id.to_string(),
                expected: "as in the document".to_owned(),
                actual: format!("{what} differs"),
            },
        );
    }
    Ok(found)
}

/// Whether the row is the document's. Its job is its own, and how the document was packed does not matter.
fn is_row_of(row: &orders::Model, order: &Order) -> Result<bool, StoreError> {
    let orders::Model { run_at, attempts, lease_token, lease_until, .. } = *row;
    let job = JobFields { run_at, attempts, lease_token, lease_until };
    let expected = to_row(order, job)?;
    Ok(orders::Model { document: Vec::new(), ..expected }
        == orders::Model { document: Vec::new(), ..row.clone() })
}

/// The first table that differs.
fn differing(stored: &Projection, expected: &Projection) -> Option<&'static str> {
    let tables = [
        ("order_lines", stored.lines == expected.lines),
        ("order_waits", stored.waits == expected.waits),
        ("holds", stored.holds == expected.holds),
        ("approvals", stored.approvals == expected.approvals),
        ("messages", stored.messages == expected.messages),
        ("feedback", stored.feedback == expected.feedback),
        ("invoices", stored.invoices == expected.invoices),
        ("payments", stored.payments == expected.payments),
        ("refunds", stored.refunds == expected.refunds),
        ("shipments", stored.shipments == expected.shipments),
        ("tracking_numbers", stored.numbers == expected.numbers),
        ("reservations", stored.reservations == expected.reservations),
        ("reservation_items", stored.items == expected.items),
    ];
    tables.into_iter().find(|it| !it.1).map(|it| it.0)
}

async fn rows<R: Record>(
    db: &Session,
    column: &str,
    (first, last): (OrderId, OrderId),
) -> Result<Vec<R>, StoreError> {
    let (columns, table) = (names::<R::Entity>(), table_of::<R::Entity>());
    let sql = format!("SELECT {columns} FROM {table} WHERE {column} >= $1 AND {column} <= $2");
    db.query(&sql, vec![first.into(), last.into()]).await?.iter().map(R::read).collect()
}

async fn items(
    db: &Session,
    (first, last): (OrderId, OrderId),
) -> Result<Vec<reservation_items::Model>, StoreError> {
    let sql = format!(
        "SELECT {} FROM reservations JOIN reservation_items ON reservation_items.reservation_id = reservations.id \
        WHERE reservations.order_id >= $1 AND reservations.order_id <= $2",
        names::<reservation_items::Entity>()
    );
    db.query(&sql, vec![first.into(), last.into()]).await?.iter().map(Record::read).collect()
}
