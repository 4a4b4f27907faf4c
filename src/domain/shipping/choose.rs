//! The choice among couriers' offers.

use std::time::Duration;

use crate::domain::model::courier::Quote;
use crate::domain::model::order::Order;
use crate::domain::model::scalars::{CourierCode, ServiceLevel};
use crate::domain::model::shipment::Shipment;
use crate::domain::model::time::Timestamp;

impl Order {
    /// The offer to take of these, and why. Without a wish, the service that was ordered and every faster one may
    /// carry the shipment.
    pub fn preferred(&self, offers: &[Quote], service: Option<ServiceLevel>) -> Option<(Quote, String)> {
        let mut offers = offers.to_vec();
        if service.is_none() {
            offers.retain(|it| it.service >= self.service);
        }
        choose(&offers).map(|(offer, reason)| (offer.clone(), reason))
    }
}

impl Shipment {
    /// Whether a courier's offer may be taken: the named one's, or else any courier's but those of couriers that have refused it.
    pub(super) fn may_go_with(&self, courier: &CourierCode, named: Option<&CourierCode>) -> bool {
        match named {
            Some(code) => courier == code,
            None => !self.refused_by.contains(courier),
        }
    }
}

/// The offer to take, and why: of those in time the cheapest, with what its courier's record makes it count as; of equals
/// the one with the better record, then the earlier, then the first by code. If none is in time, the earliest. The reason
/// names the runner-up and by how much it lost, and who was passed over for its record.
fn choose(quotes: &[Quote]) -> Option<(&Quote, String)> {
    let mut ranked: Vec<&Quote> = quotes.iter().collect();
    ranked.sort_by(|one, other| match (one.on_time, other.on_time) {
        (true, true) => by_score(one).cmp(&by_score(other)),
        (false, false) => by_time(one).cmp(&by_time(other)),
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
    });
    let (best, rest) = ranked.split_first()?;

    let in_time = quotes.iter().filter(|it| it.on_time).count();
    let price = price_words(best);
    let passed_over = passed_over(best, rest);
    let claim = match (in_time, quotes.len()) {
        (_, 1) if best.on_time => format!("the only offer, {price}, in time"),
        (_, 1) => format!("the only offer, {price}, not in time"),
        (0, all) => format!("none of {all} offers is in time; the earliest, {price}"),
        (1, all) => format!("the only one of {all} offers that is in time, {price}"),
        (several, _) if passed_over.is_some() => {
            format!("the best of {several} offers in time by price and record, {price}")
        }
        (several, _) => format!("the cheapest of {several} offers in time, {price}"),
    };
    let mut reason = claim;
    if let Some(cheaper) = passed_over {
        let Quote { courier, service, .. } = cheaper;
        let lost_by = margin(best, cheaper);
        reason.push_str(&format!("; passed over for its record {courier} {service}: {lost_by}"));
    }
    if let Some(second) = rest.iter().find(|it| passed_over != Some(**it)) {
        let Quote { courier, service, .. } = second;
        reason.push_str(&format!("; next {courier} {service}: {}", margin(best, second)));
    }
    Some((best, reason))
}

/// The cheapest offer in time that would have been taken for its price alone.
fn passed_over<'q>(best: &Quote, rest: &[&'q Quote]) -> Option<&'q Quote> {
    let cheaper = rest.iter().filter(|it| best.on_time && it.on_time && it.price_minor < best.price_minor);
    cheaper
        .copied()
        .min_by(|one, other| (one.price_minor, by_score(one)).cmp(&(other.price_minor, by_score(other))))
}

/// The price, and what it counts as.
fn price_words(quote: &Quote) -> String {
    let mut price = quote.currency.of(quote.price_minor).to_string();
    if quote.is_live {
        price.push_str(" as its interface asks");
    }
    match quote.malus_ppm {
        0 => price,
        _ => format!("{price}, {}: counts as {}", quote.standing, quote.currency.of(quote.score_minor())),
    }
}

type ByScore<'a> = (i64, i64, Timestamp, &'a str, ServiceLevel);

type ByTime<'a> = (Timestamp, i64, i64, &'a str, ServiceLevel);

fn by_score(quote: &Quote) -> ByScore<'_> {
    let Quote { courier, service, malus_ppm, delivery_at, .. } = quote;
    (quote.score_minor(), *malus_ppm, *delivery_at, courier.as_str(), *service)
}

fn by_time(quote: &Quote) -> ByTime<'_> {
    let Quote { courier, service, malus_ppm, delivery_at, .. } = quote;
    (*delivery_at, quote.score_minor(), *malus_ppm, courier.as_str(), *service)
}

/// By what the second lost to the best.
fn margin(best: &Quote, second: &Quote) -> String {
    let dearer = second.price_minor.saturating_sub(best.price_minor);
    let later = second.delivery_at.since(best.delivery_at);
    let money = |minor: i64| best.currency.of(minor);
    if best.on_time && !second.on_time {
        return match (dearer, later.is_zero()) {
            (..0, _) => format!("{} less, but {} later", money(dearer.saturating_neg()), span(later)),
            (0, _) => format!("the same price, but {} later", span(later)),
            (1.., _) => format!("{} more, and {} later", money(dearer), span(later)),
        };
    }
    if !best.on_time && !later.is_zero() {
        return format!("{} later", span(later));
    }

    // Equal in what counts first: the price with the record decided, or what comes after them.
    let early = if best.on_time { "" } else { "as early, but " };
    let counts = || format!("{}: counts as {}", second.standing, money(second.score_minor()));
    let worse = second.malus_ppm > best.malus_ppm;
    match dearer {
        ..0 => format!("{early}{} less, but {}", money(dearer.saturating_neg()), counts()),
        1.. => format!("{early}{} more", money(dearer)),
        0 if worse => format!("{early}the same price, but {}", counts()),
        0 if !later.is_zero() => format!("the same price and record, but {} later", span(later)),
        0 => "the same in every way, but later by code".to_owned(),
    }
}

/// In the two largest units that are not zero.
fn span(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => "less than a minute".to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::courier::CourierRecord;
    use crate::domain::model::money::Currency;
    use proptest::prelude::*;

    /// 2026-03-02T10:00:00Z, a Monday.
    const MONDAY: Timestamp = Timestamp::from_unix_micros(1_772_445_600_000_000);

    fn hours_later(hours: i64) -> Timestamp {
        Timestamp::from_unix_micros(MONDAY.unix_micros() + hours * 3_600_000_000)
    }

    fn eur() -> Currency {
        "EUR".parse().expect("a currency")
    }

    /// An offer whose courier counts as so many percent dearer for its record.
    fn offer(code: &str, price_minor: i64, hours: i64, on_time: bool, malus_percent: i64) -> Quote {
        let late = if malus_percent > 0 { format!("late {} %", 2 * malus_percent) } else { String::new() };
        Quote {
            courier: code.parse().expect("a courier"),
            service: ServiceLevel::Express,
            service_name: String::new(),
            price_minor,
            currency: eur(),
            pickup_at: MONDAY,
            delivery_at: hours_later(hours),
            on_time,
            record: CourierRecord::default(),
            malus_ppm: malus_percent * 10_000,
            standing: late,
            pickup_note: String::new(),
            is_live: false,
        }
    }

    fn chosen(offers: &[Quote]) -> (String, String) {
        let (best, reason) = choose(offers).expect("a choice");
        (best.courier.to_string(), reason)
    }

    #[test]
    fn the_cheapest_in_time_is_taken_and_the_runner_up_named() {
        let (code, reason) = chosen(&[
            offer("DEAR", 900, 24, true, 0),
            offer("CHEAP", 100, 99, false, 0),
            offer("GOOD", 790, 48, true, 0),
        ]);
        assert_eq!(code, "GOOD");
        assert_eq!(reason, "the cheapest of 2 offers in time, EUR 7.90; next DEAR EXPRESS: EUR 1.10 more");
    }

    #[test]
    fn a_record_is_weighed_against_the_price() {
        // 7.90 with 15 % counts as 9.09: dearer than 9.00.
        let poor = offer("SNAIL", 790, 24, true, 15);
        let (code, reason) = chosen(&[poor.clone(), offer("GOOD", 900, 24, true, 0)]);
        assert_eq!(code, "GOOD");
        assert_eq!(
            reason,
            "the best of 2 offers in time by price and record, EUR 9.00; passed over for its record SNAIL EXPRESS: \
             EUR 1.10 less, but late 30 %: counts as EUR 9.09"
        );
        // Cheap enough, it is taken all the same.
        let (code, reason) = chosen(&[poor.clone(), offer("GOOD", 1_000, 24, true, 0)]);
        assert_eq!(code, "SNAIL");
        assert_eq!(
            reason,
            "the cheapest of 2 offers in time, EUR 7.90, late 30 %: counts as EUR 9.09; next GOOD EXPRESS: EUR 2.10 more"
        );
        // Who is passed over is named beside the runner-up.
        let (code, reason) =
            chosen(&[poor, offer("GOOD", 800, 24, true, 0), offer("FINE", 820, 24, true, 0)]);
        assert_eq!(code, "GOOD");
        assert!(reason.contains("passed over for its record SNAIL EXPRESS: EUR 0.10 less"), "{reason}");
        assert!(reason.ends_with("; next FINE EXPRESS: EUR 0.20 more"), "{reason}");
    }

    #[test]
    fn of_equals_the_better_record_then_the_earlier_then_the_first_by_code() {
        let next = |one, other| chosen(&[one, other]);
        let (code, reason) = next(offer("A", 500, 24, true, 9), offer("B", 500, 48, true, 5));
        assert_eq!(code, "B");
        assert!(reason.ends_with("A EXPRESS: the same price, but late 18 %: counts as EUR 5.45"), "{reason}");
        // Also where a share of the price is nothing.
        let (code, reason) = next(offer("A", 0, 24, true, 9), offer("B", 0, 48, true, 5));
        assert_eq!(code, "B");
        assert!(reason.ends_with("A EXPRESS: the same price, but late 18 %: counts as EUR 0.00"), "{reason}");
        let (code, reason) = next(offer("A", 500, 50, true, 0), offer("B", 500, 24, true, 0));
        assert_eq!(code, "B");
        assert!(reason.ends_with("next A EXPRESS: the same price and record, but 1 d 2 h later"), "{reason}");
        let (code, reason) = next(offer("B", 500, 24, true, 0), offer("A", 500, 24, true, 0));
        assert_eq!(code, "A");
        assert!(reason.ends_with("next B EXPRESS: the same in every way, but later by code"), "{reason}");
    }

    #[test]
    fn if_none_is_in_time_the_earliest_is_taken_and_the_reason_says_so() {
        let (code, reason) = chosen(&[offer("CHEAP", 100, 99, false, 0), offer("FAST", 900, 72, false, 0)]);
        assert_eq!(code, "FAST");
        assert_eq!(
            reason,
            "none of 2 offers is in time; the earliest, EUR 9.00; next CHEAP EXPRESS: 1 d 3 h later"
        );
    }

    #[test]
    fn the_only_one_in_time_is_held_against_the_earliest_of_the_late() {
        let (code, reason) = chosen(&[offer("LATE", 100, 99, false, 0), offer("FAST", 900, 72, true, 0)]);
        assert_eq!(code, "FAST");
        assert_eq!(
            reason,
            "the only one of 2 offers that is in time, EUR 9.00; \
             next LATE EXPRESS: EUR 8.00 less, but 1 d 3 h later"
        );
        assert_eq!(chosen(&[offer("A", 900, 72, true, 0)]).1, "the only offer, EUR 9.00, in time");
        assert_eq!(choose(&[]), None);
    }

    proptest! {
        #[test]
        fn the_choice_does_not_depend_on_the_order_of_offers(
            offers in prop::collection::vec(
                ("[A-D]", 1_i64..4, 1_i64..4, any::<bool>(), 0_i64..3).prop_map(
                    |(code, price, hours, on_time, malus)| offer(&code, 100 * price, hours, on_time, 20 * malus)
                ),
                1..8,
            ),
        ) {
            let (best, _) = choose(&offers).expect("a choice");
            let mut turned = offers.clone();
            turned.reverse();
            let (other, _) = choose(&turned).expect("a choice");
            prop_assert_eq!(best, other);
            if best.on_time {
                prop_assert!(offers.iter().all(|it| !it.on_time || it.score_minor() >= best.score_minor()));
            } else {
                prop_assert!(offers.iter().all(|it| !it.on_time && it.delivery_at >= best.delivery_at));
            }
        }
    }
}
