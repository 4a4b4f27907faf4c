//! Templates, sessions and words, without a server.

use std::time::{Duration, Instant};

use minijinja::value::Serde;
use serde_json::json;

use crate::console::desk::is_address;
use crate::console::templates::environment;
use crate::console::visitors::{Caller, Notice, SESSION, Visitors};

fn written(template: &str, value: serde_json::Value) -> String {
    let environment = environment().expect("all templates can be parsed");
    environment.render_str(template, Serde(json!({ "it": value }))).expect("it can be written")
}

#[test]
fn money_has_the_decimals_of_its_currency() {
    let money = |code, units, nanos| {
        written("{{ it | money }}", json!({ "currency_code": code, "units": units, "nanos": nanos }))
    };
    assert_eq!(money("EUR", 1_234_567, 500_000_000), "1,234,567.50 EUR");
    assert_eq!(money("EUR", 0, -70_000_000), "−0.07 EUR");
    assert_eq!(money("JPY", 1_234, 0), "1,234 JPY");
    assert_eq!(money("KWD", 1, 5_000_000), "1.005 KWD");
    assert_eq!(written("{{ it.nothing | money }}", json!({})), "–");
}

#[test]
fn times_say_that_they_are_utc() {
    let time = written("{{ it | when }}", json!("2026-11-30T05:07:09.5Z"));
    assert_eq!(time, "<time datetime=\"2026-11-30T05:07:09.5Z\">30 Nov 2026, 05:07 UTC</time>");
    assert_eq!(written("{{ it.nothing | when }}", json!({})), "–");
}

#[test]
fn words_are_short_and_what_was_written_is_never_markup() {
    let state = r#"{{ it | words("ORDER_STATE") }}"#;
    assert_eq!(written(state, json!("ORDER_STATE_AWAITING_STOCK")), "awaiting stock");
    assert_eq!(written(state, json!("ORDER_STATE_UNSPECIFIED")), "–");
    assert_eq!(written(state, json!(77)), "77", "a state of a newer API");
    assert_eq!(written("{{ it }}", json!("<script>\"'&")), "&lt;script&gt;&quot;&#x27;&amp;");
}

#[test]
fn a_visit_ends_after_twelve_hours_or_with_a_sign_out() {
    let visitors = Visitors::default();
    let now = Instant::now();
    let dana = visitors.sign_in("dana".to_owned(), Caller::Believed, now).expect("random numbers");
    let omar = visitors.sign_in("omar".to_owned(), Caller::Believed, now).expect("random numbers");
    assert_ne!(dana.session, omar.session);
    assert_ne!(dana.token, omar.token);

    let almost = now + SESSION - Duration::from_secs(1);
    assert_eq!(visitors.find(&dana.session, almost).map(|it| it.name).as_deref(), Some("dana"));
    assert!(visitors.find(&dana.session, now + SESSION).is_none());
    visitors.sign_out(&omar.session);
    assert!(visitors.find(&omar.session, now).is_none());
    assert!(visitors.find("", now).is_none());
}

#[test]
fn a_thousand_visits_are_kept_and_the_oldest_goes_first() {
    let visitors = Visitors::default();
    let now = Instant::now();
    let sign_in =
        |second| visitors.sign_in("dana".to_owned(), Caller::Believed, now + Duration::from_secs(second));
    let first = sign_in(0).expect("random numbers");
    let second = sign_in(1).expect("random numbers");
    for after in 2..=1_000 {
        sign_in(after).expect("random numbers");
    }
    let then = now + Duration::from_secs(1_001);
    assert!(visitors.find(&first.session, then).is_none());
    assert!(visitors.find(&second.session, then).is_some());
}

#[test]
fn a_notice_is_told_once() {
    let visitors = Visitors::default();
    let dana = visitors.sign_in("dana".to_owned(), Caller::Believed, Instant::now()).expect("random numbers");
    visitors.tell(&dana.session, Notice::Done("It is done.".to_owned()));
    assert_eq!(visitors.take_notice(&dana.session), Some(Notice::Done("It is done.".to_owned())));
    assert_eq!(visitors.take_notice(&dana.session), None);
}

#[test]
fn only_addresses_and_localhost_are_no_name_of_somebody_elses() {
    for local in ["localhost", "LOCALHOST:50052", "127.0.0.1", "10.0.0.1:80", "[::1]:50052", "[::1]"] {
        assert!(is_address(local), "{local}");
    }
    for strange in ["", "evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example"] {
        assert!(!is_address(strange), "{strange}");
    }
}
