//! What stands on an invoice, in the words and numbers of one language, ready to be drawn.

/// An invoice as a paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoicePaper {
    /// `de`.
    pub language: &'static str,
    /// `Invoice INV-000001`.
    pub title: String,
    /// Seconds since 1970 of the issue.
    pub issued_unix_seconds: i64,
    /// A PNG. Empty: none.
    pub logo: Vec<u8>,
    /// Who sells. Empty: it is not known.
    pub seller: String,
    /// Address and ways to reach them.
    pub seller_lines: Vec<String>,
    /// Name and address in one line, above the customer's address in the window of an envelope.
    pub sender: String,
    pub billing_address: Vec<String>,
    /// Where the goods go to, with what it is called. Empty: to the same address.
    pub delivery_title: &'static str,
    pub delivery_address: Vec<String>,
    /// Numbers and dates, each with what it is called.
    pub facts: Vec<(&'static str, String)>,
    pub columns: Vec<InvoiceColumn>,
    pub rows: Vec<InvoiceRow>,
    /// Sums, the last but one or the last of which is the total.
    pub sums: Vec<InvoiceSum>,
    /// Rate, net, tax and gross of each rate, the titles first.
    pub taxes: Vec<[String; 4]>,
    pub prices_note: &'static str,
    pub payment: PaymentBox,
    /// At the foot of every page, side by side.
    pub foot: Vec<Vec<String>>,
    /// With `{page}` and `{pages}`.
    pub page_form: &'static str,
}

/// What a column of the lines holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceColumn {
    Number(&'static str),
    Item(&'static str),
    Quantity(&'static str),
    UnitPrice(&'static str),
    Discount(&'static str),
    Tax(&'static str),
    Amount(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceRow {
    pub number: String,
    pub item: String,
    pub sku: String,
    pub quantity: String,
    pub unit_price: String,
    /// Empty: none.
    pub discount: String,
    pub tax: String,
    pub amount: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceSum {
    pub name: String,
    pub amount: String,
    pub weight: SumWeight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SumWeight {
    Part,
    Total,
}

/// How the invoice is paid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentBox {
    pub title: &'static str,
    /// Until when, and in which other ways than by bank transfer.
    pub sentences: Vec<String>,
    /// What stands above the account. Empty: bank transfer is no way.
    pub transfer: String,
    /// The account and the references, each with what it is called.
    pub account: Vec<(&'static str, String)>,
    /// What banks' apps read from a QR code (EPC069-12), and what stands beside it.
    pub code: Option<(String, &'static str)>,
}
