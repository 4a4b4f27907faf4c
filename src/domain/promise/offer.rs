//! What a courier offers for a freight: price, pickup and delivery, by its rates, zones and calendar.

#[cfg(test)]
mod tests;

use crate::domain::model::address::Address;
use crate::domain::model::calendar::{DaysOfWeek, WorkingCalendar};
use crate::domain::model::courier::{Courier, LiveRate, Rate, RateArea};
use crate::domain::model::day::Day;
use crate::domain::model::money::{Currency, Money};
use crate::domain::model::scalars::{CourierCode, RegionCode, ServiceLevel};
use crate::domain::model::shipment::Package;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;
use crate::domain::promise::full::{Full, FullDays, PassedOver};

/// Where goods go to, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Addressed {
    /// None: somewhere in the region.
    pub country: Option<String>,
    /// Empty: not known.
    pub postal_code: String,
    /// None: days count by the courier's clock.
    pub time_zone: Option<TimeZone>,
}

impl Addressed {
    pub fn to(address: &Address) -> Self {
        Self {
            country: Some(address.country.clone()),
            postal_code: address.postal_code.clone(),
            time_zone: TimeZone::of_address(address),
        }
    }
}

/// Goods of one location that go to one address.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct Freight<'a> {
    /// When the location works; None: nobody knows the location any more.
    pub calendar: Option<&'a WorkingCalendar>,
    pub region: &'a RegionCode,
    pub to: &'a Addressed,
    /// Empty while nothing is packed.
    pub packages: &'a [Package],
    pub weight_grams: i64,
    /// In cubic millimetres, as far as it is known; what is packed has that of its packages.
    pub volume_mm3: i64,
    /// Whether any of it is dangerous goods.
    pub dangerous: bool,
    /// None: any.
    pub currency: Option<Currency>,
    pub ready_at: Timestamp,
    /// The days that have no room for it.
    pub full: &'a Full,
}

/// Why a courier that has refused a shipment is not counted with.
pub(in crate::domain) const HAS_REFUSED: &str = "has refused it";

/// One courier's offer for a freight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Offer {
    pub courier: CourierCode,
    pub service: ServiceLevel,
    pub service_name: String,
    pub price: Money,
    pub pickup_at: Timestamp,
    pub delivery_at: Timestamp,
    /// Full days that the pickup had to pass over, in words; empty: none.
    pub pickup_note: String,
}

/// The courier's offers in one service, or why it has none, in words. Pickup is at the cut-off of the first pickup day on
/// which the location works and whose cut-off is not over when the goods are ready; a day on which the location or the
/// courier is full is passed over. Delivery is so many delivery days
/// later as the rate says, by the rate's time of day on the clock of the address.
pub(in crate::domain) fn offers(
    courier: &Courier,
    service: ServiceLevel,
    freight: &Freight,
) -> Result<Vec<Offer>, String> {
    may_carry(courier, freight)?;
    offers_at(courier, &rates_for(courier, service, freight)?, freight)
}

/// The same at the rates that the courier's own interface named. One that does not say how long it takes takes as long as the
/// rates here do, in days and by the time of day.
pub(in crate::domain) fn live_offers(
    courier: &Courier,
    live: &[LiveRate],
    service: ServiceLevel,
    freight: &Freight,
) -> Result<Vec<Offer>, String> {
    may_carry(courier, freight)?;
    let card = rates_for(courier, service, freight).unwrap_or_default();
    let wanted = |it: &&LiveRate| {
        it.service == service && freight.currency.is_none_or(|currency| it.price.currency == currency)
    };
    let longest = card.iter().map(|rate| rate.transit_days).max();
    let deliver_by = card.iter().filter_map(|rate| rate.deliver_by).max();
    let rate = |it: &LiveRate| {
        let flat = Rate::flat(freight.region.clone(), service, it.price, it.transit_days.or(longest)?);
        Some(Rate { service_name: it.service_name.clone(), deliver_by, ..flat })
    };
    let named: Vec<&LiveRate> = live.iter().filter(wanted).collect();
    let rates: Vec<Rate> = named.iter().filter_map(|it| rate(it)).collect();
    if rates.is_empty() {
        let why = if named.is_empty() { "names no" } else { "does not say how long it takes, in its" };
        return Err(format!("its interface {why} {service} rate"));
    }
    offers_at(courier, &rates.iter().collect::<Vec<_>>(), freight)
}

fn may_carry(courier: &Courier, freight: &Freight) -> Result<(), String> {
    if !courier.active {
        return Err("is not in use any more".to_owned());
    }
    if freight.dangerous && !courier.takes_dangerous_goods {
        return Err("takes no dangerous goods".to_owned());
    }
    Ok(())
}

fn offers_at(courier: &Courier, rates: &[&Rate], freight: &Freight) -> Result<Vec<Offer>, String> {
    let mut offers = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    for rate in rates {
        match offer(courier, rate, freight) {
            Ok(offer) => offers.push(offer),
            Err(why) if reasons.contains(&why) => {}
            Err(why) => reasons.push(why),
        }
    }
    if offers.is_empty() { Err(reasons.join("; ")) } else { Ok(offers) }
}

/// The rates of the courier's most specific zone that has the address, or else those of the region.
fn rates_for<'c>(
    courier: &'c Courier,
    service: ServiceLevel,
    freight: &Freight,
) -> Result<Vec<&'c Rate>, String> {
    let Freight { region, to, currency, .. } = freight;
    let fits = |it: &&Rate| it.service == service && currency.is_none_or(|wanted| it.currency == wanted);
    let country = to.country.as_deref();
    let zone = country.and_then(|it| courier.zone_of(it, &to.postal_code));
    let of_zone = courier.rates.iter().filter(fits).filter(|it| match &it.area {
        RateArea::Zone(name) => zone == Some(name.as_str()),
        RateArea::Region(_) => false,
    });
    let of_zone: Vec<&Rate> = of_zone.collect();
    if !of_zone.is_empty() {
        return Ok(of_zone);
    }

    let of_region = courier.rates.iter().filter(fits).filter(|it| match &it.area {
        RateArea::Zone(_) => false,
        RateArea::Region(code) => code == *region,
    });
    let of_region: Vec<&Rate> = of_region.collect();
    if !of_region.is_empty() {
        return Ok(of_region);
    }
    let destination = zone.map_or_else(|| region.to_string(), |it| format!("{it} or {region}"));
    Err(match currency {
        Some(currency) => format!("no {service} rate for {destination} in {currency}"),
        None => format!("no {service} rate for {destination}"),
    })
}

fn offer(courier: &Courier, rate: &Rate, freight: &Freight) -> Result<Offer, String> {
    let Freight { calendar, to, weight_grams, ready_at, full, .. } = *freight;
    if weight_grams < 0 {
        return Err("the weight is negative".to_owned());
    }
    if rate.weight_max_grams > 0 && weight_grams > rate.weight_max_grams {
        return Err(format!("takes at most {} g, this is {weight_grams} g", rate.weight_max_grams));
    }
    let price = price(rate, freight)?;

    let (pickup_at, pickup_note) = next_pickup(courier, calendar, full, ready_at)?;
    let delivery_at =
        delivery(courier, rate, to, pickup_at).ok_or_else(|| "delivers on no day of the week".to_owned())?;
    Ok(Offer {
        courier: courier.code.clone(),
        service: rate.service,
        service_name: rate.service_name.clone(),
        price: rate.currency.of(price),
        pickup_at,
        delivery_at,
        pickup_note,
    })
}

/// The base, and the price of the weight: by its band, and above the last band for every begun kilogram. A package that
/// is larger than heavy counts with its volumetric weight.
fn price(rate: &Rate, freight: &Freight) -> Result<i64, String> {
    let Freight { packages, weight_grams, volume_mm3, .. } = *freight;
    let weight = match packages.is_empty() {
        true => weight_grams.max(volumetric_grams(rate, volume_mm3.into())),
        false => packages.iter().map(|it| charged_grams(rate, it)).fold(0, i64::saturating_add),
    };
    let (of_band, beyond) = match rate.bands.iter().find(|it| weight <= it.up_to_grams) {
        Some(band) => (band.price_minor, 0),
        None => rate.bands.last().map_or((0, weight), |it| (it.price_minor, weight - it.up_to_grams)),
    };
    let begun_kilograms = beyond / 1_000 + i64::from(beyond % 1_000 > 0);
    let per_kg = rate.per_kg_minor.checked_mul(begun_kilograms);
    per_kg
        .and_then(|it| it.checked_add(of_band)?.checked_add(rate.base_minor))
        .ok_or_else(|| format!("the price of {} kg is beyond all limits", weight / 1_000))
}

/// The heavier of what the package weighs and what its volume counts as.
fn charged_grams(rate: &Rate, package: &Package) -> i64 {
    let Package { weight_grams, length_mm, width_mm, height_mm, .. } = package;
    let volume = i128::from(*length_mm) * i128::from(*width_mm) * i128::from(*height_mm);
    (*weight_grams).max(volumetric_grams(rate, volume))
}

/// What a volume counts as; zero where volume does not count.
fn volumetric_grams(rate: &Rate, volume_mm3: i128) -> i64 {
    if rate.volumetric_divisor <= 0 {
        return 0;
    }
    // Cubic centimetres for each kilogram: so many cubic millimetres for each gram.
    let divisor = i128::from(rate.volumetric_divisor);
    i64::try_from((volume_mm3 + divisor - 1) / divisor).unwrap_or(i64::MAX)
}

/// The cut-off of the first pickup day on which the location works that is not before `ready_at` and not full, and in words
/// what full days it had to pass over.
pub(in crate::domain) fn next_pickup(
    courier: &Courier,
    calendar: Option<&WorkingCalendar>,
    full: &Full,
    ready_at: Timestamp,
) -> Result<(Timestamp, String), String> {
    let clock = courier.time_zone.clock();
    let days = DaysOfWeek { weekdays: &courier.pickup_weekdays, holidays: &courier.holidays };
    let location = calendar.map(|it| (it, it.time_zone.clock()));
    let pickup = |day: Day| clock.at(day, courier.cutoff_minutes);
    let of_courier = full.couriers.get(&courier.code);
    let mut passed_over = PassedOver::default();
    let fits = |day: Day| {
        let at = pickup(day);
        let there = location.as_ref().map(|(it, clock)| (it, clock.day_of(at)));
        let open = there.is_none_or(|(it, day)| it.works_on(day));
        if !open || at < ready_at || clock.day_of(at) != day {
            return false;
        }
        let of_location = there.and_then(|(_, day)| full.location.words(day));
        let words = of_location.or_else(|| of_courier?.words(day));
        passed_over.add(words)
    };
    let holidays = calendar.map_or(0, |it| it.holidays.len());
    let closed = holidays + full.location.count() + of_courier.map_or(0, FullDays::count);
    let found = days.next(clock.day_of(ready_at), closed, fits);
    found.map(|it| (pickup(it), passed_over.words())).ok_or_else(|| match calendar {
        Some(it) if !it.hours.is_empty() || !it.holidays.is_empty() => {
            "picks up on no day on which the location works".to_owned()
        }
        Some(_) | None => "picks up on no day of the week".to_owned(),
    })
}

fn delivery(courier: &Courier, rate: &Rate, to: &Addressed, pickup_at: Timestamp) -> Option<Timestamp> {
    let clock = courier.time_zone.clock();
    let there = to.time_zone.as_ref().map_or_else(|| clock.clone(), TimeZone::clock);
    let days = DaysOfWeek { weekdays: &courier.delivery_weekdays, holidays: &courier.holidays };
    let minutes = rate.deliver_by.unwrap_or(courier.cutoff_minutes);
    let mut day = days.after(clock.day_of(pickup_at), rate.transit_days)?;
    loop {
        // East of the courier the time of day may be over, and a zone may leave out a day.
        let at = there.at(day, minutes);
        if at >= pickup_at && there.day_of(at) == day {
            return Some(at);
        }
        if day == Day::MAX {
            return None;
        }
        day = days.after(day, 1)?;
    }
}
