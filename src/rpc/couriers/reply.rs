//! Couriers as the API shows them.

use crate::domain::{
    self, Courier, CourierRecord, DeliveryArea, DeliveryZone, PostalCodes, Rate, RateArea, WeightBand,
};
use crate::pb;
use crate::rpc::calendar::{dates, time_text};
use crate::rpc::enums;
use crate::rpc::reply::{measure, money, timestamp};

pub(crate) fn courier(courier: &Courier) -> pb::Courier {
    let Courier {
        code,
        version,
        name,
        cutoff_minutes,
        time_zone,
        pickup_weekdays,
        delivery_weekdays,
        holidays,
        zones,
        rates,
        created_at,
        updated_at,
        active,
        takes_dangerous_goods,
        shipments_per_day,
    } = courier.clone();
    pb::Courier {
        courier: code.into(),
        name,
        rates: rates.into_iter().map(courier_rate).collect(),
        daily_cutoff: time_text(cutoff_minutes),
        time_zone: time_zone.to_string(),
        pickup_weekdays: pickup_weekdays.into_iter().map(i32::from).collect(),
        delivery_weekdays: delivery_weekdays.into_iter().map(i32::from).collect(),
        holidays: dates(&holidays),
        zones: zones.into_iter().map(delivery_zone).collect(),
        create_time: Some(timestamp(created_at)),
        etag: domain::etag(version),
        active,
        update_time: Some(timestamp(updated_at)),
        takes_dangerous_goods,
        shipments_per_day: measure(shipments_per_day.unwrap_or(0).into()),
        record: None,
    }
}

fn delivery_zone(zone: DeliveryZone) -> pb::DeliveryZone {
    let area = |it: DeliveryArea| {
        let (prefix, first, last) = match it.postal_codes {
            PostalCodes::All => Default::default(),
            PostalCodes::BeginWith(prefix) => (prefix, String::new(), String::new()),
            PostalCodes::Between(first, last) => (String::new(), first, last),
        };
        pb::DeliveryArea {
            country: it.country,
            postal_code_prefix: prefix,
            postal_code_from: first,
            postal_code_to: last,
        }
    };
    pb::DeliveryZone { zone: zone.name, areas: zone.areas.into_iter().map(area).collect() }
}

/// The same with its record.
pub(crate) fn courier_with_record((it, record): &(Courier, CourierRecord)) -> pb::Courier {
    pb::Courier { record: Some(courier_record(record)), ..courier(it) }
}

pub(crate) fn courier_record(record: &CourierRecord) -> pb::CourierRecord {
    let rating = f64::from(i32::try_from(record.rating_hundredths()).unwrap_or(0)) / 100.0;
    let CourierRecord { carried, delivered, late, damaged, rated, rating_sum: _ } = *record;
    pb::CourierRecord { carried, delivered, late, damaged, rated, average_rating: rating }
}

fn courier_rate(rate: Rate) -> pb::CourierRate {
    let Rate {
        area,
        service,
        service_name,
        currency,
        base_minor,
        bands,
        per_kg_minor,
        volumetric_divisor,
        transit_days,
        deliver_by,
        weight_max_grams,
    } = rate;
    let (region, zone) = match area {
        RateArea::Region(region) => (region.into(), String::new()),
        RateArea::Zone(zone) => (String::new(), zone),
    };
    let band = |it: WeightBand| pb::WeightBand {
        up_to_grams: measure(it.up_to_grams),
        price: Some(money(currency.of(it.price_minor))),
    };
    pb::CourierRate {
        region,
        service_level: enums::service_level(service),
        base_price: Some(money(currency.of(base_minor))),
        price_per_kg: (per_kg_minor > 0).then(|| money(currency.of(per_kg_minor))),
        transit_days: measure(transit_days.into()),
        weight_max_grams: measure(weight_max_grams),
        zone,
        service_name,
        weight_bands: bands.into_iter().map(band).collect(),
        volumetric_divisor: measure(volumetric_divisor),
        deliver_by: deliver_by.map(time_text).unwrap_or_default(),
    }
}
