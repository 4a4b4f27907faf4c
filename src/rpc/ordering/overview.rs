//! GetOverview: from when on something is new, and the counts as the caller may see them.

use std::collections::BTreeMap;
use std::time::Duration;

use tonic::Extensions;

use crate::domain::{Problems, Timestamp};
use crate::pb;
use crate::pb::Permission;
use crate::rpc::calendar::date;
use crate::rpc::enums;
use crate::rpc::identity::permitted;
use crate::rpc::parse;
use crate::rpc::reply::timestamp;
use crate::store::{Backlog, Overview, PromiseWeek, Series, StockCover};

/// How far back something is new at most: each order since then is counted one by one.
const NEW_WITHIN: Duration = Duration::from_secs(7 * 86_400);

const DAY_MICROS: i64 = 86_400_000_000;

/// From when on something is new: as asked for, or from the last midnight in UTC on.
pub(crate) fn since(
    request: pb::GetOverviewRequest,
    now: Timestamp,
    bad: &mut Problems,
) -> Option<Timestamp> {
    let pb::GetOverviewRequest { since_time, with_series: _ } = request;
    let micros = now.unix_micros();
    let Some(since) = since_time else {
        return Some(Timestamp::from_unix_micros(micros - micros.rem_euclid(DAY_MICROS)));
    };
    let since = parse::timestamp("since_time", Some(since), bad)?;
    if since > now {
        bad.add("since_time", "must not be in the future");
    }
    if since < now.minus(NEW_WITHIN) {
        bad.add("since_time", "must be at most 7 days ago");
    }
    Some(Timestamp::from_unix_micros(since.unix_micros() - since.unix_micros().rem_euclid(1_000)))
}

/// What the caller may not see is left out. `check`: when the laws were last checked, and how many rows broke one.
pub(crate) fn overview(
    overview: Overview,
    series: Option<Series>,
    check: Option<(Timestamp, u64)>,
    caller: &Extensions,
) -> pb::Overview {
    let Overview {
        at,
        since,
        placed,
        delivered,
        position,
        orders,
        on_hold,
        late,
        stuck,
        approvals,
        changes,
        shipments,
        returns,
        failed_letters,
        unanswered_payments,
        below_reorder_point,
        proposed_replenishments,
        jobs_due,
    } = overview;
    let may = |permission| permitted(caller, permission).is_ok();
    let stock = pb::StockOverview {
        below_reorder_point_count: below_reorder_point,
        proposed_replenishment_count: proposed_replenishments,
    };
    let work = pb::WorkOverview {
        due_jobs: Some(waiting(jobs_due)),
        check_time: check.map(|it| timestamp(it.0)),
        broken_count: check.map_or(0, |it| i64::try_from(it.1).unwrap_or(i64::MAX)),
    };
    pb::Overview {
        time: Some(timestamp(at)),
        since_time: Some(timestamp(since)),
        placed_count: placed,
        delivered_count: delivered,
        last_position: position,
        orders: each(orders, |it, count| pb::OrderCount { state: enums::order_state(it), count }),
        on_hold_count: on_hold,
        late_count: late.count,
        late_since_time: late.since.map(timestamp),
        stuck: each(stuck, |it, wait| pb::StuckCount {
            gate: enums::stuck_gate(it),
            waiting: Some(waiting(wait)),
        }),
        approvals: each(approvals, |it, wait| pb::ApprovalCount {
            gate: enums::gate(it),
            waiting: Some(waiting(wait)),
        }),
        changes: each(changes, |it, count| pb::OrderChangeCount {
            state: enums::order_change_state(it),
            count,
        }),
        shipments: each(shipments, |it, count| pb::ShipmentCount { state: enums::shipment_state(it), count }),
        returns: each(returns, |it, count| pb::ReturnCount { state: enums::return_state(it), count }),
        failed_letters: Some(waiting(failed_letters)),
        unanswered_payments: may(Permission::ReadMoney).then(|| waiting(unanswered_payments)),
        stock: may(Permission::ReadCatalogue).then_some(stock),
        work: may(Permission::ReadOperations).then_some(work),
        series: series.map(|it| series_for(caller, it)),
    }
}

fn series_for(caller: &Extensions, series: Series) -> pb::OverviewSeries {
    let Series { at, placed, promises, covers } = series;
    let covers = if permitted(caller, Permission::ReadCatalogue).is_ok() { covers } else { Vec::new() };
    let week = |it: PromiseWeek| {
        let PromiseWeek { from, delivered, kept } = it;
        pb::PromiseWeek { start_date: Some(date(from)), delivered_count: delivered, kept_count: kept }
    };
    let cover = |it: StockCover| {
        let tenths = it.tenths_of_days();
        let StockCover { sku, free, ordered } = it;
        pb::StockCover { sku: sku.to_string(), free, ordered, days_left: tenths as f64 / 10.0 }
    };
    pb::OverviewSeries {
        time: Some(timestamp(at)),
        placed_days: placed
            .into_iter()
            .map(|(day, count)| pb::PlacedDay { date: Some(date(day)), count })
            .collect(),
        promise_weeks: promises.into_iter().map(week).collect(),
        stock_covers: covers.into_iter().map(cover).collect(),
    }
}

fn each<W, C, M>(counted: BTreeMap<W, C>, shown: impl Fn(W, C) -> M) -> Vec<M> {
    counted.into_iter().map(|(word, it)| shown(word, it)).collect()
}

fn waiting(backlog: Backlog) -> pb::WaitingCount {
    let Backlog { count, since } = backlog;
    pb::WaitingCount { count, oldest_time: since.map(timestamp) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_780_000_000_000_000 / DAY_MICROS * DAY_MICROS + DAY_MICROS / 2;

    fn asked(since: Option<i64>) -> (Option<i64>, usize) {
        let since_time = since.map(|it| timestamp(Timestamp::from_unix_micros(it)));
        let mut bad = Problems::default();
        let request = pb::GetOverviewRequest { since_time, with_series: false };
        let found = super::since(request, Timestamp::from_unix_micros(NOON), &mut bad);
        (found.map(Timestamp::unix_micros), bad.0.len())
    }

    #[test]
    fn what_is_new_is_of_the_day_or_since_the_time_that_is_asked_for() {
        assert_eq!(asked(None), (Some(NOON - DAY_MICROS / 2), 0));
        assert_eq!(asked(Some(NOON)), (Some(NOON), 0));
        assert_eq!(asked(Some(NOON - 1)), (Some(NOON - 1_000), 0), "ids know milliseconds");
        assert_eq!(asked(Some(NOON - 7 * DAY_MICROS)).1, 0);
        assert_eq!(asked(Some(NOON - 7 * DAY_MICROS - 1)).1, 1);
        assert_eq!(asked(Some(NOON + 1)).1, 1);
    }
}
