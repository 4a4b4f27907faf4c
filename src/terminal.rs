//! Output of commands to people. A closed pipe, as after `head`, or a full disk ends no command.

use std::fmt::Display;
use std::io::{self, Write};

/// A line on standard output.
pub fn say(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// A line on standard output, of many; false: nobody takes it.
pub fn is_taken(text: impl Display) -> bool {
    writeln!(io::stdout(), "{text}").is_ok()
}

/// A line on standard error.
pub fn complain(text: impl Display) {
    let _ = writeln!(io::stderr(), "consign: {text}");
}
