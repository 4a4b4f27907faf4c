//! The chain of an order's events: whatever becomes of a history that no decision did is found.

use std::time::Duration;

use proptest::prelude::*;

use crate::domain::model::chain::{ChainBreak, first_break, link};
use crate::domain::model::erasure::{PersonNames, nobody};
use crate::domain::model::event::{Event, EventKind, Machine, Transition};
use crate::domain::model::scalars::{Actor, Ids, OrderId};
use crate::domain::model::seal::{Commitment, Link, Seal};
use crate::domain::privacy::erase::EraseOrder;
use crate::domain::privacy::redact::erase_from_events;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{MONDAY, actor, order};
use crate::domain::unit::command::{Command, Target};
use crate::domain::unit::unit_of_work::Part;

/// A history as it is stored, and what its order knows of it.
#[derive(Debug, Clone)]
struct Chain {
    order: OrderId,
    head: Link,
    events: Vec<Event>,
}

impl Chain {
    fn broken(&self) -> Option<ChainBreak> {
        first_break(self.order, self.head, &self.events)
    }

    fn names() -> PersonNames {
        PersonNames::of(&order("ada", &[]).customer)
    }

    /// As a history in which every third event came through a key, and some were the person's own.
    fn through_keys(mut self, seed: u64) -> Self {
        let mut ids = Ids::seeded(MONDAY, seed);
        self.head = Link::default();
        for event in &mut self.events {
            if event.sequence % 3 == 0 {
                event.principal =
                    Some(actor(if event.sequence % 2 == 0 { "ada@example.com" } else { "shop-key" }));
            }
            if event.sequence % 4 == 0 {
                event.actor = actor("ada@example.com");
            }
            event.seal = Seal::salted(&mut ids, event.principal.as_ref());
            event.seal.link = link(self.head, event);
            self.head = event.seal.link;
        }
        self
    }

    fn erased(mut self) -> Self {
        erase_from_events(&mut self.events, &Self::names());
        self
    }
}

/// From receipt to archive, and erased; the words are there still.
fn a_life() -> Chain {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let (id, _) = bench.closed(&order("ada", &[("A-1", 2)]));
    bench.by("officer");
    let target = Target::latest(Part::Order(id));
    bench.decide(|unit| EraseOrder { target: target.clone() }.decide(unit).map(|_| ())).expect("it is over");
    Chain { order: id, head: bench.order(id).last_link, events: bench.history(id).to_vec() }
}

/// What somebody does to stored events. The numbers are taken modulo how many there are.
#[derive(Debug, Clone)]
enum Tampering {
    Edit(usize, Field),
    Delete(usize),
    /// The events behind it take its number and those that follow.
    DeleteAndRenumber(usize),
    Swap(usize, usize),
    SwapAndRenumber(usize, usize),
    /// An event once more, in another place, with the numbers behind it.
    Insert(usize, usize),
    /// Only so many of the first are left.
    Truncate(usize),
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Text,
    Actor,
    Principal,
    At,
    Kind,
    Step,
    Order,
    Sequence,
    Link,
    OfText,
    OfActor,
}

const FIELDS: [Field; 11] = [
    Field::Text,
    Field::Actor,
    Field::Principal,
    Field::At,
    Field::Kind,
    Field::Step,
    Field::Order,
    Field::Sequence,
    Field::Link,
    Field::OfText,
    Field::OfActor,
];

fn tampering() -> impl Strategy<Value = Tampering> {
    let place = || 0..1_000_usize;
    prop_oneof![
        4 => (place(), prop::sample::select(FIELDS.to_vec())).prop_map(|(at, field)| Tampering::Edit(at, field)),
        1 => place().prop_map(Tampering::Delete),
        1 => place().prop_map(Tampering::DeleteAndRenumber),
        1 => (place(), place()).prop_map(|(one, other)| Tampering::Swap(one, other)),
        1 => (place(), place()).prop_map(|(one, other)| Tampering::SwapAndRenumber(one, other)),
        1 => (place(), place()).prop_map(|(from, to)| Tampering::Insert(from, to)),
        1 => place().prop_map(Tampering::Truncate),
    ]
}

fn renumber(events: &mut [Event]) {
    for (event, sequence) in events.iter_mut().zip(1..) {
        event.sequence = sequence;
    }
}

fn edit(event: &mut Event, field: Field) {
    match field {
        Field::Text => event.text.push('!'),
        Field::Actor => event.actor = Actor::stored(format!("{}x", event.actor)),
        Field::Principal => {
            event.principal = match &event.principal {
                Some(name) => Some(Actor::stored(format!("{name}x"))),
                None => Some(actor("somebody")),
            }
        }
        Field::At => event.at = event.at.plus(Duration::from_micros(1)),
        Field::Kind => {
            let is_closed = event.kind == EventKind::OrderClosed;
            event.kind = if is_closed { EventKind::OrderArchived } else { EventKind::OrderClosed };
        }
        Field::Step => match &mut event.transition {
            Some(step) => step.to.push('X'),
            None => {
                event.transition = Some(Transition {
                    machine: Machine::Order,
                    subject: event.order.0,
                    from: String::new(),
                    to: "RECEIVED".to_owned(),
                });
            }
        },
        Field::Order => event.order = Ids::seeded(MONDAY, 99).fresh(),
        Field::Sequence => event.sequence += 1,
        Field::Link => event.seal.link.0[0] ^= 1,
        Field::OfText => flip(&mut event.seal.text),
        Field::OfActor => flip(&mut event.seal.actor),
    }
}

fn flip(commitment: &mut Commitment) {
    match commitment {
        Commitment::Salt(bytes) => bytes[15] ^= 1,
        Commitment::Digest(bytes) => bytes[31] ^= 1,
    }
}

/// Gives back the number of the first event that is not what it was.
fn tamper(events: &mut Vec<Event>, tampering: &Tampering) -> i64 {
    let before = events.clone();
    let count = events.len();
    let two = |one: usize, other: usize| {
        let (one, other) = (one % count, other % count);
        (one, if one == other { (other + 1) % count } else { other })
    };
    match *tampering {
        Tampering::Edit(at, field) => edit(&mut events[at % count], field),
        Tampering::Delete(at) => {
            events.remove(at % count);
        }
        Tampering::DeleteAndRenumber(at) => {
            events.remove(at % count);
            renumber(events);
        }
        Tampering::Swap(one, other) => {
            let (one, other) = two(one, other);
            events.swap(one, other);
        }
        Tampering::SwapAndRenumber(one, other) => {
            let (one, other) = two(one, other);
            events.swap(one, other);
            renumber(events);
        }
        Tampering::Insert(from, to) => {
            let again = events[from % count].clone();
            events.insert(to % (count + 1), again);
            renumber(events);
        }
        Tampering::Truncate(left) => events.truncate(left % count),
    }
    let same = events.iter().zip(&before).take_while(|(now, then)| now == then).count();
    i64::try_from(same).expect("a short history") + 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_to_a_history_is_found_where_it_was_done(seed in 0..u64::MAX, act in tampering()) {
        let whole = A_LIFE.clone().through_keys(seed);
        prop_assert_eq!(whole.broken(), None);
        let mut chain = whole.clone();
        let first = tamper(&mut chain.events, &act);
        let found = chain.broken();
        prop_assert_eq!(found.map(|it| it.sequence), Some(first), "{:?}", found);

        // Without its erasure, an erased history is broken from the first words on that are gone.
        let mut chain = whole.erased();
        prop_assert_eq!(chain.broken(), None);
        let first = tamper(&mut chain.events, &act);
        let found = chain.broken();
        prop_assert!(found.is_some_and(|it| it.sequence <= first), "{:?}", found);
    }
}

static A_LIFE: std::sync::LazyLock<Chain> = std::sync::LazyLock::new(a_life);

#[test]
fn an_order_knows_the_end_of_its_chain() {
    let mut chain = A_LIFE.clone();
    assert_eq!(chain.events.last().map(|it| it.seal.link), Some(chain.head));
    assert_eq!(chain.broken(), None);
    assert_ne!(chain.head, chain.events[0].seal.link);

    let last = chain.events.pop().expect("an event");
    assert_eq!(chain.broken().map(|it| it.sequence), Some(last.sequence), "the tail is cut off");
    chain.events.clear();
    assert_eq!(chain.broken().map(|it| it.sequence), Some(1));
    assert_eq!(first_break(chain.order, Link::default(), &[]), None, "nothing has happened yet");
}

#[test]
fn an_erased_history_is_whole_and_has_neither_words_nor_what_they_were_salted_with() {
    let whole = A_LIFE.clone().through_keys(7);
    let erased = whole.clone().erased();
    assert_eq!((whole.broken(), erased.broken()), (None, None));
    assert_eq!(erased.clone().erased().events, erased.events, "a second time changes nothing");
    for (before, after) in whole.events.iter().zip(&erased.events) {
        let is_kept = after.kind == EventKind::CustomerDataErased;
        assert_eq!(after.seal.text.is_erased(), !is_kept);
        assert_eq!(after.seal.link, before.seal.link);
        let were_theirs = before.actor.as_str() == "ada@example.com";
        assert_eq!((after.seal.actor.is_erased(), after.actor == nobody()), (were_theirs, were_theirs));
    }
}

#[test]
fn words_are_gone_only_where_an_erasure_came_after_them() {
    let mut chain = A_LIFE.clone();
    let erasure = chain.events.pop().expect("the erasure is the last");
    assert_eq!(erasure.kind, EventKind::CustomerDataErased);
    chain.head = chain.events.last().expect("events").seal.link;
    assert_eq!(chain.broken(), None);

    // Whoever takes the words of one event away, as an erasure would, leaves no erasure.
    let mut one = chain.clone();
    erase_from_events(&mut one.events[4..5], &Chain::names());
    let found = one.broken().expect("it is found");
    assert_eq!(found.sequence, 5);
    assert!(found.what.contains("no erasure"), "{found:?}");

    // Nor may what an erasure says be taken away.
    let mut whole = A_LIFE.clone();
    let last = whole.events.last_mut().expect("an event");
    assert_eq!(last.seal, erasure.seal);
    last.seal.text.erase(&last.text);
    last.text.clear();
    assert_eq!(whole.broken().map(|it| it.sequence), Some(erasure.sequence));
}

#[test]
fn the_same_words_have_another_digest_in_every_event() {
    let mut ids = Ids::seeded(MONDAY, 3);
    let (one, other) = (Seal::salted(&mut ids, None), Seal::salted(&mut ids, None));
    assert_ne!(one.text.digest("paid"), other.text.digest("paid"));
    assert_ne!(one.text.digest("paid"), one.actor.digest("paid"));
    assert_eq!(one.principal, None);
    let keyed = Seal::salted(&mut Ids::seeded(MONDAY, 3).keyed([1; 32]), None);
    assert_ne!(keyed.text, one.text, "who knows the ids does not know the salts");
}
