//! The pages' templates, compiled in, and how they write money, times and the API's words.

use iso_currency::Currency;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use uuid::Uuid;

/// How long ago a letter may have failed that is sent again with all others: older ones are no news any more.
pub(super) const RESENT_DAYS: i64 = 7;

pub(super) const STYLE: &str = include_str!("style.css");
pub(super) const SCRIPT: &str = include_str!("live.js");
pub(super) const ICON: &str = include_str!("icon.svg");

macro_rules! templates {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("templates/", $name)))),*] };
}

const TEMPLATES: &[(&str, &str)] = templates! {
    "base.html" "parts.html" "login.html" "today.html" "orders.html" "order.html" "approvals.html" "stock.html"
    "shipments.html" "messages.html" "message.html" "returns.html" "system.html" "trouble.html"
};

/// All templates; each was parsed by a test.
pub(super) fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("money", money);
    environment.add_filter("when", when);
    environment.add_filter("words", words);
    environment.add_filter("tone", tone);
    environment.add_function("fresh", || Uuid::now_v7().to_string());
    environment.add_global("resent_days", RESENT_DAYS);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// `1,234.50 EUR`, with as many decimals as the currency has; a dash for no amount.
fn money(amount: &Value) -> Result<String, Error> {
    if amount.is_undefined() || amount.is_none() {
        return Ok("–".to_owned());
    }
    let field = |name| amount.get_attr(name);
    let code = field("currency_code")?.to_string();
    let units = i64::try_from(field("units")?)?;
    let nanos = i64::try_from(field("nanos")?)?;
    let decimals = Currency::from_code(&code).and_then(|it| it.exponent()).unwrap_or(2).min(9);

    let mut digits = units.unsigned_abs().to_string();
    let mut at = digits.len();
    while at > 3 {
        at -= 3;
        digits.insert(at, ',');
    }
    let sign = if units < 0 || nanos < 0 { "−" } else { "" };
    let fraction = nanos.unsigned_abs() / 10_u64.pow(9 - u32::from(decimals));
    let width = usize::from(decimals);
    Ok(match decimals {
        0 => format!("{sign}{digits} {code}"),
        _ => format!("{sign}{digits}.{fraction:0width$} {code}"),
    })
}

/// `30 Nov 2026, 05:20 UTC`; a dash for no time.
fn when(instant: &Value) -> Result<Value, Error> {
    if instant.is_undefined() || instant.is_none() {
        return Ok(Value::from("–"));
    }
    let text = instant.as_str().unwrap_or_default();
    let parsed = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "this is no time"))?;
    let format = format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute]");
    let shown = parsed.format(format).map_err(|_| Error::new(ErrorKind::InvalidOperation, "an odd time"))?;
    let exact = parsed.format(&Rfc3339).unwrap_or_default();
    Ok(Value::from_safe_string(format!("<time datetime=\"{exact}\">{shown} UTC</time>")))
}

/// `awaiting stock` for `ORDER_STATE_AWAITING_STOCK` after `ORDER_STATE`. A word of a newer API stays as it is.
fn words(word: &Value, of: &str) -> String {
    let Some(text) = word.as_str() else { return word.to_string() };
    let short = text.strip_prefix(of).unwrap_or(text).trim_start_matches('_');
    match short {
        "UNSPECIFIED" => "–".to_owned(),
        short => short.to_ascii_lowercase().replace('_', " "),
    }
}

/// How a state looks: `good`, `bad`, `busy` or `over`. Only a colour beside the word, never instead of it.
fn tone(word: &Value) -> Result<&'static str, Error> {
    if word.kind() != ValueKind::String {
        return Ok("busy");
    }
    let text = word.as_str().unwrap_or_default();
    let ends = |of: &[&str]| of.iter().any(|it| text.ends_with(it));
    Ok(if ends(&["FAILED", "EXCEPTION", "LOST", "BLOCKED", "REJECTED", "EXPIRED", "UNPAID", "DECLINED"]) {
        "bad"
    } else if ends(&[
        "STEP_STATE_PENDING",
        "CANCELLED",
        "ARCHIVED",
        "SKIPPED",
        "WITHDRAWN",
        "VOIDED",
        "SUPPRESSED",
        "RELEASED",
    ]) {
        "over"
    } else if ends(&["DONE", "DELIVERED", "CLOSED", "SENT", "APPROVED", "CAPTURED", "_PAID", "RESOLVED"]) {
        "good"
    } else {
        "busy"
    })
}
