//! When lines leave and arrive: those that are there, and those that are on order.

use std::collections::BTreeMap;

use crate::domain::inventory::allocate::{Need, plan};
use crate::domain::inventory::supply::Supply;
use crate::domain::model::availability::LineAvailability;
use crate::domain::model::policy::Allocation;
use crate::domain::model::promise::PromiseLeg;
use crate::domain::model::scalars::{LocationCode, Sku};
use crate::domain::model::time::Timestamp;
use crate::domain::promise::leg::{Goods, Parcel, Wish, leg, parcels};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Fills in the dates of each line, and what is expected of those that are short. Returns the way of all goods; None: some
/// are short, and nobody knows when they come.
pub(super) fn date_lines(
    unit: &UnitOfWork,
    wish: &Wish,
    needs: &[Need],
    supplies: &BTreeMap<Sku, Supply>,
    allocation: Allocation,
    lines: &mut [LineAvailability],
    goods_of_line: impl Fn(i32) -> Goods,
) -> Option<Vec<PromiseLeg>> {
    let is_there = |need: &Need| lines.iter().any(|it| it.line == need.line && it.shortage.is_empty());
    let (there, short): (Vec<Need>, Vec<Need>) = needs.iter().cloned().partition(is_there);
    let takes = plan(&there, supplies, allocation).map(|it| it.0).unwrap_or_default();
    let there = parcels(takes.iter().map(|it| (&it.location, it.line, it.quantity)), &goods_of_line);

    let mut wanted: BTreeMap<&Sku, i64> = BTreeMap::new();
    let mut expected = Vec::new();
    let mut all_known = true;
    for need in needs {
        let earlier = wanted.entry(&need.sku).or_default();
        *earlier = earlier.saturating_add(need.quantity);
        if !short.contains(need) {
            continue;
        }
        let found = supplies.get(&need.sku).and_then(|it| arrival(unit, &need.sku, it, *earlier));
        let Some((location, at)) = found else {
            all_known = false;
            continue;
        };
        if let Some(line) = lines.iter_mut().find(|it| it.line == need.line) {
            line.shortage.push_str(&expected_words(&location, at));
            line.expected = Some((location.clone(), at));
        }
        let mut all = Goods::default();
        all.add(goods_of_line(need.line), need.quantity);
        let Goods { weight_grams, volume_mm3, dangerous } = all;
        expected.push(Parcel {
            location,
            lines: vec![need.line],
            weight_grams,
            volume_mm3,
            dangerous,
            stock_at: Some(at),
        });
    }

    let legs: Vec<PromiseLeg> = there.into_iter().chain(expected).map(|it| leg(unit, wish, it)).collect();
    for line in lines {
        let own = || legs.iter().filter(|it| it.lines.contains(&line.line));
        // Without a leg there is no time, and so no last one.
        let last = |times: Option<Vec<Timestamp>>| times.and_then(|it| it.into_iter().max());
        line.ship_at = last(own().map(|it| it.ship_at).collect());
        line.delivery_at = last(own().map(|it| it.delivery_at).collect());
    }
    all_known.then_some(legs)
}

/// What the reason of a shortage ends with while goods are on order.
pub(super) fn expected_words(location: &LocationCode, at: Timestamp) -> String {
    format!("; the rest is expected at {location} by {at}")
}

/// Where and when the last of so many units of a product arrive, behind those that others come first for.
fn arrival(unit: &UnitOfWork, sku: &Sku, supply: &Supply, wanted: i64) -> Option<(LocationCode, Timestamp)> {
    let on_shelves: i64 = supply.by_location.iter().map(|it| it.units).sum();
    let mut missing = wanted.saturating_add(supply.awaited).saturating_sub(on_shelves);
    let arrivals = supply.by_location.iter().flat_map(|it| {
        let known = unit.incoming(sku, &it.location).into_iter();
        known.filter_map(|(at, units)| Some((at?, &it.location, units)))
    });
    let mut arrivals: Vec<(Timestamp, &LocationCode, i64)> = arrivals.collect();
    arrivals.sort();
    arrivals.into_iter().find_map(|(at, location, units)| {
        missing -= units;
        (missing <= 0).then(|| (location.clone(), at))
    })
}
