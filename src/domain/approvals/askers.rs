//! The persons who cannot decide an approval or release a hold that doubts the order: they had a hand in the order.

use crate::domain::model::approval::Approval;
use crate::domain::model::hand::{Hand, Person};
use crate::domain::model::order::Order;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Everybody who had a hand in what an approval is about, up to its decision.
    pub fn askers<'o>(&'o self, approval: &'o Approval) -> impl Iterator<Item = &'o Hand> {
        let before = approval.decided_event.unwrap_or(i64::MAX);
        self.hands.iter().filter(move |it| it.kind.is_in(approval.gate) && it.since < before)
    }

    /// Why the actor cannot decide the approval; None if they can.
    pub(super) fn why_not_to_decide(&self, unit: &UnitOfWork, approval: &Approval) -> Option<String> {
        let person = unit.person();
        if person.name.is_anonymous() {
            return Some("who decides an approval has to say who they are".to_owned());
        }
        let own: Vec<&Hand> = self.askers(approval).filter(|it| it.may_be_of(&person)).collect();
        let did = in_words(&person, &own);
        let asked = person.name.is_same_person(&approval.requested_by);
        let did = did.or_else(|| asked.then(|| format!("{} asked for this approval", person.name)))?;
        Some(format!("{did} and may not decide the approval: another person has to"))
    }

    /// What the actor did to the order, in words; None if nothing.
    pub(in crate::domain) fn own_hands(&self, unit: &UnitOfWork) -> Option<String> {
        let person = unit.person();
        let own: Vec<&Hand> = self.hands.iter().filter(|it| it.may_be_of(&person)).collect();
        in_words(&person, &own)
    }
}

/// What somebody did, as the beginning of a sentence, and under which name if it was another.
fn in_words(person: &Person, hands: &[&Hand]) -> Option<String> {
    let first = hands.first()?;
    let mut did: Vec<&str> = Vec::new();
    for hand in hands {
        if !did.contains(&hand.kind.in_words()) {
            did.push(hand.kind.in_words());
        }
    }
    let did = match did.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => did.concat(),
    };
    let name = &person.name;
    let by = match &first.person {
        it if it == name => name.to_string(),
        it if it.is_same_person(name) => format!("{name}, as {it},"),
        it => format!("{name}, for {it},"),
    };
    Some(format!("{by} {did}"))
}
