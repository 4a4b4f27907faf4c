//! Between the sample data, the messages of the API and what people read.

use crate::demo::sample;
use crate::domain::Timestamp;
use crate::pb::{self, Money};

pub(in crate::demo) fn event_word(event: &pb::TrackingEvent) -> String {
    event.status().as_str_name().trim_start_matches("TRACKING_STATUS_").to_owned()
}

pub(in crate::demo) fn state_word(order: &pb::Order) -> &'static str {
    order.state().as_str_name().trim_start_matches("ORDER_STATE_")
}

pub(super) fn word<E: Default>(text: &str, prefix: &str, read: fn(&str) -> Option<E>) -> E {
    read(&format!("{prefix}_{text}")).unwrap_or_default()
}

pub(super) fn customer(customer: &sample::Customer) -> pb::Customer {
    pb::Customer {
        name: customer.name.clone(),
        email: customer.email.clone(),
        phone: customer.phone.clone(),
        locale: customer.locale.clone(),
        ..Default::default()
    }
}

pub(super) fn recipient(wish: &sample::Order) -> pb::Address {
    pb::Address { recipient: wish.customer.name.clone(), ..address(&wish.address) }
}

pub(super) fn address(sample: &sample::Address) -> pb::Address {
    pb::Address {
        street: sample.street.clone(),
        city: sample.city.clone(),
        state: sample.state.clone(),
        postal_code: sample.postal_code.clone(),
        country: sample.country.clone(),
        ..Default::default()
    }
}

/// Every currency of the sample data has two decimals.
pub(in crate::demo) fn amount(currency: &str, minor: i64) -> Money {
    let nanos = i32::try_from(minor % 100).unwrap_or(0) * 10_000_000;
    Money { currency_code: currency.to_owned(), units: minor / 100, nanos }
}

pub(in crate::demo) fn money(money: &Money) -> String {
    format!("{} {}.{:02}", money.currency_code, money.units, money.nanos / 10_000_000)
}

/// The next round note a customer might hand over.
pub(in crate::demo) fn rounded_up(due: &Money) -> Money {
    Money { currency_code: due.currency_code.clone(), units: (due.units / 50 + 1) * 50, nanos: 0 }
}

/// Five characters that tell this run from others.
pub(in crate::demo) fn run_code() -> String {
    std::iter::repeat_with(|| fastrand::char('A'..='Z')).take(5).collect()
}

pub(in crate::demo) fn from_now(seconds: i64) -> prost_types::Timestamp {
    let now = crate::clock::now().unix_micros() / 1_000_000;
    prost_types::Timestamp { seconds: now + seconds, nanos: 0 }
}

pub(super) fn working_hours(weekday: i32, [opens, closes]: &[String; 2]) -> pb::WorkingHours {
    pb::WorkingHours { weekday, opens: opens.clone(), closes: closes.clone() }
}

/// To the second.
pub(in crate::demo) fn time(at: &prost_types::Timestamp) -> String {
    Timestamp::from_unix_micros(at.seconds * 1_000_000).to_string()
}

/// A word of an enum without what it begins with.
pub(in crate::demo) fn short<'a>(word: &'a str, prefix: &str) -> &'a str {
    word.strip_prefix(prefix).unwrap_or(word)
}

pub(in crate::demo) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
