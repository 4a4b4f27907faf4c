//! The chain of an order's events: each is linked to the one before it, and the order knows the last link, so that no event is
//! changed, moved, added or taken away unseen. Erasing a person's words leaves their digests, so the chain stays whole.

use sha2::{Digest, Sha256};

use crate::domain::model::erasure::nobody;
use crate::domain::model::event::{Event, EventKind, Transition};
use crate::domain::model::scalars::{Actor, OrderId};
use crate::domain::model::seal::{Commitment, Link};

/// The first byte of what is hashed: which facts of an event a link is made of, and in which order.
const FORM: u8 = 1;

/// Where the chain of an order is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainBreak {
    /// Of the event that does not fit, or is missing.
    pub sequence: i64,
    pub what: &'static str,
}

/// The link of an event behind another link: a hash of what happened, and of digests of what it says in words and of whom.
/// Where it stands in the feed is not known when it is made, and no part of it.
pub fn link(previous: Link, event: &Event) -> Link {
    let Event { order, sequence, at, actor, kind, transition, text, principal, seal } = event;
    let mut facts = Facts(Sha256::new_with_prefix([FORM]));
    facts.fixed(previous.0);
    facts.fixed(order.0);
    facts.fixed(sequence.to_be_bytes());
    facts.fixed(at.unix_micros().to_be_bytes());
    facts.word(kind.as_str());
    facts.fixed([u8::from(transition.is_some())]);
    if let Some(Transition { machine, subject, from, to }) = transition {
        facts.word(machine.as_str());
        facts.fixed(subject);
        facts.word(from);
        facts.word(to);
    }
    facts.fixed(seal.text.digest(text));
    facts.fixed(seal.actor.digest(actor.as_str()));
    facts.fixed([u8::from(principal.is_some()), u8::from(seal.principal.is_some())]);
    if let Some(commitment) = seal.principal {
        facts.fixed(commitment.digest(principal.as_ref().map_or("", Actor::as_str)));
    }
    Link(facts.0.finalize().into())
}

struct Facts(Sha256);

impl Facts {
    fn fixed(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes);
    }

    /// With its length, so that it is told where it ends.
    fn word(&mut self, word: &str) {
        self.fixed((word.len() as u64).to_be_bytes());
        self.fixed(word);
    }
}

/// Where the chain of an order breaks first: at an event that is not the one that was linked, at an event whose words are gone
/// without an erasure, or behind the last event, if its link is not `head`, the last one that the order knows.
pub fn first_break(order: OrderId, head: Link, events: &[Event]) -> Option<ChainBreak> {
    // An erasure is an event of the chain itself, and takes the words of those before it.
    let erasures = events.iter().filter(|it| it.kind == EventKind::CustomerDataErased);
    let erased_through = erasures.map(|it| it.sequence).max().unwrap_or(0);
    let mut last = Link::default();
    for (event, sequence) in events.iter().zip(1..) {
        if let Some(what) = fault(event, (order, sequence), last, erased_through) {
            return Some(ChainBreak { sequence, what });
        }
        last = event.seal.link;
    }
    let after = i64::try_from(events.len()).unwrap_or(i64::MAX).saturating_add(1);
    let what = "the chain ends before the last event that its order knows, or behind it";
    (last != head).then_some(ChainBreak { sequence: after, what })
}

fn fault(
    event: &Event,
    expected: (OrderId, i64),
    previous: Link,
    erased_through: i64,
) -> Option<&'static str> {
    if (event.order, event.sequence) != expected {
        return Some("another event stands in its place");
    }
    if event.seal.link != link(previous, event) {
        return Some("the event is not the one that was linked");
    }
    let erased = event.seal.text.is_erased()
        || event.seal.actor.is_erased()
        || event.seal.principal.as_ref().is_some_and(Commitment::is_erased);
    if erased && event.sequence > erased_through {
        return Some("its words are gone, and no erasure came after it");
    }
    if !is_rightly_erased(event) {
        return Some("other words stand where some were erased");
    }
    None
}

/// Whether erased words were replaced as an erasure does it: by no text, and by the actor `erased`. The text of an erasure's own
/// event is never erased.
fn is_rightly_erased(event: &Event) -> bool {
    let gone = |commitment: &Commitment, name: &Actor| !commitment.is_erased() || *name == nobody();
    let text = !event.seal.text.is_erased()
        || (event.text.is_empty() && event.kind != EventKind::CustomerDataErased);
    let principal = match (&event.seal.principal, &event.principal) {
        (Some(commitment), Some(name)) => gone(commitment, name),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    text && gone(&event.seal.actor, &event.actor) && principal
}
