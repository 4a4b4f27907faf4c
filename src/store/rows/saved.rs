//! What is saved: as it was loaded and as it is from now on.

use serde::Serialize;

use crate::store::connection::error::StoreError;

/// A thing before the change (None: it is new) and after it.
#[derive(Debug)]
pub(in crate::store) struct Saved<'a, T> {
    pub(in crate::store) before: Option<&'a T>,
    pub(in crate::store) after: &'a T,
}

impl<T> Clone for Saved<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Saved<'_, T> {}

impl<'a, T> Saved<'a, T> {
    /// Its rows, as stored and as they are to be.
    pub(super) fn rows<R>(&self, row: impl Fn(&T) -> R) -> (Option<R>, R) {
        (self.before.map(&row), row(self.after))
    }

    /// The parts of it, before and after.
    pub(super) fn parts<P>(&self, of: impl Fn(&'a T) -> &'a [P]) -> (&'a [P], &'a [P]) {
        (self.before.map_or(&[], &of), of(self.after))
    }
}

pub(super) fn to_json<T: Serialize>(table: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|it| StoreError::Corrupt { table, detail: it.to_string() })
}
