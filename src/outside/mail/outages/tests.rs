//! Tests of `outages`.

use std::time::Duration;

use tokio::time::{Instant, advance};

use crate::domain::Unsent;
use crate::outside::mail::outages::{Outages, PAUSE_MAX};

fn refused() -> Result<(), Unsent> {
    Err(Unsent::NotTried("connection refused".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn while_it_is_away_only_a_probe_is_let_through() {
    let outages = Outages::default();
    assert_eq!(outages.admit(), Ok(()));
    outages.is_away("connection refused");
    assert_eq!((outages.look(), outages.admit()), (refused(), refused()));

    advance(Duration::from_secs(1)).await;
    assert_eq!(outages.look(), Ok(()), "a look takes no turn");
    assert_eq!((outages.admit(), outages.admit()), (Ok(()), refused()), "one probe");
    outages.is_away("connection refused");
    assert_eq!(outages.admit(), refused());
}

#[tokio::test(start_paused = true)]
async fn once_it_answers_every_letter_goes() {
    let outages = Outages::default();
    outages.is_away("connection refused");
    outages.is_there();
    assert_eq!((outages.admit(), outages.admit()), (Ok(()), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn in_an_hour_it_is_asked_a_few_hundred_times_whatever_the_number_of_letters() {
    let outages = Outages::default();
    outages.is_away("connection refused");
    let (began, mut probes, mut last, mut longest) = (Instant::now(), 0, Instant::now(), Duration::ZERO);
    while began.elapsed() < Duration::from_secs(3_600) {
        if outages.admit().is_ok() {
            probes += 1;
            longest = longest.max(last.elapsed());
            last = Instant::now();
            outages.is_away("still away");
        }
        advance(Duration::from_millis(500)).await;
    }
    assert!((300..=370).contains(&probes), "{probes}");
    assert!(longest <= PAUSE_MAX, "{longest:?}");
    assert_eq!(outages.admit(), Err(Unsent::NotTried("still away".to_owned())), "the latest reason");
}

#[tokio::test(start_paused = true)]
async fn probes_go_by_the_rule_of_all_that_is_tried_again() {
    let outages = Outages::default();
    outages.is_away("connection refused");
    for seconds in [1, 2, 4, 8, 10, 10] {
        assert_eq!(outages.admit(), refused());
        advance(Duration::from_secs(seconds)).await;
        assert_eq!(outages.admit(), Ok(()), "after {seconds} s");
    }
}
