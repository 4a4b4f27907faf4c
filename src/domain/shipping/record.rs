//! Couriers' records: what an order adds to them, and what they weigh in the choice.

use crate::domain::model::courier::{CourierRecord, CourierRecords};
use crate::domain::model::feedback::FeedbackState;
use crate::domain::model::order::Order;
use crate::domain::model::policy::CourierWeights;
use crate::domain::model::shipment::{Shipment, ShipmentState};

impl Order {
    /// What this order says of the couriers that carried it. A record is the sum of these over all orders, so it follows
    /// whatever reports come later, and outlives no order's correction.
    pub fn courier_records(&self) -> CourierRecords {
        let mut records = CourierRecords::new();
        for shipment in &self.shipments {
            let (Some(assignment), Some(_)) = (&shipment.assignment, &shipment.handover) else { continue };
            let record = records.entry(assignment.courier.clone()).or_default();
            let delivered = shipment.state == ShipmentState::Delivered;
            let lost = shipment.state == ShipmentState::Lost;
            let over = delivered || lost || shipment.state == ShipmentState::Returned;
            let received = shipment.proof.as_ref().map(|it| it.at);
            let late = delivered && received.is_some_and(|it| it > assignment.delivery_at);
            record.carried += i64::from(over);
            record.delivered += i64::from(delivered);
            record.late += i64::from(late);
            record.damaged += i64::from(lost || over && is_damaged(shipment));
        }
        // A courier that brought an order in several shipments was rated for it once.
        if let Some(feedback) = &self.feedback
            && feedback.state == FeedbackState::Submitted
            && feedback.delivery_rating > 0
        {
            for record in records.values_mut() {
                record.rated += 1;
                record.rating_sum += i64::from(feedback.delivery_rating);
            }
        }
        records.retain(|_, it| *it != CourierRecord::default());
        records
    }
}

/// Whether a report of it names damage: `DAMAGE`, alone or as a word of the incident, as in `CARRIER_DAMAGE`.
fn is_damaged(shipment: &Shipment) -> bool {
    let names_damage = |incident: &str| incident.split('_').any(|it| it == "DAMAGE" || it == "DAMAGED");
    shipment.tracking.iter().any(|it| names_damage(&it.incident))
}

/// By how much a courier counts as dearer for its record, in ppm of the price, and why. What too few shipments or ratings
/// stand behind counts for nothing, so a new courier is not held back.
pub(super) fn weigh(record: &CourierRecord, weights: &CourierWeights) -> (i64, String) {
    let CourierWeights { late_ppm, damaged_ppm, rating_ppm, least } = *weights;
    let enough = |count: i64| count > 0 && count >= i64::from(least);
    let (mut malus, mut words) = (0, Vec::new());

    let rating = record.rating_hundredths();
    if rating_ppm > 0 && enough(record.rated) && rating < 500 {
        malus += (500 - rating) * i64::from(rating_ppm) / 100;
        words.push(format!("rated {}.{:02}", rating / 100, rating % 100));
    }
    let shares = [
        ("late", record.late, record.delivered, late_ppm),
        ("damaged", record.damaged, record.carried, damaged_ppm),
    ];
    for (what, part, whole, ppm) in shares {
        if ppm > 0 && enough(whole) && part > 0 {
            malus += part * 100 * i64::from(ppm) / whole;
            words.push(format!("{what} {}", percent(part, whole)));
        }
    }
    (malus, words.join(", "))
}

/// To a tenth of a percent, rounded half up.
fn percent(part: i64, whole: i64) -> String {
    let tenths = (part * 1_000 + whole / 2) / whole;
    match tenths % 10 {
        0 => format!("{} %", tenths / 10),
        tenth => format!("{}.{tenth} %", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> CourierRecord {
        CourierRecord { carried: 200, delivered: 190, late: 26, damaged: 1, rated: 30, rating_sum: 93 }
    }

    #[test]
    fn each_part_of_a_record_has_its_weight() {
        let weights = CourierWeights::default();
        // 1.90 points at 4 %, 13.68 % at 0.5 %, 0.5 % at 2 %.
        let (malus, words) = weigh(&record(), &weights);
        assert_eq!(malus, 76_000 + 68_421 + 10_000);
        assert_eq!(words, "rated 3.10, late 13.7 %, damaged 0.5 %");

        let only_late = CourierWeights { damaged_ppm: 0, rating_ppm: 0, ..weights };
        assert_eq!(weigh(&record(), &only_late), (68_421, "late 13.7 %".to_owned()));
        let nothing = CourierWeights { late_ppm: 0, ..only_late };
        assert_eq!(weigh(&record(), &nothing), (0, String::new()));
    }

    #[test]
    fn what_few_stand_behind_says_nothing() {
        let weights = CourierWeights { least: 31, ..CourierWeights::default() };
        assert_eq!(weigh(&record(), &weights).1, "late 13.7 %, damaged 0.5 %");
        let weights = CourierWeights { least: 201, ..weights };
        assert_eq!(weigh(&record(), &weights), (0, String::new()));
        assert_eq!(weigh(&CourierRecord::default(), &CourierWeights::default()), (0, String::new()));
        let best = CourierRecord { late: 0, damaged: 0, rating_sum: 150, ..record() };
        assert_eq!(weigh(&best, &CourierWeights::default()), (0, String::new()));
    }
}
