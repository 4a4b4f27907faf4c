//! What the tables around the orders have of them, and that no more is written than what changed.

use proptest::prelude::*;

use crate::domain::tests::any_sequence::orders::some_steps;
use crate::domain::{
    Approval, ApprovalState, Courier, FeedbackReason, Ids, Invoice, InvoiceState, Message, MessageState,
    OpenRequest, Order, ProviderRequest, Refund, RefundState, Reservation, ReservationState, ReturnState,
    bank_reference_key,
};
use crate::store::connection::session::Session;
use crate::store::rows::feedback::{feedback, feedback_lines, feedback_reasons, follow_ups};
use crate::store::rows::parts::{
    approvals, credit_notes, holds, invoices, messages, order_lines, order_waits, payments, refunds,
    shipments,
};
use crate::store::rows::projection::{Changes, Projection};
use crate::store::rows::reservation::{reservation_items, reservations};
use crate::store::rows::returns::returns;
use crate::store::rows::terms::order_terms;
use crate::store::rows::tests::full::{bare, full, waiting_for};
use crate::store::rows::tests::sample::{
    code, courier, disagreements, later, nothing, only_order, orders, rows_of, save, stocked, then,
};
use crate::store::tests::shop::{Scene, on_both_engines};

on_both_engines! {
    a_full_order_is_shown_in_every_table
    what_changes_together_is_written_in_an_order_that_the_schema_lets_pass
    what_is_there_may_point_to_what_is_new
    a_projection_is_made_anew_from_the_documents
}

/// The rows after these changes.
fn applied(before: Option<&Order>, changes: &Changes) -> Projection {
    let mut rows = before.map(Projection::of).unwrap_or_default();
    let gone = &changes.gone;
    rows.lines.retain(|it| !gone.lines.contains(&(it.order_id, it.number)));
    rows.waits
        .retain(|it| !gone.waits.iter().any(|gone| (gone.order_id, &gone.sku) == (it.order_id, &it.sku)));
    rows.terms.retain(|it| !gone.terms.iter().any(|gone| (&gone.field, &gone.term) == (&it.field, &it.term)));
    macro_rules! put {
        ($($table:ident by $key:expr;)+) => { $(
            for row in &changes.rows.$table {
                assert!(!rows.$table.contains(row), "it was so before: {row:?}");
                let key = $key;
                rows.$table.retain(|it| key(it) != key(row));
                rows.$table.push(row.clone());
            }
        )+ };
    }
    put! {
        lines by |it: &order_lines::Model| it.number;
        waits by |it: &order_waits::Model| it.sku.clone();
        terms by |it: &order_terms::Model| (it.field.clone(), it.term.clone());
        holds by |it: &holds::Model| it.id;
        approvals by |it: &approvals::Model| it.id;
        messages by |it: &messages::Model| it.id;
        feedback by |it: &feedback::Model| it.order_id;
        feedback_lines by |it: &feedback_lines::Model| it.number;
        feedback_reasons by |it: &feedback_reasons::Model| (it.number, it.reason);
        follow_ups by |it: &follow_ups::Model| it.id;
        invoices by |it: &invoices::Model| it.id;
        credit_notes by |it: &credit_notes::Model| it.id;
        returns by |it: &returns::Model| it.id;
        payments by |it: &payments::Model| it.id;
        refunds by |it: &refunds::Model| it.id;
        shipments by |it: &shipments::Model| it.id;
        reservations by |it: &reservations::Model| it.id;
        items by |it: &reservation_items::Model| (it.reservation_id, it.number);
    }
    rows.sorted()
}

fn changes(before: Option<&Order>, after: &Order) -> Changes {
    let mut changes = Changes::default();
    changes.add(before, after);
    changes
}

#[test]
fn whatever_happens_to_an_order_its_rows_follow_and_no_row_is_written_for_nothing() {
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in some_steps())| {
        for (before, after) in steps {
            let changes = changes(before.as_deref(), &after);
            prop_assert_eq!(applied(before.as_deref(), &changes), Projection::of(&after).sorted());
            let is_new = |id| before.as_ref().is_none_or(|it| it.invoices.iter().all(|it| it.id != id));
            let numbers = changes.numbers.iter().map(|it| it.invoice_id).collect::<Vec<_>>();
            let issued: Vec<_> = after.invoices.iter().map(|it| it.id).filter(|it| is_new(*it)).collect();
            prop_assert_eq!(numbers, issued);
        }
    });
}

/// Each part by itself: its own table gets its row, the others get none.
#[test]
fn every_part_that_changes_is_written_and_only_that() {
    type Change = fn(&mut Order);
    let parts: [(&str, usize, Change); 21] = [
        ("", 0, |it| it.special_instructions.push('!')),
        ("lines", 1, |it| it.lines[1].description.push('!')),
        ("terms", 2, |it| it.labels = [("size".to_owned(), "L".to_owned())].into()),
        ("holds", 1, |it| it.holds[1].released_at = Some(later(40))),
        ("approvals", 1, |it| it.approvals[1].state = ApprovalState::Withdrawn),
        ("messages", 1, |it| it.messages[1].state = MessageState::Suppressed),
        ("feedback", 1, |it| it.feedback.iter_mut().for_each(|it| it.delivery_rating = 1)),
        ("feedback_lines", 1, |it| it.feedback.iter_mut().for_each(|it| it.lines[0].rating = 3)),
        ("feedback_reasons", 1, |it| {
            it.feedback.iter_mut().for_each(|it| it.reasons.extend([FeedbackReason::Price]));
        }),
        ("follow_ups", 1, |it| it.follow_up.iter_mut().for_each(|it| it.closed = None)),
        ("invoices", 1, |it| it.invoices[1].state = InvoiceState::Paid),
        ("credit_notes", 1, |it| it.credit_notes[0].amounts.total_minor = 1),
        ("returns", 1, |it| it.returns[0].state = ReturnState::Closed),
        ("payments", 1, |it| it.payments[1].request = None),
        ("refunds", 1, |it| it.payments[1].refunds[0].state = RefundState::Succeeded),
        ("shipments", 1, |it| it.shipments[0].estimated_at = None),
        ("shipments", 1, |it| it.shipments[0].slips.clear()),
        ("reservations", 1, |it| it.reservations[2].state = ReservationState::Released),
        ("items", 2, |it| it.reservations[2].items.iter_mut().for_each(|it| it.released = 2)),
        // Nothing of these is in a row.
        ("", 0, |it| it.shipments[0].tracking.truncate(1)),
        ("", 0, |it| it.messages[1].attempts += 1),
    ];
    let order = full(1);
    for (table, count, change) in parts {
        let next = then(&order, change);
        let changes = changes(Some(&order), &next);
        let rows = &changes.rows;
        let written = [
            ("lines", rows.lines.len()),
            ("waits", rows.waits.len()),
            ("terms", rows.terms.len()),
            ("holds", rows.holds.len()),
            ("approvals", rows.approvals.len()),
            ("messages", rows.messages.len()),
            ("feedback", rows.feedback.len()),
            ("feedback_lines", rows.feedback_lines.len()),
            ("feedback_reasons", rows.feedback_reasons.len()),
            ("follow_ups", rows.follow_ups.len()),
            ("invoices", rows.invoices.len()),
            ("credit_notes", rows.credit_notes.len()),
            ("returns", rows.returns.len()),
            ("payments", rows.payments.len()),
            ("refunds", rows.refunds.len()),
            ("shipments", rows.shipments.len()),
            ("reservations", rows.reservations.len()),
            ("items", rows.items.len()),
        ];
        let written: Vec<_> = written.into_iter().filter(|it| it.1 > 0).collect();
        let expected = if table.is_empty() { Vec::new() } else { vec![(table, count)] };
        assert_eq!(written, expected);
        assert_eq!(applied(Some(&order), &changes), Projection::of(&next).sorted(), "{table}");
        assert!(changes.numbers.is_empty() && changes.references.is_empty(), "{table}");
        assert!(changes.gone.lines.is_empty() && changes.gone.waits.is_empty(), "{table}");
    }
}

async fn table(db: &Session, columns: &str, table: &str, order: &str) -> Vec<String> {
    let columns: Vec<_> = columns.split(' ').map(|it| format!("COALESCE(CAST({it} AS TEXT), '-')")).collect();
    let sql = format!("SELECT {} FROM {table} ORDER BY {order}", columns.join(" || ' ' || "));
    db.query(&sql, Vec::new()).await.expect(table).iter().map(|it| it.get(0).expect("a text")).collect()
}

/// Said once more by hand, so that a column that is filled from the wrong part is seen.
async fn a_full_order_is_shown_in_every_table(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = full(1);
    save(&db, &nothing(), &orders([&order, &waiting_for(2, &[("A-1", 4), ("B-2", 1), ("A-1", 2)])]))
        .await
        .expect("two orders");

    let at = |seconds| later(seconds).unix_micros();
    let at_0 = at(0);
    let of_order = async |columns: &str, name: &str, order: &str| {
        table(
            &db,
            columns,
            &format!("{name} WHERE order_id IN (SELECT id FROM orders WHERE number = 1)"),
            order,
        )
        .await
    };
    assert_eq!(
        table(
            &db,
            "number version last_event state channel external_reference customer_name customer_email customer_phone region \
            currency total_minor captured_minor refunded_minor fingerprint created_at updated_at stuck_gate stuck_since delivered_at \
            run_at attempts lease_token lease_until payment_status fulfillment_status next_step",
            "orders WHERE number = 1",
            "id"
        )
        .await,
        [format!(
            "1 1 12 FULFILLING PHONE PO-1 ann ann@example.com 60312345678 MALAYSIA EUR 6270 6270 100 print-1 {at_0} {} PICKING {} {} - 0 0 - PAID PARTIALLY_SHIPPED VERIFY_CUSTOMER",
            at(13),
            at(11),
            at(14)
        )]
    );
    assert_eq!(
        of_order(
            "number sku description quantity unit_price_minor tax_minor total_minor",
            "order_lines",
            "number"
        )
        .await,
        ["1 A-1 A-1 'quoted' 日本 3 1000 260 2860", "2 B-2 B-2 'quoted' 日本 3 1000 260 2860"]
    );
    assert_eq!(
        of_order("field term", "order_terms", "field, term").await,
        [
            "customer cus_00000000000000000000000007",
            "feedback_courier PIGEON",
            "hold_reason OTHER",
            "label color=red",
            "label_key color",
            "sku A-1",
            "sku B-2"
        ]
    );
    assert_eq!(
        table(&db, "sku region quantity number", "order_waits", "sku").await,
        ["A-1 MALAYSIA 6 2", "B-2 MALAYSIA 1 2"],
        "only of the order that waits"
    );
    assert_eq!(
        of_order("reason state placed_at released_at", "holds", "state").await,
        [format!("OTHER ACTIVE {at_0} -"), format!("INCORRECT_ADDRESS RELEASED {at_0} {}", at(4))]
    );
    assert_eq!(
        of_order(
            "gate state amount_minor currency requested_by requested_at expires_at decided_by decided_at",
            "approvals",
            "state"
        )
        .await,
        [
            format!("RESERVATION APPROVED 6270 EUR consign {at_0} {} ann@example.com {}", at(6), at(5)),
            format!("PAYMENT PENDING 6270 EUR ann@example.com {at_0} - - -"),
        ]
    );
    let shipment = order.shipments[0].id;
    assert_eq!(
        of_order("kind state dedupe_key created_at sent_at", "messages", "state").await,
        [
            format!("ORDER_RECEIVED QUEUED ORDER_RECEIVED {at_0} -"),
            format!("SHIPPED SENT SHIPPED/{shipment} {at_0} {}", at(11)),
        ]
    );
    assert_eq!(
        table(&db, "number", "messages JOIN shipments ON shipments.id = messages.shipment_id", "number")
            .await,
        ["1"]
    );
    assert_eq!(
        of_order(
            "state delivery_rating product_rating comment requested_at submitted_at",
            "feedback",
            "state"
        )
        .await,
        [format!("SUBMITTED 4 5 good {at_0} {}", at(12))]
    );
    assert_eq!(table(&db, "series number", "invoice_numbers", "number").await, ["INV 1", "INV 2"]);
    assert_eq!(
        of_order(
            "series number state currency subtotal_minor discount_minor shipping_minor tax_minor total_minor issued_at",
            "invoices",
            "number"
        )
        .await,
        ["1 VOID", "2 OPEN"].map(|it| format!("INV {it} EUR 6000 800 500 570 6270 {at_0}"))
    );
    assert_eq!(
        of_order(
            "series number currency subtotal_minor discount_minor tax_minor total_minor issued_at",
            "credit_notes",
            "number"
        )
        .await,
        [format!("CRN 1 EUR 1000 133 87 954 {}", at(8))]
    );
    assert_eq!(
        of_order(
            "method state request amount_minor currency captured_minor provider provider_reference reference \
            created_at updated_at",
            "payments",
            "method"
        )
        .await,
        [
            format!("BANK_TRANSFER CAPTURED - 270 EUR 270   STATEMENT-1 {at_0} {}", at(8)),
            format!("CARD PENDING CHARGE 6000 EUR 6000 simulator ch_1  {at_0} {}", at(9)),
        ]
    );
    assert_eq!(
        table(&db, "invoices.number", "payments JOIN invoices ON invoices.id = payments.invoice_id", "1")
            .await,
        ["2", "2"]
    );
    assert_eq!(
        of_order(
            "state amount_minor currency method reference provider_reference created_at updated_at",
            "refunds",
            "id"
        )
        .await,
        [format!("PENDING 100 EUR CASH receipt 7 re_1 {0} {0}", at(10))]
    );
    assert_eq!(
        table(&db, "method reference", "payment_references", "1").await,
        [format!("BANK_TRANSFER {}", bank_reference_key("Statement-1"))]
    );
    assert_eq!(
        of_order(
            "number state units received missing inspected resolved created_at updated_at",
            "returns",
            "number"
        )
        .await,
        [format!("1 RECEIVED 1 1 0 0 0 {} {}", at(9), at(13))]
    );
    assert_eq!(
        of_order(
            "number location state units tracking_number courier handed_over_at received_at estimated_at \
            created_at updated_at",
            "shipments",
            "number"
        )
        .await,
        [
            format!(
                "1 KUL-1 IN_TRANSIT 6 CSG000000001 PIGEON {} {} {} {at_0} {}",
                at(3),
                at(5),
                at(7),
                at(8)
            ),
            format!("2 KUL-1 PLANNED 1 - - - - - {at_0} {at_0}"),
        ]
    );
    assert_eq!(
        of_order("version reference state expires_at created_at run_at document", "reservations", "state")
            .await,
        [
            format!("1  EXPIRED {} {at_0} - -", at(5)),
            format!("1  PARTIALLY_CONSUMED - {at_0} - -"),
            format!("1  RELEASED - {at_0} - -"),
        ]
    );
    let items =
        table(&db, "number line sku location quantity consumed released", "reservation_items", "number")
            .await;
    assert_eq!(items, [["1 1 A-1 KUL-1 3 1 1"; 3], ["2 2 B-2 KUL-1 3 1 1"; 3]].concat());
}

/// What takes a place that is taken until it is given up in the same group.
async fn what_changes_together_is_written_in_an_order_that_the_schema_lets_pass(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = full(1);
    save(&db, &nothing(), &orders([&order])).await.expect("a new order");

    let mut ids = Ids::seeded(later(1), 1);
    let next = then(&order, |it| {
        // The open one closes, and another one opens.
        it.reservations[2].state = ReservationState::Released;
        it.reservations.insert(
            0,
            Reservation {
                id: ids.fresh(),
                state: ReservationState::Held,
                expires_at: Some(later(99)),
                ..it.reservations[2].clone()
            },
        );
        it.approvals[1].state = ApprovalState::Withdrawn;
        it.approvals.insert(0, Approval { id: ids.fresh(), ..order.approvals[1].clone() });
        it.invoices[1].state = InvoiceState::Void;
        it.invoices.insert(0, Invoice { id: ids.fresh(), number: 3, ..order.invoices[1].clone() });
        it.payments[1].request = None;
        it.payments[0].request =
            Some(OpenRequest { kind: ProviderRequest::Void, requested_at: later(21), opened_at: later(21) });
        it.payments[1].refunds.push(Refund { id: ids.fresh(), ..order.payments[1].refunds[0].clone() });
        it.messages.push(Message {
            id: ids.fresh(),
            key: "CANCELLED".to_owned(),
            ..order.messages[1].clone()
        });
        it.lines.remove(0);
    });
    save(&db, &orders([&order]), &orders([&next])).await.expect("a changed order");
    assert_eq!(only_order(&db, order.id).await, next);
    assert_eq!(disagreements(scene).await, Vec::<String>::new());
    assert_eq!(rows_of(&db, "invoice_numbers").await, 3);
    assert_eq!(rows_of(&db, "order_lines").await, 1);

    // One that waited waits for less, then no more.
    let waits = waiting_for(2, &[("A-1", 4), ("B-2", 1)]);
    save(&db, &nothing(), &orders([&waits])).await.expect("a waiting order");
    let fewer = then(&waits, |it| it.lines.truncate(1));
    save(&db, &orders([&waits]), &orders([&fewer])).await.expect("fewer");
    assert_eq!(table(&db, "sku quantity", "order_waits", "sku").await, ["A-1 4"]);
    let served = then(&fewer, |it| it.state = bare(2).state);
    save(&db, &orders([&fewer]), &orders([&served])).await.expect("served");
    assert_eq!(rows_of(&db, "order_waits").await, 0);
    assert_eq!(disagreements(scene).await, Vec::<String>::new());
}

async fn what_is_there_may_point_to_what_is_new(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = full(1);
    save(&db, &nothing(), &orders([&order])).await.expect("a new order");

    let dove = Courier { code: code("DOVE"), ..courier() };
    let next = then(&order, |it| {
        it.shipments[0].assignment.as_mut().expect("a courier").courier = dove.code.clone();
    });
    let mut both = orders([&next]);
    both.couriers.insert(dove.code.clone(), dove.into());
    save(&db, &orders([&order]), &both).await.expect("a courier, and a shipment that it carries");
    assert_eq!(only_order(&db, order.id).await, next);
}

async fn a_projection_is_made_anew_from_the_documents(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let both = [full(1), waiting_for(2, &[("A-1", 4)])];
    save(&db, &nothing(), &orders(&both)).await.expect("orders");
    // An older release knew no tax, and lost a row; what is nobody's was left behind.
    scene.sql("UPDATE order_lines SET tax_minor = 0; DELETE FROM feedback; DELETE FROM order_waits").await;
    scene
        .sql("INSERT INTO order_waits SELECT id, 'B-2', 'EUROPE', 7, 1, 'ann' FROM orders WHERE number = 1")
        .await;
    assert_eq!(disagreements(scene).await.len(), 2);

    assert_eq!(scene.store.rebuild(|_| ()).await.expect("made anew"), 2);
    assert_eq!(disagreements(scene).await, Vec::<String>::new());
    assert_eq!(rows_of(&db, "invoice_numbers").await, 2);
    assert_eq!(rows_of(&db, "feedback").await, 1);
}
