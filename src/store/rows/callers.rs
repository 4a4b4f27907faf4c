//! What callers have waiting.

use crate::domain::Actor;
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::statement::{Effect, FixedStatement, Kind};
use crate::store::rows::statements::Fixed;

/// How many orders of these callers wait for stock: caller, orders. Nothing is said of those that have none waiting. Asked
/// after the stock is locked, as who waits before whom is.
pub(in crate::store) static WAITING_ORDERS: Fixed = Fixed::new(|| {
    let columns = "order_waits.caller, COUNT(DISTINCT order_waits.order_id)";
    FixedStatement::new(
        Effect::Read,
        [Kind::Text],
        format!(
            "SELECT {columns} FROM order_waits WHERE order_waits.caller = ?1 GROUP BY order_waits.caller"
        ),
        &format!(
            "SELECT {columns} FROM {{bound}} JOIN order_waits ON order_waits.caller = bound.c1 \
            GROUP BY order_waits.caller"
        ),
    )
});

/// How many orders of a caller wait, as `WAITING_ORDERS` says.
pub(in crate::store) fn waiting(row: &Row) -> Result<(Actor, i64), StoreError> {
    Ok((row.get(0)?, row.get(1)?))
}
