//! The twenty steps, once, whole: the demo is played against a server, as an operator would.

use consign::demo::{self, Options};

use crate::server::{TestServer, on_both_engines};

on_both_engines!(the_demo_takes_every_order_through_all_twenty_steps, twenty_steps);

async fn twenty_steps(server: TestServer) {
    // Twice, since a second run meets what the first has left.
    for _ in 0..2 {
        let target = Some(server.server.address.to_string());
        let played = demo::run(Options { target, json: true }).await.expect("the demo comes to its end");
        assert_eq!(played.complaints, Vec::<String>::new());

        let shown = played.shown;
        let says = |text: &str, words: &str| assert!(text.contains(words), "{text}");
        says(&shown.promise_refused, "cannot be met; the earliest possible delivery is ");
        says(&shown.promise_kept, "promised by ");
        says(&shown.slip_told, "New expected delivery");
        says(&shown.letter_in_another_language, "Ваш заказ");
        says(&shown.courier_passed_over, "passed over for its record bargain STANDARD");
        says(&shown.courier_passed_over, "rated 2.60");
        says(&shown.courier_passed_over, ": counts as ");
        says(&shown.part_cancelled, "credit note CRN-");
        says(&shown.counted_below_reserved, "1 from US-NEWARK, 3 from CA-TORONTO");
        says(&shown.rows_imported, "3 rows, 2 created; row 2: product.name: is required");
        says(&shown.price_changed, "at USD 18.50");
        says(&shown.price_changed, "at USD 19.50");
        says(&shown.discount_redeemed, "given in a delivery letter, takes USD 33.25 off; redeemed 1×");
        says(&shown.invoice_as_a_page, "INV-");
        says(&shown.invoice_as_a_page, ".pdf, ");
        says(&shown.sent_in_parts, "has 2 shipments");
        says(&shown.order_changed, "credit note CRN-");
        says(&shown.order_changed, "supplementary invoice inv_");
        says(&shown.order_changed, "line 3 added");
        says(&shown.came_back, "credit note CRN-");
        says(&shown.came_back, " paid back");
        says(&shown.split_planned, "at CA-TORONTO; no single location has every line: split in order");
        says(&shown.picked_by_lots, "2 × SOONER, 1 × LATER of DE-LEIPZIG");
        says(&shown.exchanged, " is made for order ");
        says(&shown.paid_with_credit, " is paid with EUR ");
        says(&shown.reorder_proposed, "for DE-LEIPZIG, PROPOSED: 3 available, reorder point 5, up to 10");
    }
    server.stop().await;
}
