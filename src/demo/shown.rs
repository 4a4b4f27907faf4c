//! What the demo is there to show beside the twenty steps.

use serde::Serialize;

/// Each in the words of the answer that said so; empty while it was not seen.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Shown {
    pub promise_refused: String,
    pub promise_kept: String,
    pub slip_told: String,
    pub letter_in_another_language: String,
    pub courier_passed_over: String,
    pub price_changed: String,
    /// Made when an order set units aside, and told when they are handed over.
    pub reorder_proposed: String,
    pub discount_redeemed: String,
    pub invoice_as_a_page: String,
    pub sent_in_parts: String,
    pub part_cancelled: String,
    pub order_changed: String,
    pub counted_below_reserved: String,
    pub rows_imported: String,
    pub came_back: String,
    pub split_planned: String,
    pub picked_by_lots: String,
    pub exchanged: String,
    pub paid_with_credit: String,
}

impl Shown {
    /// What was not seen, in words.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let Self {
            promise_refused,
            promise_kept,
            slip_told,
            letter_in_another_language,
            courier_passed_over,
            price_changed,
            reorder_proposed,
            discount_redeemed,
            invoice_as_a_page,
            sent_in_parts,
            part_cancelled,
            order_changed,
            counted_below_reserved,
            rows_imported,
            came_back,
            split_planned,
            picked_by_lots,
            exchanged,
            paid_with_credit,
        } = self;
        let all = [
            (promise_refused, "a promise refused"),
            (promise_kept, "a promise kept"),
            (slip_told, "a slip told to the customer"),
            (letter_in_another_language, "a letter in the customer's language"),
            (courier_passed_over, "a courier passed over for its record"),
            (price_changed, "a price changed"),
            (reorder_proposed, "a reorder proposed as stock was set aside"),
            (discount_redeemed, "a discount code given and redeemed"),
            (invoice_as_a_page, "an invoice as a page"),
            (sent_in_parts, "what is there sent, and the rest later"),
            (part_cancelled, "a part of an order cancelled, with its credit note"),
            (order_changed, "an order changed after it was sold, with its credit note"),
            (counted_below_reserved, "a count below what is reserved"),
            (rows_imported, "rows imported, a bad one named"),
            (came_back, "a return, with its refund by line"),
            (split_planned, "a split over two locations, with its plan"),
            (picked_by_lots, "lots of which the one that expires first leaves first"),
            (exchanged, "an exchange, with its order"),
            (paid_with_credit, "a store credit given and paid with"),
        ];
        all.into_iter().filter(|it| it.0.is_empty()).map(|it| it.1).collect()
    }
}
