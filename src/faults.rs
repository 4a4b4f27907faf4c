//! Fail points: named places where a test can make the process fail, panic or abort. A release build has none.
//!
//! `cargo test` builds the crate `fail` with its points, every other build without. Then the variable `FAILPOINTS` says
//! which points do what: `work/run_due.commit.before=1*return(abort);payment.after=1*return(error)`.

use std::fmt::Display;

/// The error of a fail point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed;

/// Sets the fail points from the variable; once, before anything else.
pub fn arm() {
    if fail::has_failpoints() {
        // Dropped, it would disarm them.
        std::mem::forget(fail::FailScenario::setup());
    }
}

/// Fails, panics or aborts the process here, if the variable says so.
pub(crate) fn at(place: impl Display) -> Result<(), Failed> {
    if !fail::has_failpoints() {
        return Ok(());
    }
    // In a build without points the name is unused.
    let _place = place.to_string();
    fail::fail_point!(&_place, |action: Option<String>| {
        if action.as_deref() == Some("abort") {
            // The log would lose the line: it is written by a thread that dies too.
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "fail point: abort place={_place:?}");
            std::process::abort();
        }
        tracing::error!(place = _place, "fail point: error");
        match action.as_deref() {
            Some("panic") => panic!("fail point: panic"),
            _ => Err(Failed),
        }
    });
    Ok(())
}
