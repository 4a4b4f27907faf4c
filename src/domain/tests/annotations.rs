//! Notes and labels: what people write on an order, and by which words it is found again.

use crate::domain::model::event::EventKind;
use crate::domain::model::labels::Labels;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Reason;
use crate::domain::model::scalars::OrderId;
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::notes::NOTES_MAX;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{order, reason};

fn labels(all: &[(&str, &str)]) -> Labels {
    all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Cancelled, with its letters sent.
fn over(bench: &mut Bench) -> OrderId {
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    bench.on(id, |order, unit| order.cancel(unit, "changed their mind")).expect("cancelled");
    bench.send_messages(id);
    bench.pass(60);
    id
}

#[test]
fn a_note_is_added_with_its_author_and_its_words_stay_out_of_the_history() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    for (author, words) in [("bob", "Ada rang,\nwill pay on Monday"), ("eve", "paid")] {
        bench.pass(60);
        bench.by(author).on(id, |order, unit| order.add_note(unit, words)).expect("a note");
    }

    let notes = &bench.order(id).notes;
    let written: Vec<_> = notes.iter().map(|it| (it.by.as_str(), it.text.as_str())).collect();
    assert_eq!(written, [("bob", "Ada rang,\nwill pay on Monday"), ("eve", "paid")]);
    assert!(notes[0].at < notes[1].at && notes[1].at == bench.now);
    let told: Vec<_> = bench.history(id).iter().filter(|it| it.kind == EventKind::OrderNoteAdded).collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|it| !it.text.contains("Ada") && !it.text.contains("paid")), "{told:?}");
}

#[test]
fn notes_end_at_their_bound_and_at_the_archive() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = over(&mut bench);
    for _ in 0..NOTES_MAX {
        bench.on(id, |order, unit| order.add_note(unit, "again")).expect("a note");
    }
    assert_eq!(reason(bench.on(id, |order, unit| order.add_note(unit, "once more"))), Reason::LimitReached);
    bench.on(id, Order::archive).expect("notes keep no order from the archive");
    assert_eq!(
        reason(bench.on(id, |order, unit| order.add_note(unit, "too late"))),
        Reason::IllegalTransition
    );
}

#[test]
fn labels_are_set_as_a_whole_in_any_state_and_no_letter_tells_of_them() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = over(&mut bench);
    bench.on(id, Order::archive).expect("archived");
    let set = |bench: &mut Bench, all: &Labels| {
        bench.on(id, |order, unit| order.set_labels(unit, all)).expect("labels");
    };
    set(&mut bench, &labels(&[("team", "blue"), ("vip", "")]));
    set(&mut bench, &labels(&[("team", "red")]));
    let (version, events) = (bench.order(id).version, bench.history(id).len());
    set(&mut bench, &labels(&[("team", "red")]));
    assert_eq!((bench.order(id).version, bench.history(id).len()), (version, events), "nothing is new");
    assert_eq!(bench.order(id).labels, labels(&[("team", "red")]));
    assert_eq!(bench.state(id), OrderState::Archived);
    set(&mut bench, &Labels::new());
    assert!(bench.order(id).labels.is_empty());
}

#[test]
fn labels_come_with_an_order_and_a_correction_of_them_alone_is_told_to_nobody() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let mut new = order("ada", &[("A-1", 1)]);
    new.labels = labels(&[("source", "fair")]);
    let id = bench.placed(&new);
    assert_eq!(bench.order(id).labels, new.labels);
    let correction = Correction { labels: Some(labels(&[("source", "web")])), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &correction)).expect("corrected");
    let order = bench.order(id);
    assert_eq!(order.labels, labels(&[("source", "web")]));
    assert!(order.messages.iter().all(|it| it.kind != MessageKind::OrderUpdated));
}
