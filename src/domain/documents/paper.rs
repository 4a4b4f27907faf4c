//! What stands on each paper. How it is drawn, and in which format, is no matter of the domain.

/// A paper, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paper {
    Label(LabelPaper),
    Sheet(SheetPaper),
}

/// A label for each parcel of a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelPaper {
    pub tracking_number: String,
    /// Name of the courier; empty before one is assigned.
    pub courier: String,
    pub service: String,
    /// Which order and shipment it is.
    pub headline: String,
    pub sender: Vec<String>,
    pub recipient: Vec<String>,
    pub instructions: String,
    pub parcels: Vec<Parcel>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    pub number: i32,
    pub of: usize,
    pub weight: String,
    pub size: String,
    /// What a person has to know who handles it; empty: nothing.
    pub marks: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetKind {
    PackingSlip,
    PickList,
    ReturnForm,
    /// What is in the parcel of an authorised return.
    Return,
    Manifest,
}

/// One or more pages with a head, lists and notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetPaper {
    pub kind: SheetKind,
    pub company: String,
    /// Which order and shipment it is.
    pub headline: String,
    /// The same as a barcode.
    pub reference: String,
    /// Short facts, each with what it is called.
    pub facts: Vec<(&'static str, String)>,
    /// Addresses, each with what it is called.
    pub addresses: Vec<(&'static str, Vec<String>)>,
    pub lists: Vec<GoodsList>,
    /// Paragraphs after the lists.
    pub notes: Vec<String>,
}

/// Goods under a heading, such as those of one parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodsList {
    /// Empty: none.
    pub heading: String,
    pub goods: Vec<Goods>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goods {
    pub quantity: i64,
    pub sku: String,
    pub description: String,
    /// What one unit weighs, empty if it is not known; of what comes back: why it does.
    pub detail: String,
}
