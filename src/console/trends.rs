//! How the last weeks went, drawn: the series of GetOverview, and the records of couriers.

use serde_json::{Value, json};

use crate::console::charts::{About, Bar, brief, columns, grouped, rows};
use crate::pb;

/// Couriers that are shown: those that delivered most.
const COURIERS_MAX: usize = 10;

const PLACED: About = About {
    id: "placed",
    title: "Orders a day",
    says: "How many orders came in on each of the last 30 days; today is the last.",
    empty: "No order has come in.",
    head: ["Day", "Orders"],
};

const PROMISES: About = About {
    id: "promises",
    title: "Promises kept, in percent",
    says: "Of the orders delivered in each of the last 12 weeks, how many of a hundred came by the promised time.",
    empty: "Nothing that was promised has been delivered yet.",
    head: ["Week from", "Came in time"],
};

const COURIERS: About = About {
    id: "couriers",
    title: "Couriers' punctuality",
    says: "Of the shipments that each courier delivered, how many of a hundred came by the time it had named.",
    empty: "No courier has delivered anything yet.",
    head: ["Courier", "Came in time"],
};

const COVERS: About = About {
    id: "covers",
    title: "Stock that runs out first",
    says: "How many days the free stock of a product lasts if as much is ordered as in the last seven days.",
    empty: "Nothing that is kept in stock was ordered in the last seven days.",
    head: ["Product", "Lasts"],
};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Each chart by its name; those of the catalogue only for who may see it, which is who was told of couriers.
pub(super) fn charts(series: &pb::OverviewSeries, couriers: Option<&[pb::Courier]>) -> Value {
    json!({
        "placed": placed(&series.placed_days),
        "promises": promises(&series.promise_weeks),
        "couriers": couriers.map(punctuality),
        "covers": couriers.map(|_| covers(&series.stock_covers)),
    })
}

fn placed(days: &[pb::PlacedDay]) -> String {
    let bar = |it: &pb::PlacedDay| Bar {
        name: day(it.date.as_ref()),
        length: Some(it.count),
        short: brief(it.count),
        full: grouped(it.count),
    };
    columns(&PLACED, &days.iter().map(bar).collect::<Vec<_>>(), None)
}

fn promises(weeks: &[pb::PromiseWeek]) -> String {
    let bar = |it: &pb::PromiseWeek| {
        let kept = percent(it.kept_count, it.delivered_count);
        let full = match kept {
            Some(kept) => share(kept, it.kept_count, it.delivered_count),
            None => "–".to_owned(),
        };
        let short = kept.map(|it| it.to_string()).unwrap_or_default();
        Bar { name: day(it.start_date.as_ref()), length: kept, short, full }
    };
    columns(&PROMISES, &weeks.iter().map(bar).collect::<Vec<_>>(), Some(100))
}

fn punctuality(couriers: &[pb::Courier]) -> String {
    let mut records: Vec<(&str, i64, i64)> = couriers
        .iter()
        .filter_map(|it| it.record.as_ref().map(|record| (it.name.as_str(), record.delivered, record.late)))
        .filter(|it| it.1 > 0)
        .collect();
    records.sort_by_key(|it| std::cmp::Reverse(it.1));
    let bar = |(name, delivered, late): &(&str, i64, i64)| {
        let in_time = delivered - late;
        let length = percent(in_time, *delivered)?;
        let short = format!("{length}% of {}", brief(*delivered));
        let full = share(length, in_time, *delivered);
        Some(Bar { name: (*name).to_owned(), length: Some(length), short, full })
    };
    let bars: Vec<Bar> = records.iter().take(COURIERS_MAX).filter_map(bar).collect();
    rows(&COURIERS, &bars, Some(100))
}

fn covers(covers: &[pb::StockCover]) -> String {
    let bar = |it: &pb::StockCover| {
        let days = match it.days_left {
            days if days < 100.0 => format!("{days:.1} days"),
            days => format!("{} days", brief(days as i64)),
        };
        let full = format!("{days}: {} free, {} ordered", grouped(it.free), grouped(it.ordered));
        Bar { name: it.sku.clone(), length: Some((it.days_left * 10.0) as i64), short: days, full }
    };
    rows(&COVERS, &covers.iter().map(bar).collect::<Vec<_>>(), None)
}

/// Rounded down: 100 is all of them. None: of nothing.
fn percent(part: i64, whole: i64) -> Option<i64> {
    (whole > 0).then(|| i64::try_from(i128::from(part) * 100 / i128::from(whole)).unwrap_or(100))
}

fn share(percent: i64, part: i64, whole: i64) -> String {
    format!("{percent}%: {} of {}", grouped(part), grouped(whole))
}

/// `30 Nov`.
fn day(date: Option<&pb::Date>) -> String {
    let (month, day) = date.map_or((0, 0), |it| (it.month, it.day));
    let month = usize::try_from(month - 1).ok().and_then(|it| MONTHS.get(it)).unwrap_or(&"–");
    format!("{day} {month}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY: pb::Date = pb::Date { year: 2026, month: 11, day: 30 };

    fn courier(name: &str, delivered: i64, late: i64) -> pb::Courier {
        let record = pb::CourierRecord { carried: delivered, delivered, late, ..Default::default() };
        pb::Courier { name: name.to_owned(), record: Some(record), ..Default::default() }
    }

    #[test]
    fn a_week_without_deliveries_is_no_broken_promise() {
        let week = |delivered_count, kept_count| pb::PromiseWeek {
            start_date: Some(MONDAY),
            delivered_count,
            kept_count,
        };
        let drawn = promises(&[week(0, 0), week(200, 199), week(3, 0)]);
        assert_eq!(drawn.matches("<rect class=\"bar\"").count(), 2);
        for told in [">99</text>", ">0</text>", "99%: 199 of 200", "0%: 0 of 3", ">–</td>", "30 Nov"] {
            assert!(drawn.contains(told), "{told} is not in {drawn}");
        }
        assert!(promises(&[week(0, 0)]).contains("Nothing that was promised"));
    }

    #[test]
    fn couriers_are_shown_by_what_they_delivered_and_new_ones_are_not() {
        let drawn = punctuality(&[courier("Small", 2, 1), courier("Large", 1_000, 1), courier("New", 0, 0)]);
        let (large, small) = (drawn.find("99% of 1,000").expect("one"), drawn.find("50% of 2").expect("one"));
        assert!(large < small && !drawn.contains("New"), "{drawn}");
        let many: Vec<_> = (1..=20).map(|it| courier(&format!("Number {it}"), it, 0)).collect();
        assert_eq!(punctuality(&many).matches("<rect class=\"bar\"").count(), COURIERS_MAX);
    }

    #[test]
    fn who_may_not_see_the_catalogue_is_shown_neither_couriers_nor_stock() {
        let cover = pb::StockCover { sku: "A-1".to_owned(), free: 6, ordered: 4, days_left: 10.5 };
        let day = pb::PlacedDay { date: Some(MONDAY), count: 1_234_567 };
        let series =
            pb::OverviewSeries { placed_days: vec![day], stock_covers: vec![cover], ..Default::default() };
        let drawn = charts(&series, Some(&[]));
        let text = |name: &str| drawn[name].as_str().unwrap_or_default().to_owned();
        assert!(text("placed").contains(">1.2M</text>") && text("placed").contains("1,234,567"), "{drawn}");
        assert!(text("covers").contains("10.5 days: 6 free, 4 ordered"), "{drawn}");
        assert!(text("couriers").contains("No courier"), "{drawn}");
        let drawn = charts(&series, None);
        assert!(drawn["couriers"].is_null() && drawn["covers"].is_null(), "{drawn}");
    }
}
