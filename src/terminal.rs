//! What commands say to people. A reader that has gone away, as `head` does, or a full disk ends nobody's work.

use std::fmt::Display;
use std::io::{self, Write};

/// A line on standard output.
pub fn say(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// A line on standard error.
pub fn complain(text: impl Display) {
    let _ = writeln!(io::stderr(), "consign: {text}");
}
