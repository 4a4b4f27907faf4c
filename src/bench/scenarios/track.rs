//! Following shipments: how long it takes from recording an event until every follower has it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tonic::{Status, Streaming};

use crate::bench::caller::Caller;
use crate::bench::driver::Operation;
use crate::bench::tally::Tally;
use crate::pb;
use crate::pb::track_shipment_response::Update;

/// Name of the delay until an event arrives.
const ARRIVAL: &str = "arrival";
/// Shipments that are followed where a few are enough.
const SHIPMENTS: u64 = 4;
/// Events recorded per shipment; a shipment keeps a thousand at most.
const EVENTS_PER_SHIPMENT: u64 = 900;
/// How long the last events may take to arrive.
const ARRIVED_WITHIN: Duration = Duration::from_secs(10);

/// How many shipments so many events need.
pub(in crate::bench) fn shipments_for(events: u64) -> u64 {
    events.div_ceil(EVENTS_PER_SHIPMENT).max(SHIPMENTS)
}

/// Records one event of one shipment after the other.
pub(in crate::bench) struct ReportTracking {
    shipments: Vec<String>,
    /// The first second in which something can have happened.
    since: i64,
    /// When each event was about to be recorded.
    sent: Arc<Mutex<Vec<Instant>>>,
    recorded: Vec<AtomicU64>,
}

impl ReportTracking {
    pub(in crate::bench) fn on(shipments: Vec<String>) -> Self {
        let recorded = shipments.iter().map(|_| AtomicU64::new(0)).collect();
        let now = crate::clock::now().unix_micros() / 1_000_000;
        Self { shipments, since: now - 3_600, sent: Arc::default(), recorded }
    }

    /// How many events arrive in all, with this many followers.
    pub(in crate::bench) fn expected(&self, subscribers: u64) -> u64 {
        let shipments = self.shipments.len() as u64;
        let followers = |index: u64| subscribers / shipments + u64::from(index < subscribers % shipments);
        (0..).zip(&self.recorded).map(|(index, it)| it.load(Ordering::Relaxed) * followers(index)).sum()
    }
}

impl Operation for ReportTracking {
    const NAME: &'static str = "track";

    async fn run(&self, caller: &Caller, number: u64, tally: &Tally) -> Result<(), Status> {
        let index = (number % self.shipments.len() as u64) as usize;
        let (Some(shipment), Some(recorded)) = (self.shipments.get(index), self.recorded.get(index)) else {
            return Ok(());
        };

        let mark = {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.push(Instant::now());
            sent.len() - 1
        };
        let event = pb::TrackingReport {
            status: pb::TrackingStatus::InTransit as i32,
            location: "hub".to_owned(),
            // Each a millisecond after the one before: nothing is a duplicate, and nothing lies ahead.
            occurred_time: Some(prost_types::Timestamp {
                seconds: self.since + (number / 1_000) as i64,
                nanos: (number % 1_000) as i32 * 1_000_000,
            }),
            description: mark.to_string(),
            ..Default::default()
        };
        tally.time("RecordTrackingEvents", caller.record_tracking_event(shipment, event)).await?;
        recorded.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Subscribers, until they are dropped.
pub(in crate::bench) struct Followers {
    following: JoinSet<()>,
    arrived: Arc<AtomicU64>,
}

impl Followers {
    /// One for each caller; returns when all of them follow.
    pub(in crate::bench) async fn start(
        callers: &[Caller],
        report: &ReportTracking,
        tally: &Arc<Tally>,
    ) -> Result<Self, Status> {
        let mut following = JoinSet::new();
        let arrived = Arc::new(AtomicU64::new(0));
        for (caller, shipment) in callers.iter().zip(report.shipments.iter().cycle()) {
            let mut stream = caller.track(shipment, 0).await?;
            // What happened before the measurement: the courier has it. From here on the server knows us.
            next_mark(&mut stream).await?;
            let (sent, tally) = (Arc::clone(&report.sent), Arc::clone(tally));
            let arrived = Arc::clone(&arrived);
            following.spawn(async move {
                loop {
                    match next_mark(&mut stream).await {
                        Ok(Some(mark)) => {
                            let now = Instant::now();
                            let began =
                                sent.lock().unwrap_or_else(PoisonError::into_inner).get(mark).copied();
                            if let Some(began) = began {
                                tally.took(ARRIVAL, now.saturating_duration_since(began));
                                arrived.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        Ok(None) => {}
                        Err(status) => return tally.refused(&status),
                    }
                }
            });
        }
        Ok(Self { following, arrived })
    }

    /// Waits until so many events have arrived, but not for ever; returns how many have.
    pub(in crate::bench) async fn until_arrived(mut self, expected: u64) -> u64 {
        let ends = Instant::now() + ARRIVED_WITHIN;
        while self.arrived.load(Ordering::Relaxed) < expected && Instant::now() < ends {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.following.abort_all();
        self.arrived.load(Ordering::Relaxed)
    }
}

/// The mark of the next event; none of one that has no mark, and of a heartbeat.
async fn next_mark(stream: &mut Streaming<pb::TrackShipmentResponse>) -> Result<Option<usize>, Status> {
    let Some(message) = stream.message().await? else {
        return Err(crate::bench::caller::unexpected("STREAM_ENDED"));
    };
    Ok(match message.update {
        Some(Update::Event(event)) => event.description.parse().ok(),
        Some(Update::Heartbeat(_)) | None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_follower_of_a_shipment_hears_all_its_events() {
        let report = ReportTracking::on(vec!["one".to_owned(), "other".to_owned()]);
        report.recorded[0].store(10, Ordering::Relaxed);
        report.recorded[1].store(7, Ordering::Relaxed);
        // Of five, three follow the first.
        assert_eq!(report.expected(5), 10 * 3 + 7 * 2);
    }

    #[test]
    fn no_shipment_gets_more_events_than_it_can_have() {
        assert_eq!(shipments_for(500), 4);
        assert_eq!(shipments_for(90_000), 100);
    }
}
