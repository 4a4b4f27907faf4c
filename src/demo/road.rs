//! What couriers report in the demo.

use super::client::words::from_now;
use crate::pb;

/// How far in the future the storm puts the delivery, in seconds: later than any promise of the demo by more than a day.
const SLIPS_BY: i64 = 20 * 86_400;

fn report(
    status: pb::TrackingStatus,
    seconds_from_now: i64,
    location: &str,
    text: &str,
) -> pb::TrackingReport {
    pb::TrackingReport {
        status: status as i32,
        location: location.to_owned(),
        occurred_time: Some(from_now(seconds_from_now)),
        description: text.to_owned(),
        ..Default::default()
    }
}

/// A courier's reports when all goes well. Everything happens within seconds here, so the scans do too.
pub(super) fn quiet_road() -> Vec<Vec<pb::TrackingReport>> {
    let status = pb::TrackingStatus::InTransit;
    vec![
        vec![report(status, 1, "hub", "sorted at the hub")],
        vec![report(pb::TrackingStatus::OutForDelivery, 2, "van", "out for delivery")],
    ]
}

/// A storm: the exception, then late scans out of order, one of them twice, and an estimate that slips.
pub(super) fn stormy_road() -> Vec<Vec<pb::TrackingReport>> {
    let transit = report(pb::TrackingStatus::InTransit, 1, "hub", "sorted at the hub");
    let mut storm = report(pb::TrackingStatus::Exception, 2, "motorway", "road closed by snow");
    storm.incident = "WEATHER_SNOW".to_owned();
    let mut moved = report(pb::TrackingStatus::InTransit, 3, "hub", "waits until the road is clear");
    moved.estimated_delivery_time = Some(from_now(SLIPS_BY));
    let van = report(pb::TrackingStatus::OutForDelivery, 4, "van", "out for delivery");
    vec![vec![storm.clone()], vec![transit, storm], vec![moved], vec![van]]
}

/// A parcel that is damaged on the way.
pub(super) fn rough_road() -> Vec<Vec<pb::TrackingReport>> {
    let mut fell = report(pb::TrackingStatus::Exception, 1, "depot", "the parcel fell from the belt");
    fell.incident = "CARRIER_DAMAGE".to_owned();
    vec![vec![fell], vec![report(pb::TrackingStatus::OutForDelivery, 2, "van", "out for delivery")]]
}
