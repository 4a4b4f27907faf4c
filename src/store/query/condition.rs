//! The comparisons of a filter as SQL.

use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::domain::{Invalid, LABEL_KEY_MAX, Timestamp, is_label_key};
use crate::store::query::listing::{BEGINNING, Compare, Operand, Term};
use crate::store::query::resource::{Field, FieldKind, LABELS, Resource, TRUTH};
use crate::store::rows::terms;

/// How much of a wrong word is repeated to the caller, in characters.
const VALUE_SHOWN: usize = 60;

/// A filter as SQL.
pub(super) struct Conditions {
    /// All of them must hold.
    pub(super) sql: Vec<String>,
    pub(super) values: Vec<Value>,
    /// What is left of the closed sets, and the texts of which one is wanted.
    pub(super) left: Vec<Remaining>,
    /// The terms of which one is wanted, in the order of the resource's fields.
    pub(super) wanted_terms: Vec<WantedTerms>,
}

/// The values that a filter leaves of a column.
pub(super) struct Remaining {
    pub(super) column: &'static str,
    /// As SQL.
    pub(super) words: Vec<String>,
    pub(super) is_narrowed: bool,
}

/// Rows that have one of these terms.
pub(super) struct WantedTerms {
    pub(super) field: &'static str,
    /// The parameters.
    pub(super) marks: Vec<String>,
    /// The same as a condition.
    pub(super) exists: String,
    rank: usize,
}

impl Conditions {
    /// Of no filter: the closed sets have all their words.
    pub(super) fn of(resource: &Resource) -> Self {
        let words = |field: &Field| match field.kind {
            FieldKind::Word(_, all) => {
                let words = all().into_iter().map(literal).collect();
                Some(Remaining { column: field.column, words, is_narrowed: false })
            }
            FieldKind::Text
            | FieldKind::Compared(_)
            | FieldKind::Name
            | FieldKind::Beginning
            | FieldKind::Keyed(_)
            | FieldKind::Terms(..)
            | FieldKind::Labels
            | FieldKind::Whole
            | FieldKind::Flag
            | FieldKind::Time
            | FieldKind::Created
            | FieldKind::Id(_) => None,
        };
        let left = resource.fields.iter().filter_map(words).collect();
        Self { sql: Vec::new(), values: Vec::new(), left, wanted_terms: Vec::new() }
    }

    /// Adds one more, whose values are spelled as rows have them.
    pub(super) fn add(&mut self, resource: &Resource, term: &Term) -> Result<(), String> {
        let Some(field) = resource.field(&term.field) else {
            let names: Vec<_> = resource.fields.iter().map(|it| it.name).collect();
            let unknown = shown(&term.field);
            let (name, at) = (resource.name, place_of(term.at));
            return Err(format!(
                "`{unknown}`{at} is no field; {name} can be filtered by {}",
                names.join(", ")
            ));
        };
        may_be_compared(field, term)?;

        match &field.kind {
            FieldKind::Text | FieldKind::Compared(_) => self.text(field, term),
            FieldKind::Name if term.is_beginning() => self.beginning_of_name(field, term),
            FieldKind::Name => self.name(field, term),
            FieldKind::Beginning => {
                let beginning = value(term).to_uppercase();
                self.beginning(field, &beginning);
                Ok(())
            }
            FieldKind::Keyed(found) => {
                self.keyed(resource, found, term);
                Ok(())
            }
            FieldKind::Terms(kind, _) => {
                must_be_words(field, term)?;
                self.terms(resource, (field, kind), term.compare, term.texts().map(str::to_owned).collect());
                Ok(())
            }
            FieldKind::Labels => self.label(resource, field, term),
            FieldKind::Word(..) => self.word(field, term),
            FieldKind::Id(parse) => self.id(field, *parse, term),
            FieldKind::Flag => self.flag(field, term),
            FieldKind::Whole => self.whole(field, term),
            FieldKind::Time | FieldKind::Created => self.time(resource, field, term),
        }
    }

    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn compare(&mut self, field: &Field, compare: Compare, marks: &[String]) {
        let marks = marks.join(", ");
        let marks = if compare == Compare::In { format!("({marks})") } else { marks };
        self.sql.push(format!("{} {} {marks}", field.column, sign(compare)));
    }

    fn text(&mut self, field: &Field, term: &Term) -> Result<(), String> {
        if let FieldKind::Compared(form) = &field.kind {
            for value in &term.values {
                form(&value.text).map_err(|Invalid(why)| wrong(field, value, &why))?;
            }
        }
        let marks: Vec<_> = term.texts().map(|it| self.bind(it)).collect();
        let is_said = term.compare != Compare::NotEqual && term.texts().all(|it| !it.is_empty());
        self.sql.extend((is_said && !field.implies.is_empty()).then(|| field.implies.to_owned()));
        if term.compare == Compare::In && !field.few {
            self.left.push(Remaining { column: field.column, words: marks, is_narrowed: true });
        } else {
            self.compare(field, term.compare, &marks);
        }
        Ok(())
    }

    fn name(&mut self, field: &Field, term: &Term) -> Result<(), String> {
        match term.values.iter().find(|it| it.text.ends_with(BEGINNING)) {
            Some(value) => Err(wrong(field, value, "can only be compared with =")),
            None => self.text(field, term),
        }
    }

    fn beginning_of_name(&mut self, field: &Field, term: &Term) -> Result<(), String> {
        let beginning = value(term).trim_end_matches(BEGINNING).to_owned();
        if let (true, Some(value)) = (beginning.trim().is_empty(), term.values.first()) {
            return Err(wrong(field, value, "must have a letter before the *"));
        }
        self.beginning(field, &beginning);
        Ok(())
    }

    /// What begins so. No text with this beginning comes after the last character that there is.
    fn beginning(&mut self, field: &Field, beginning: &str) {
        let (from, until) = (self.bind(beginning), self.bind(format!("{beginning}{}", char::MAX)));
        self.sql.push(format!("{0} >= {from} AND {0} < {until}", field.column));
    }

    fn keyed(&mut self, resource: &Resource, found: &[&str], term: &Term) {
        let marks: Vec<_> = term.texts().map(|it| self.bind(it)).collect();
        let each = marks.iter().flat_map(|mark| found.iter().map(move |it| it.replace('?', mark)));
        let found = each.collect::<Vec<_>>().join(" UNION ALL ");
        let not = if term.compare == Compare::NotEqual { "NOT " } else { "" };
        let key: Vec<_> = resource.key.iter().map(|it| it.name).collect();
        self.sql.push(format!("{} {not}IN ({found})", key.join(", ")));
    }

    fn label(&mut self, resource: &Resource, field: &Field, term: &Term) -> Result<(), String> {
        let key = term.field.strip_prefix(LABELS).unwrap_or_default();
        if !is_label_key(key) {
            let (key, at) = (shown(key), place_of(term.at));
            return Err(format!(
                "`{key}`{at} is no key of a label: 1 to {LABEL_KEY_MAX} of a-z, 0-9, `_`, `.` and `-`"
            ));
        }
        if term.compare == Compare::Has {
            self.terms(resource, (field, terms::LABEL_KEY), term.compare, vec![key.to_owned()]);
        } else {
            let labels = term.texts().map(|it| terms::label(key, it)).collect();
            self.terms(resource, (field, terms::LABEL), term.compare, labels);
        }
        Ok(())
    }

    fn terms(
        &mut self,
        resource: &Resource,
        (field, kind): (&Field, &'static str),
        compare: Compare,
        wanted: Vec<String>,
    ) {
        let (Some(of), [key, ..]) = (resource.terms, resource.key) else { return };
        let marks: Vec<_> = wanted.into_iter().map(|it| self.bind(it)).collect();
        let exists = format!(
            "EXISTS (SELECT 1 FROM {} AS t WHERE t.{} = {}.{} AND t.field = '{kind}' AND t.term IN ({}))",
            of.table,
            of.key,
            resource.from,
            key.name,
            marks.join(", ")
        );
        let rank = resource.fields.iter().position(|it| it.name == field.name).unwrap_or_default();
        if compare == Compare::NotEqual {
            self.sql.push(format!("NOT {exists}"));
        } else {
            self.wanted_terms.push(WantedTerms { field: kind, marks, exists, rank });
        }
        self.wanted_terms.sort_by_key(|it| it.rank);
    }

    /// Words are only struck off what is left of theirs.
    fn word(&mut self, field: &Field, term: &Term) -> Result<(), String> {
        must_be_words(field, term)?;
        let said: Vec<String> = term.texts().map(literal).collect();
        for left in self.left.iter_mut().filter(|it| it.column == field.column) {
            left.words.retain(|it| said.contains(it) == (term.compare != Compare::NotEqual));
            left.is_narrowed = true;
        }
        Ok(())
    }

    fn id(
        &mut self,
        field: &Field,
        parse: fn(&str) -> Result<Uuid, Invalid>,
        term: &Term,
    ) -> Result<(), String> {
        let mut marks = Vec::new();
        for value in &term.values {
            let id = parse(&value.text).map_err(|Invalid(why)| wrong(field, value, &why))?;
            marks.push(self.bind(id));
        }
        self.sql.push(format!("{} IN ({})", field.column, marks.join(", ")));
        Ok(())
    }

    fn flag(&mut self, field: &Field, term: &Term) -> Result<(), String> {
        let is_set = match value(term).to_ascii_lowercase().as_str() {
            "true" => term.compare == Compare::Equal,
            "false" => term.compare == Compare::NotEqual,
            _ => return Err(wrong_value(field, term, "must be true or false")),
        };
        self.sql.push(format!("{}{}", if is_set { "" } else { "NOT " }, field.column));
        Ok(())
    }

    fn whole(&mut self, field: &Field, term: &Term) -> Result<(), String> {
        let mut marks = Vec::new();
        for value in &term.values {
            let number =
                whole_number(&value.text).ok_or_else(|| wrong(field, value, "must be a whole number"))?;
            marks.push(self.bind(number));
        }
        self.compare(field, term.compare, &marks);
        if matches!(term.compare, Compare::Equal | Compare::In) && !field.implies.is_empty() {
            self.sql.push(field.implies.to_owned());
        }
        Ok(())
    }

    fn time(&mut self, resource: &Resource, field: &Field, term: &Term) -> Result<(), String> {
        let span = span(value(term));
        let span = span.ok_or_else(|| {
            wrong_value(field, term, "must be a time like 2026-01-31T12:00:00Z, or a date like 2026-01-31")
        })?;
        let column = field.column;
        match bounds(term.compare, span) {
            Bounds::All(bounds) => {
                for (compare, at) in bounds {
                    let mark = self.bind(at.unix_micros());
                    self.sql.push(format!("{column} {} {mark}", sign(compare)));
                    if let (FieldKind::Created, [key]) = (&field.kind, resource.key) {
                        self.along_ids(key.name, compare, at);
                    }
                }
            }
            Bounds::Outside(from, until) => {
                let (from, until) = (self.bind(from.unix_micros()), self.bind(until.unix_micros()));
                self.sql.push(format!("({column} < {from} OR {column} >= {until})"));
            }
        }
        Ok(())
    }

    /// Bound on the ids that were made at a time of creation.
    fn along_ids(&mut self, column: &str, compare: Compare, at: Timestamp) {
        let first = u128::from(at.unix_millis()) << 80;
        if matches!(compare, Compare::Equal | Compare::Greater | Compare::GreaterOrEqual) {
            let mark = self.bind(Uuid::from_u128(first));
            self.sql.push(format!("{column} >= {mark}"));
        }
        if matches!(compare, Compare::Equal | Compare::Less | Compare::LessOrEqual) {
            let mark = self.bind(Uuid::from_u128(first | ((1 << 80) - 1)));
            self.sql.push(format!("{column} <= {mark}"));
        }
    }
}

impl Remaining {
    pub(super) fn condition(&self) -> String {
        match self.words.as_slice() {
            [] => "1 = 0".to_owned(),
            [word] => format!("{} = {word}", self.column),
            words => format!("{} IN ({})", self.column, words.join(", ")),
        }
    }
}

/// The word as SQL: a truth value is none of the texts.
pub(super) fn literal(word: &str) -> String {
    if TRUTH.contains(&word) { word.to_owned() } else { format!("'{word}'") }
}

fn value(term: &Term) -> &str {
    term.texts().next().unwrap_or_default()
}

fn sign(compare: Compare) -> &'static str {
    match compare {
        Compare::Equal => "=",
        Compare::NotEqual => "<>",
        Compare::Less => "<",
        Compare::LessOrEqual => "<=",
        Compare::Greater => ">",
        Compare::GreaterOrEqual => ">=",
        Compare::In => "IN",
        Compare::Has => ":",
    }
}

fn may_be_compared(field: &Field, term: &Term) -> Result<(), String> {
    use Compare::{Equal, Greater, GreaterOrEqual, Has, In, Less, LessOrEqual, NotEqual};
    let (legal, in_words): (&[Compare], &str) = match field.kind {
        FieldKind::Text
        | FieldKind::Compared(_)
        | FieldKind::Name
        | FieldKind::Keyed(_)
        | FieldKind::Terms(..)
        | FieldKind::Word(..) => (&[Equal, NotEqual, In], "=, != and IN"),
        FieldKind::Labels => (&[Equal, NotEqual, In, Has], "=, !=, IN and :*"),
        FieldKind::Id(_) => (&[Equal, In], "= and IN"),
        FieldKind::Beginning => (&[Equal], "="),
        FieldKind::Flag => (&[Equal, NotEqual], "= and !="),
        FieldKind::Whole => {
            (&[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual, In], "=, !=, <, <=, >, >= and IN")
        }
        FieldKind::Time | FieldKind::Created => {
            (&[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual], "=, !=, <, <=, > and >=")
        }
    };
    match legal.contains(&term.compare) {
        true => Ok(()),
        false => {
            Err(format!("{}{} can only be compared with {in_words}", shown(&term.field), place_of(term.at)))
        }
    }
}

fn must_be_words(field: &Field, term: &Term) -> Result<(), String> {
    let Some((_, all)) = field.words() else { return Ok(()) };
    let words = all();
    match term.values.iter().find(|it| !words.contains(&it.text.as_str())) {
        None => Ok(()),
        Some(value) => Err(wrong(field, value, &format!("must be one of {}", words.join(", ")))),
    }
}

fn wrong_value(field: &Field, term: &Term, why: &str) -> String {
    term.values.first().map_or_else(|| format!("{} {why}", field.name), |it| wrong(field, it, why))
}

/// Names the field, the word that is wrong, and where it stands.
fn wrong(field: &Field, value: &Operand, why: &str) -> String {
    format!("{} `{}`{} {why}", field.name, shown(&value.text), place_of(value.at))
}

pub(super) fn shown(text: &str) -> String {
    text.chars().take(VALUE_SHOWN).collect()
}

pub(super) fn place_of(at: usize) -> String {
    if at == 0 { String::new() } else { format!(" at character {at}") }
}

/// Digits, with a minus before them or not.
pub(super) fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text.parse().ok().filter(|_| digits.bytes().all(|it| it.is_ascii_digit()))
}

/// An instant, or the day from its first to the next one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Span {
    Instant(Timestamp),
    Day(Timestamp, Timestamp),
}

/// A date is the whole day in UTC.
fn span(text: &str) -> Option<Span> {
    if text.len() != "2026-01-31".len() {
        return instant(text).map(Span::Instant);
    }
    let begins = instant(&format!("{text}T00:00:00Z"))?;
    Some(Span::Day(begins, begins.plus(std::time::Duration::from_secs(86_400))))
}

fn instant(text: &str) -> Option<Timestamp> {
    let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    Some(Timestamp::from_date_time(at))
}

/// Bounds of a time.
#[derive(Debug, PartialEq, Eq)]
enum Bounds {
    /// All must hold.
    All(Vec<(Compare, Timestamp)>),
    /// Before the first, or from the second on.
    Outside(Timestamp, Timestamp),
}

fn bounds(compare: Compare, span: Span) -> Bounds {
    let (from, until) = match span {
        Span::Instant(at) => return Bounds::All(vec![(compare, at)]),
        Span::Day(from, until) => (from, until),
    };
    match compare {
        Compare::Equal | Compare::In | Compare::Has => {
            Bounds::All(vec![(Compare::GreaterOrEqual, from), (Compare::Less, until)])
        }
        Compare::NotEqual => Bounds::Outside(from, until),
        Compare::Less => Bounds::All(vec![(Compare::Less, from)]),
        Compare::LessOrEqual => Bounds::All(vec![(Compare::Less, until)]),
        Compare::Greater => Bounds::All(vec![(Compare::GreaterOrEqual, until)]),
        Compare::GreaterOrEqual => Bounds::All(vec![(Compare::GreaterOrEqual, from)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_whole_day() {
        let (from, until) = match span("2026-11-29") {
            Some(Span::Day(from, until)) => (from.to_string(), until.to_string()),
            other => panic!("{other:?} is no day"),
        };
        assert_eq!((from.as_str(), until.as_str()), ("2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"));
        for no_day in ["2026-02-30", "2026-13-01", "29.11.2026", "2026-11-2", "yesterday!"] {
            assert_eq!(span(no_day), None, "{no_day}");
        }

        let day = span("2026-11-29").expect("a day");
        let hour = span("2026-11-29T10:00:00Z").expect("an hour");
        assert!(matches!(bounds(Compare::Equal, day), Bounds::All(it) if it.len() == 2));
        assert!(matches!(bounds(Compare::NotEqual, day), Bounds::Outside(..)));
        let bound = |compare| match bounds(compare, day) {
            Bounds::All(it) => it[0].1.to_string(),
            Bounds::Outside(..) => panic!("a bound"),
        };
        assert_eq!(bound(Compare::Greater), "2026-11-30T00:00:00Z");
        assert_eq!(bound(Compare::LessOrEqual), "2026-11-30T00:00:00Z");
        assert_eq!(bound(Compare::Less), "2026-11-29T00:00:00Z");
        assert!(matches!(bounds(Compare::Less, hour), Bounds::All(it) if it[0].0 == Compare::Less));
    }
}
