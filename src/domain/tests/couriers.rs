//! What couriers are known for, and what follows from it.

use crate::domain::customers::feedback::FeedbackAnswer;
use crate::domain::model::courier::CourierRecord;
use crate::domain::model::tracking::TrackingReport;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{order, report};

#[test]
fn a_courier_is_passed_over_for_its_record_and_the_assignment_says_why() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let cheap = bench.snapshot.couriers.keys().find(|it| it.as_str() == "SNAIL").cloned().expect("a courier");
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.prepare(id, 0);
    let assignment = bench.shipment(id, 0).assignment.clone().expect("assigned");
    assert_eq!(assignment.courier, cheap, "{}", assignment.reason);

    // Four of five came late, one of five was lost: 5 × as dearer as 80 % and 20 % say.
    bench.rules.courier_record.late_ppm = 50_000;
    let record =
        CourierRecord { carried: 100, delivered: 80, late: 64, damaged: 20, rated: 0, rating_sum: 0 };
    bench.snapshot.courier_records.insert(cheap.clone(), record);
    let id = bench.paid(&order("bob", &[("A-1", 1)]));
    bench.prepare(id, 0);
    let assignment = bench.shipment(id, 0).assignment.clone().expect("assigned");
    assert_ne!(assignment.courier, cheap);
    assert!(
        assignment.reason.contains("; passed over for its record SNAIL")
            && assignment.reason.contains("but late 80 %, damaged 20 %: counts as"),
        "{}",
        assignment.reason
    );
}

#[test]
fn an_order_says_what_became_of_what_its_couriers_carried() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "LAX", 3)]);
    let id = bench.paid(&order("ada", &[("A-1", 4)]));
    bench.ship(id, 0);
    bench.ship(id, 1);
    assert!(bench.order(id).courier_records().is_empty(), "nothing is over");

    bench.pass(20 * 86_400);
    bench.report(id, 0, TrackingStatus::Delivered);
    let (shipment, now) = (bench.shipment(id, 1).id, bench.now);
    let damaged =
        TrackingReport { incident: "CARRIER_DAMAGE".to_owned(), ..report(TrackingStatus::Exception, now) };
    bench.on(id, |order, unit| order.record_tracking(unit, shipment, &[damaged])).expect("a report");
    bench.pass(60);
    bench.report(id, 1, TrackingStatus::Returned);
    let mut total = CourierRecord::default();
    bench.order(id).courier_records().values().for_each(|it| total.add(it, 1));
    let expected = CourierRecord { carried: 2, delivered: 1, late: 1, damaged: 1, rated: 0, rating_sum: 0 };
    assert_eq!(total, expected);

    bench.report(id, 1, TrackingStatus::Delivered);
    bench
        .on(id, |order, unit| order.submit_feedback(unit, &FeedbackAnswer::overall(2, 5)))
        .expect("asked for");
    let records = bench.order(id).courier_records();
    assert!(records.values().all(|it| (it.rated, it.rating_sum) == (1, 2)), "{records:?}");
}
