//! Numbers with their nouns, as the history and the timeline write them.

/// `1 shelf`, `2 shelves`.
pub(in crate::domain) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `1 package`, `2 packages`.
pub(in crate::domain) fn packages(count: usize) -> String {
    counted(count, "package", "packages")
}
