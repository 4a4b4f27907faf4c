//! Histories: what the next one leaves out, what the laws make of that, and how the feed goes on over it.

use crate::domain::{CannotResume, History, NumberGap, OnShortage, ReadTo, series_counters};
use crate::store::connection::copies::NumbersGiven;
use crate::store::handle::Store;
use crate::store::query::feed::EventFilter;
use crate::store::tests::shop::{Scene, create_order, on_both_engines, order_for};

on_both_engines! {
    the_next_history_goes_on_after_what_may_have_been_given
    a_series_that_began_after_the_copy_is_left_out_from_its_first_number_on
    the_feed_goes_on_over_what_is_left_out
    a_gap_that_no_restore_has_left_out_breaks_the_laws
}

/// Places an order; its number.
async fn ordered(scene: &Scene) -> i64 {
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    create_order(&scene.store, None, new).await.expect("an order").0
}

/// Of the laws about numbers, those that do not hold.
async fn broken(store: &Store) -> Vec<String> {
    let laws = store.check_integrity(None).await.expect("a check");
    let about_numbers = laws.iter().filter(|it| ["M7", "L3"].contains(&it.id));
    about_numbers
        .flat_map(|it| &it.violations)
        .map(|it| format!("{} {}: {}, not {}", it.law, it.key, it.actual, it.expected))
        .collect()
}

async fn begin(scene: &Scene, said: &NumbersGiven) -> Vec<(String, i64, i64)> {
    let left_out = scene.store.begin_history(said).await.expect("a history");
    left_out.into_iter().map(|it| (it.counter, it.first, it.last)).collect()
}

async fn the_next_history_goes_on_after_what_may_have_been_given(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    assert_eq!(ordered(scene).await, 1);
    let first = scene.store.histories().await.expect("a look");
    assert!(first.all.len() == 1 && first.gaps.is_empty(), "{first:?}");
    let end = scene.store.last_position().await.expect("a look");

    let nonsense = NumbersGiven { last: [("orders".to_owned(), 0)].into(), ..NumbersGiven::default() };
    scene.store.begin_history(&nonsense).await.expect_err("the copy has one already");
    assert_eq!(scene.store.histories().await.expect("a look"), first);

    let said = NumbersGiven { last: [("orders".to_owned(), 40)].into(), ..NumbersGiven::default() };
    let left_out = begin(scene, &said).await;
    let gap = |counter: &str, first: i64, last: i64| (counter.to_owned(), first, last);
    assert!(left_out.contains(&gap("orders", 2, 40)), "{left_out:?}");
    assert!(left_out.contains(&gap("events", end + 1, end + 1_000_000)), "{left_out:?}");
    let series = left_out.iter().find(|it| it.0.starts_with("invoices/")).expect("one was issued");
    assert_eq!((series.1, series.2), (2, 10_001));
    assert_eq!(broken(&scene.store).await, Vec::<String>::new());

    assert_eq!(ordered(scene).await, 41);
    assert_eq!(broken(&scene.store).await, Vec::<String>::new());
    let last = scene.store.last_position().await.expect("a look");
    assert!(last > end + 1_000_000, "{last}");

    let second = scene.store.histories().await.expect("a look");
    let [before, now]: [History; 2] = second.all.clone().try_into().expect("two histories");
    assert_eq!((before.id, now.number, now.shared_position), (first.all[0].id, 2, end));
    assert!(second.gaps.contains(&NumberGap {
        counter: "orders".to_owned(),
        first: 2,
        last: 40,
        history: 2
    }));
    let lost = ReadTo { position: end + 1, history: None };
    assert_eq!(second.go_on(lost, last), Err(CannotResume::Restored(Some(end))));

    // Another after it, of which everything is known.
    let nothing = NumbersGiven { is_complete: true, ..NumbersGiven::default() };
    assert!(begin(scene, &nothing).await.is_empty());
    assert_eq!(ordered(scene).await, 42);
    assert_eq!(broken(&scene.store).await, Vec::<String>::new());
    assert_eq!(scene.store.histories().await.expect("a look").all.len(), 3);
}

async fn a_series_that_began_after_the_copy_is_left_out_from_its_first_number_on(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let series = series_counters("INV", "SUP", "CRN").to_vec();
    let said = NumbersGiven { series, ..NumbersGiven::default() };
    let left_out = begin(scene, &said).await;
    for counter in ["invoices/INV", "invoices/SUP", "credit_notes/CRN"] {
        assert!(left_out.contains(&(counter.to_owned(), 1, 10_000)), "{left_out:?}");
    }
    ordered(scene).await;
    assert_eq!(broken(&scene.store).await, Vec::<String>::new());
    // The next restore goes on behind that.
    let left_out = begin(scene, &said).await;
    assert!(left_out.contains(&("credit_notes/CRN".to_owned(), 10_001, 20_000)), "{left_out:?}");
    assert!(left_out.contains(&("invoices/INV".to_owned(), 10_002, 20_002)), "{left_out:?}");
    ordered(scene).await;
    assert_eq!(broken(&scene.store).await, Vec::<String>::new());
}

async fn the_feed_goes_on_over_what_is_left_out(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    ordered(scene).await;
    let end = scene.store.last_position().await.expect("a look");
    begin(scene, &NumbersGiven::default()).await;
    ordered(scene).await;
    let last = scene.store.last_position().await.expect("a look");

    let all = EventFilter::default();
    let page = scene.store.events_after(end, &all, 100).await.expect("a page");
    // No place within is ever told to a reader as one to go on from.
    assert!(page.events.is_empty() && !page.is_end, "{page:?}");
    assert_eq!(page.position, end + 1_000_000);
    let page = scene.store.events_after(page.position, &all, 100).await.expect("a page");
    assert_eq!(page.events.first().map(|it| it.0), Some(end + 1_000_001));
    assert!(page.is_end && page.position == last, "{page:?}");
    let within = EventFilter::default().within(1..=end + 7);
    let page = scene.store.events_after(0, &within, 1_000).await.expect("a page");
    assert_eq!((page.events.len() as i64, page.is_end), (end, true));
    assert_eq!(page.position, end + 1_000_000);

    let (mut seen, mut place, mut pages) = (Vec::new(), i64::MAX, 0);
    loop {
        let page = scene.store.events_before(place, &all, 1_000).await.expect("a page");
        seen.extend(page.events.into_iter().map(|it| it.0));
        (place, pages) = (page.position, pages + 1);
        if page.is_end {
            break;
        }
    }
    let expected: Vec<i64> = (end + 1_000_001..=last).rev().chain((1..=end).rev()).collect();
    assert_eq!(seen, expected);
    assert!(pages <= 3, "{pages} looks for two orders");
}

async fn a_gap_that_no_restore_has_left_out_breaks_the_laws(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    ordered(scene).await;
    assert_eq!(broken(&scene.store).await, Vec::<String>::new());
    scene.sql("UPDATE counters SET value = value + 1 WHERE name = 'events' OR name LIKE 'invoices/%'").await;
    ordered(scene).await;
    let found = broken(&scene.store).await;
    assert_eq!(found.iter().map(|it| &it[..2]).collect::<Vec<_>>(), ["M7", "L3"], "{found:?}");

    // A restore explains its own numbers, not these.
    begin(scene, &NumbersGiven::default()).await;
    ordered(scene).await;
    assert_eq!(broken(&scene.store).await.len(), 2);
}
