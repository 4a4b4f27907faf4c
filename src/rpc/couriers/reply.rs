//! Couriers as the API shows them.

use crate::domain::{self, Courier, Rate};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::reply::{measure, money, timestamp};

pub(crate) fn courier(courier: &Courier) -> pb::Courier {
    let Courier {
        code,
        version,
        name,
        cutoff_minutes,
        utc_offset_minutes,
        pickup_weekdays,
        rates,
        created_at,
        updated_at,
        active,
        takes_dangerous_goods,
    } = courier.clone();
    pb::Courier {
        courier: code.into(),
        name,
        rates: rates.into_iter().map(courier_rate).collect(),
        daily_cutoff: format!("{:02}:{:02}", cutoff_minutes / 60, cutoff_minutes % 60),
        utc_offset_minutes,
        pickup_weekdays: pickup_weekdays.into_iter().map(i32::from).collect(),
        create_time: Some(timestamp(created_at)),
        etag: domain::etag(version),
        active,
        update_time: Some(timestamp(updated_at)),
        takes_dangerous_goods,
    }
}

fn courier_rate(rate: Rate) -> pb::CourierRate {
    let Rate { region, service, currency, base_minor, per_kg_minor, transit_days, weight_max_grams } = rate;
    pb::CourierRate {
        region: region.into(),
        service_level: enums::service_level(service),
        base_price: Some(money(currency.of(base_minor))),
        price_per_kg: (per_kg_minor > 0).then(|| money(currency.of(per_kg_minor))),
        transit_days: measure(transit_days.into()),
        weight_max_grams: measure(weight_max_grams),
    }
}
