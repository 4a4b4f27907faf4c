//! What a list is asked for: terms, order, size, cursor.

/// Rows of a page at most, whatever is asked for.
pub(super) const SIZE_MAX: u64 = 1_000;

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
    pub value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// The end of a page; valid only for the next page of the same list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

pub(super) type Page<T> = (Vec<T>, Option<Cursor>);
