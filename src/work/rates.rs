//! Rates that couriers' own interfaces name for a shipment, asked before a decision is made with them.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::domain::{CourierAnswer, CourierCode, LiveRate, LiveRates, Load, Part, ShipmentId};
use crate::outside::CourierInterface;
use crate::store::StoreError;
use crate::work::App;

/// How long a courier may take to name its rates: somebody waits, and there are other rates to go by.
const WITHIN: Duration = Duration::from_secs(3);

/// What the interfaces answer that are asked for their rates of a shipment: that of this courier, or of every one that has an
/// interface. All are asked at once. One that does not answer in time is left out.
pub async fn live_rates(
    app: &App,
    shipment: ShipmentId,
    only: Option<&CourierCode>,
) -> Result<LiveRates, StoreError> {
    let asked: Vec<_> = app.couriers.iter().filter(|it| only.is_none_or(|code| code == it.0)).collect();
    let Some(load) = (match asked.is_empty() {
        true => None,
        false => load_of(app, shipment).await?,
    }) else {
        return Ok(LiveRates::new());
    };
    let answers = asked.into_iter().map(|(courier, interface)| ask(app, courier, interface.as_ref(), &load));
    Ok(join_all(answers).await.into_iter().flatten().collect())
}

type Answered = (CourierCode, Result<Vec<LiveRate>, String>);

async fn ask(
    app: &App,
    courier: &CourierCode,
    interface: &dyn CourierInterface,
    load: &Load,
) -> Option<Answered> {
    let answer = timeout(WITHIN.min(app.call_within()), interface.rates(load)).await;
    match answer {
        Ok(CourierAnswer::Done(rates)) => Some((courier.clone(), Ok(rates))),
        Ok(CourierAnswer::Refused(why)) => Some((courier.clone(), Err(why))),
        Ok(CourierAnswer::Unknown(_)) | Err(_) => {
            // Why is not logged: a courier's words may name people.
            tracing::warn!(%courier, "the courier named no rates; those here count");
            None
        }
    }
}

/// None: there is no such shipment, or nothing is packed yet that a courier could be asked about.
async fn load_of(app: &App, id: ShipmentId) -> Result<Option<Load>, StoreError> {
    let Some(order) = app.store.order_of(&Part::Shipment(id)).await? else { return Ok(None) };
    let Some(order) = app.store.order(order).await? else { return Ok(None) };
    let Some(shipment) = order.shipments.iter().find(|it| it.id == id) else { return Ok(None) };
    if shipment.packages.is_empty() {
        return Ok(None);
    }
    let Some(location) = app.store.location(&shipment.location).await? else { return Ok(None) };
    Ok(Some(Load::of(&order, shipment, &location, &app.rules.company_name)))
}
