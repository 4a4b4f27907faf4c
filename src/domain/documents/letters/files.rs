//! The files that letters are written from, compiled in.

use crate::domain::documents::letters::language::Language;
use crate::domain::model::message::MessageKind;

/// The page around every letter, in any language.
pub(super) const LAYOUT_HTML: &str = "layout.html";

macro_rules! files {
    ($language:literal: $($name:literal)*) => {
        &[
            (LAYOUT_HTML, include_str!("../../../../templates/letters/layout.html")),
            $((
                concat!($name, ".md"),
                include_str!(concat!("../../../../templates/letters/", $language, "/", $name, ".md")),
            ),)*
        ]
    };
}

macro_rules! letters {
    ($language:literal) => {
        files! {
            $language:
            "layout" "parcel" "bill"
            "order_received" "order_updated" "on_hold" "hold_released" "awaiting_stock" "promise_changed"
            "invoice_issued" "payment_received"
            "shipped" "location_changed" "out_for_delivery" "delivery_delayed" "delivery_exception"
            "delivery_attempted" "ready_for_pickup" "delivery_rearranged" "estimate_moved" "promise_missed"
            "delivery_confirmed" "feedback_requested"
            "order_lines_cancelled" "order_cancelled" "order_expired" "order_rejected" "refund_issued"
            "return_authorized" "return_declined" "return_received" "return_resolved" "change_proposed"
        }
    };
}

type Files = &'static [(&'static str, &'static str)];

const ENGLISH: Files = letters!("en");
const GERMAN: Files = letters!("de");
const RUSSIAN: Files = letters!("ru");

/// Name and text of each file of a language, the page around letters included.
pub(super) fn of_language(language: Language) -> Files {
    match language {
        Language::English => ENGLISH,
        Language::German => GERMAN,
        Language::Russian => RUSSIAN,
    }
}

/// The name of the file of a kind of letter: `order_received.md`.
pub(super) fn of_kind(kind: MessageKind) -> String {
    format!("{}.md", kind.as_str().to_lowercase())
}

/// The text of a file by its name in the folder of templates: `de/shipped.md`, `layout.html`.
pub(super) fn built_in(path: &str) -> Option<&'static str> {
    let (language, name) = match path.split_once('/') {
        Some((language, name)) if name != LAYOUT_HTML => (language.parse().ok()?, name),
        Some(_) => return None,
        None if path == LAYOUT_HTML => (Language::English, path),
        None => return None,
    };
    of_language(language).iter().find(|it| it.0 == name).map(|it| it.1)
}
