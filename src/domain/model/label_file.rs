//! The file of a courier's label.

/// The file of a courier's label. It is kept beside the orders: documents stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFile {
    /// Of the content, hex.
    pub sha256: String,
    pub content: Vec<u8>,
}
