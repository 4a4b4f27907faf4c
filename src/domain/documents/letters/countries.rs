//! The names of countries in the languages of letters.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::domain::documents::letters::language::Language;
use crate::domain::documents::text::line;

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

/// The lines of an address as it is written, whose last one is its country if it has one, with the country in a language.
pub(in crate::domain::documents) fn in_language(
    mut lines: Vec<String>,
    language: Language,
    code: &str,
) -> Vec<String> {
    if !code.trim().is_empty() {
        lines.pop();
        lines.push(country(language, code).to_owned());
    }
    lines.iter().map(|it| line(it)).filter(|it| !it.is_empty()).collect()
}
