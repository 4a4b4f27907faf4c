//! The names of countries in the languages of letters.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::domain::documents::letters::language::Language;

static NAMES: LazyLock<HashMap<&str, [&str; 3]>> = LazyLock::new(|| {
    let lines = include_str!("../../../../assets/countries/countries.tsv").lines();
    let name = |line: &'static str| {
        let mut columns = line.split('\t');
        let code = columns.next()?;
        Some((code, [columns.next()?, columns.next()?, columns.next()?]))
    };
    lines.filter_map(name).collect()
});

/// A country by its code; the code itself if nothing else is known.
pub(super) fn country(language: Language, code: &str) -> &str {
    let names = NAMES.get(code).copied();
    let name = names.map(|[english, german, russian]| match language {
        Language::English => english,
        Language::German => german,
        Language::Russian => russian,
    });
    name.unwrap_or(code)
}
