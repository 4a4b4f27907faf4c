//! What a list is made of: its rows, its fields, the indexes that lead to them.

use uuid::Uuid;

use crate::domain::{Invalid, caseless};
use crate::store::query::listing::{Compare, Listing, Term};

/// A list: its rows, and the fields to filter and sort by.
pub(super) struct Resource {
    pub(super) name: &'static str,
    pub(super) from: &'static str,
    /// The unique key; the default order of pages.
    pub(super) key: &'static [Column],
    /// The column with the order that the row is a part of.
    pub(super) order: Option<&'static str>,
    pub(super) shown: Shown,
    /// Whether the key is an id made when the row was.
    pub(super) keyed_by_time: bool,
    pub(super) fields: &'static [Field],
    /// The indexes that go on with the key.
    pub(super) indexes: &'static [Index],
    /// The fields to sort by, besides `create_time`.
    pub(super) sorts: &'static [(&'static str, Column)],
    /// Where the terms of its rows are.
    pub(super) terms: Option<Terms>,
}

/// A table of terms: its name, its column with the key of the row that has them, and the one that lists go along.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) table: &'static str,
    pub(super) key: &'static str,
    pub(super) listed: &'static str,
}

/// What comes along with each row of a page, in the same statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown {
    /// The document of the order: the row itself, or the order that the row is a part of.
    Document,
    /// These columns of the row: by name, as there may be more than this release knows.
    Row(fn() -> String),
    /// The document of another caller's reservation, and that of the order of the others.
    Reservation,
}

/// An index over these columns and then the key.
pub(super) struct Index {
    pub(super) columns: &'static [&'static str],
    /// The word of the first column whose rows it leaves out: they have an index of their own, or most rows have it, so
    /// that the key alone leads to them.
    pub(super) without: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) is: Is,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    Id,
    Text,
    Whole,
}

pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) column: &'static str,
    pub(super) kind: FieldKind,
    /// A value has a few rows at most, and an index leads to them.
    pub(super) few: bool,
    /// A condition that follows from an equal value that is not empty, and lets an index be used.
    pub(super) implies: &'static str,
    /// The order of pages when rows are found by this field and none is asked for.
    pub(super) sorted_by: Option<Column>,
}

pub(super) enum FieldKind {
    Text,
    /// A text in the form in which its column has it.
    Compared(fn(&str) -> Result<String, Invalid>),
    /// A name whatever its case, or with `*` behind it what names begin with; its column is in the order of bytes.
    Name,
    /// A text in capitals by how it begins; its column is in the order of bytes.
    Beginning,
    /// A text that leads to keys: the statements that find them, where `?` is the text.
    Keyed(&'static [&'static str]),
    /// Which term of this kind the row has among others; if they are words of a closed set, what the API writes before each
    /// and all of them.
    Terms(&'static str, Option<Words>),
    /// The labels of the row: a field for each key, `labels.KEY`.
    Labels,
    /// One of a closed set: what the API writes before each word, and all of them.
    Word(&'static str, fn() -> Vec<&'static str>),
    Whole,
    /// `true` or `false`: whether a column that says so is set.
    Flag,
    Time,
    /// The time at which the row and its id were made.
    Created,
    Id(fn(&str) -> Result<Uuid, Invalid>),
}

/// What the API writes before each word, and all words.
pub(super) type Words = (&'static str, fn() -> Vec<&'static str>);

pub(super) const fn field(name: &'static str, column: &'static str, kind: FieldKind) -> Field {
    Field { name, column, kind, few: false, implies: "", sorted_by: None }
}

pub(super) const fn narrow(name: &'static str, column: &'static str, kind: FieldKind) -> Field {
    Field { name, column, kind, few: true, implies: "", sorted_by: None }
}

pub(super) const fn along(columns: &'static [&'static str]) -> Index {
    Index { columns, without: None }
}

pub(super) const fn id(name: &'static str) -> Column {
    Column { name, is: Is::Id }
}

pub(super) const fn text(name: &'static str) -> Column {
    Column { name, is: Is::Text }
}

pub(super) const fn whole(name: &'static str) -> Column {
    Column { name, is: Is::Whole }
}

/// The columns whose order has an index for each side of `archived`.
pub(super) const ORDERED_BY_SIDE: [&str; 2] = ["updated_at", "customer_name"];

/// The field, and the column, that tells archived orders and their parts from those of the day.
pub(super) const ARCHIVED: &str = "archived";

/// What stands before the key of a label.
pub(super) const LABELS: &str = "labels.";

/// The words of a field that is true or not.
pub(super) const TRUTH: [&str; 2] = ["FALSE", "TRUE"];

impl Resource {
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        let is_label = name.starts_with(LABELS);
        self.fields.iter().find(|it| match matches!(it.kind, FieldKind::Labels) {
            true => is_label,
            false => it.name == name,
        })
    }

    /// The listing with each value as rows have it: `invoiced` and `ORDER_STATE_INVOICED` are `INVOICED`. What cannot be
    /// stays, to be refused by name.
    pub(super) fn spelled(&self, listing: &Listing) -> Listing {
        let mut listing = listing.clone();
        for term in &mut listing.filter {
            let Some(field) = self.field(&term.field) else { continue };
            for value in &mut term.values {
                if let Some(spelled) = field.spelled(&value.text) {
                    value.text = spelled;
                }
            }
            if term.compare == Compare::In {
                let mut seen: Vec<String> = Vec::new();
                term.values.retain(|it| {
                    let is_new = !seen.contains(&it.text);
                    seen.push(it.text.clone());
                    is_new
                });
            }
        }
        listing
    }

    /// The order of pages that are found by this term if none is asked for.
    pub(super) fn own_order(&self, term: &Term) -> Option<Column> {
        let field = self.field(&term.field)?;
        let is_found_by = match field.kind {
            FieldKind::Whole | FieldKind::Time | FieldKind::Created => true,
            FieldKind::Name => term.is_beginning(),
            FieldKind::Text => matches!(term.compare, Compare::Equal | Compare::In),
            FieldKind::Compared(_)
            | FieldKind::Beginning
            | FieldKind::Keyed(_)
            | FieldKind::Terms(..)
            | FieldKind::Labels
            | FieldKind::Word(..)
            | FieldKind::Flag
            | FieldKind::Id(_) => term.compare == Compare::Equal,
        };
        field.sorted_by.filter(|_| is_found_by)
    }
}

impl Field {
    /// The closed set of its words, if it has one.
    pub(super) fn words(&self) -> Option<Words> {
        match self.kind {
            FieldKind::Word(prefix, all) | FieldKind::Terms(_, Some((prefix, all))) => Some((prefix, all)),
            FieldKind::Text
            | FieldKind::Compared(_)
            | FieldKind::Name
            | FieldKind::Beginning
            | FieldKind::Keyed(_)
            | FieldKind::Terms(_, None)
            | FieldKind::Labels
            | FieldKind::Whole
            | FieldKind::Flag
            | FieldKind::Time
            | FieldKind::Created
            | FieldKind::Id(_) => None,
        }
    }

    fn spelled(&self, text: &str) -> Option<String> {
        if let Some((prefix, all)) = self.words() {
            let capitals = text.to_ascii_uppercase();
            let word = capitals.strip_prefix(prefix).unwrap_or(&capitals);
            return all().contains(&word).then(|| word.to_owned());
        }
        match &self.kind {
            FieldKind::Compared(form) => form(text).ok(),
            FieldKind::Name => Some(caseless(text)),
            FieldKind::Text
            | FieldKind::Beginning
            | FieldKind::Keyed(_)
            | FieldKind::Terms(..)
            | FieldKind::Labels
            | FieldKind::Word(..)
            | FieldKind::Whole
            | FieldKind::Flag
            | FieldKind::Time
            | FieldKind::Created
            | FieldKind::Id(_) => None,
        }
    }
}
