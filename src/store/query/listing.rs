//! What a list is asked for: terms, order, size, cursor.

/// Rows of a page at most, whatever is asked for.
pub(super) const SIZE_MAX: u64 = 1_000;

/// What stands behind the beginning of a name.
pub(super) const BEGINNING: char = '*';

/// One page that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// All must hold.
    pub filter: Vec<Term>,
    /// None: in the resource's own order.
    pub order_by: Option<(String, Direction)>,
    pub size: u64,
    /// The end of the page before this one.
    pub after: Option<Cursor>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    pub field: String,
    pub compare: Compare,
    /// One, or the ones in the brackets of `IN`.
    pub values: Vec<Operand>,
    /// Where it stands in the filter, in characters from 1; 0: no caller wrote it.
    pub at: usize,
}

/// A value that a field is compared with, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    pub text: String,
    pub at: usize,
}

impl Term {
    /// A comparison that no caller wrote.
    pub fn new(field: &str, compare: Compare, value: impl Into<String>) -> Self {
        let values = vec![Operand { text: value.into(), at: 0 }];
        Self { field: field.to_owned(), compare, values, at: 0 }
    }

    pub fn equal(field: &str, value: impl Into<String>) -> Self {
        Self::new(field, Compare::Equal, value)
    }

    /// Whether it asks for what begins with its value.
    pub(super) fn is_beginning(&self) -> bool {
        self.compare == Compare::Equal && self.texts().any(|it| it.ends_with(BEGINNING))
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|it| it.text.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// One of several values.
    In,
    /// Whatever the value.
    Has,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// The end of a page; valid only for the next page of the same list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

pub(in crate::store) type Page<T> = (Vec<T>, Option<Cursor>);
