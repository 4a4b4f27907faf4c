//! What is erased leaves its traces to be erased once.

use std::time::Duration;

use crate::domain::{Actor, Erased, Order, Timestamp};
use crate::store::rows::erasure::erases;
use crate::store::rows::tests::full::full;
use crate::store::rows::tests::sample::AT;

fn kept(until: Option<Timestamp>) -> Order {
    let erased = Erased { at: AT, by: Actor::system(), kept_until: until };
    Order { erased: Some(Box::new(erased)), ..full(1) }
}

#[test]
fn what_is_merely_put_off_leaves_no_traces_again() {
    let (there, gone) = (full(1), kept(None));
    let (held, later) = (kept(Some(AT)), kept(Some(AT.plus(Duration::from_secs(86_400)))));
    assert!(erases(&there, &held) && erases(&there, &gone) && erases(&held, &gone));
    assert!(!erases(&held, &later) && !erases(&there, &there) && !erases(&gone, &gone));
}
