//! The kinds of letters that a customer does not want, as requests say them.

use std::collections::BTreeSet;

use crate::domain::{MessageKind, Problems};
use crate::rpc::enums;
use crate::rpc::parse::{entries, required_word};

/// Kinds of messages that a customer can do without, none twice.
pub(crate) fn unwanted(field: &str, kinds: Vec<i32>, bad: &mut Problems) -> BTreeSet<MessageKind> {
    let mut unwanted = BTreeSet::new();
    for (index, number) in entries(field, kinds, 0..=MessageKind::ALL.len(), bad) {
        let at = format!("{field}[{index}]");
        let Some(kind) = required_word(&at, number, enums::to_message_kind, bad) else { continue };
        if !kind.may_be_unwanted() {
            bad.add(&at, format!("{kind} cannot be switched off: the law or the contract needs it"));
        } else if !unwanted.insert(kind) {
            bad.add(&at, format!("{kind} is named twice"));
        }
    }
    unwanted
}
