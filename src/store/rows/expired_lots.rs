//! Lots that have expired, on pick lists.

use crate::domain::TOUCHED_MAX;
use crate::store::connection::statement::{Effect, FixedStatement, Kind};
use crate::store::rows::statements::Fixed;

/// Shipments in the house with units of lots that have expired by now, of these shelves: id, order. What is picked of them
/// has to come back, however far it is. Asked beside the holders.
pub(in crate::store) static EXPIRED_ON_LISTS: Fixed = Fixed::new(|| {
    let found = |sku: &str, location: &str, now: &str| {
        format!(
            "SELECT DISTINCT shipment_lots.shipment_id, shipment_lots.order_id FROM stock_lots \
            JOIN shipment_lots ON shipment_lots.sku = stock_lots.sku \
            AND shipment_lots.location = stock_lots.location AND shipment_lots.lot = stock_lots.lot \
            AND shipment_lots.in_house = TRUE \
            WHERE stock_lots.sku = {sku} AND stock_lots.location = {location} \
            AND stock_lots.expires_at <= {now} AND stock_lots.allotted > 0 \
            ORDER BY shipment_lots.shipment_id LIMIT {TOUCHED_MAX}"
        )
    };
    FixedStatement::new(
        Effect::Read,
        [Kind::Text, Kind::Text, Kind::BigInt],
        found("?1", "?2", "?3"),
        &format!(
            "SELECT found.* FROM {{bound}} CROSS JOIN LATERAL ({}) AS found",
            found("bound.c1", "bound.c2", "bound.c3")
        ),
    )
});
