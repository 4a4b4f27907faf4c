//! A paper as bytes, and what could not be printed as it was written.

use std::collections::BTreeSet;

/// Pages that a paper may have.
pub const PAGES_MAX: usize = 250;

/// A paper as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    pub bytes: Vec<u8>,
    pub pages: usize,
    /// What is not printed as it was written, in words for people.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrintError {
    #[error("the paper has more than {PAGES_MAX} pages")]
    TooManyPages,
    #[error("the PDF cannot be written: {0}")]
    Pdf(String),
}

/// What could not be printed as it was written.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Characters that no font has.
    pub characters: BTreeSet<char>,
    /// What there was no room for.
    pub cut: BTreeSet<&'static str>,
}

impl Losses {
    pub fn into_warnings(self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.characters.is_empty() {
            let codes: Vec<_> = self.characters.iter().take(NAMED_MAX).map(|it| code_of(*it)).collect();
            let more = if self.characters.len() > NAMED_MAX { " and others" } else { "" };
            warnings.push(format!("printed as codes, as no font has them: {}{more}", codes.join(", ")));
        }
        warnings.extend(self.cut.iter().map(|it| format!("{it} too long for the paper: the end is cut off")));
        warnings
    }
}

/// Characters that a warning names.
const NAMED_MAX: usize = 20;

/// How a character is printed that no font has.
pub(super) fn code_of(it: char) -> String {
    format!("[U+{:04X}]", u32::from(it))
}
