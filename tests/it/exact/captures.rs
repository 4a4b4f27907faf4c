//! Money moves once, whatever the provider does, however often it is captured, and whichever server is killed meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use consign::pb;
use tonic::{Code, Status};

use super::stage::{Stage, crowd, everywhere};
use crate::child::scale;
use crate::server::Clients;
use crate::shop::{by, create_order, draft, eur, order, pay_by_card, reason, stocked};
use crate::warehouse::Warehouse;

const CALLERS: usize = 8;
/// Callers of eight orders are under way together.
const AT_ONCE: usize = 8 * CALLERS;
/// How long it may take until the outcome of every payment is known.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// The jobs of a killed server rest as long as their lease runs.
const SETTINGS: &[(&str, &str)] = &[("CONSIGN_LIMITS__LEASE_SECONDS", "6")];

everywhere!(eight_captures_of_one_order_charge_it_once_while_servers_are_killed, SETTINGS, captures);

async fn captures(stage: Arc<Stage>) {
    let (orders, kills) = (scale(20, 200), scale(2, 10));
    stocked(&stage.door(0), "PAID", i64::try_from(orders).expect("a few")).await;
    let mut ids = Vec::new();
    for number in 0..orders {
        ids.push(
            create_order(&stage.door(number), draft(&format!("payer{number}"), "PAID", 1))
                .await
                .expect("placed")
                .id,
        );
    }

    let ids = Arc::new(ids);
    let answered = Arc::new(AtomicUsize::default());
    let asking = crowd(AT_ONCE, orders * CALLERS, |number| {
        let (stage, ids, answered) = (Arc::clone(&stage), Arc::clone(&ids), Arc::clone(&answered));
        async move {
            let place = number / CALLERS;
            let asked = stage.insist(number, |clients| capture(clients, &ids[place], number)).await;
            answered.fetch_add(1, Ordering::Relaxed);
            (place, asked)
        }
    });
    let killing = async {
        for kill in 0..kills {
            // Spread over the whole of it, and always with callers under way.
            let at = (2 * kill + 1) * orders * CALLERS / (2 * kills) - AT_ONCE / 2;
            while answered.load(Ordering::Relaxed) < at {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stage.kill(kill).await;
        }
    };
    let (asked, ()) = tokio::join!(asking, killing);
    let began = Instant::now();

    let mut begun = vec![0; orders];
    for (place, outcome) in asked {
        match outcome {
            Ok(_) => begun[place] += 1,
            Err(status) => {
                let known = ["PAYMENT_PENDING", "ILLEGAL_TRANSITION"].contains(&reason(&status).as_str());
                assert!(status.code() == Code::FailedPrecondition && known, "{status:?}");
            }
        }
    }
    assert!(begun.iter().all(|it| *it == 1), "one caller of each order is accepted: {begun:?}");

    let mut totals = BTreeMap::new();
    for id in ids.iter() {
        let (payment, total) = settled(&stage, id, began).await;
        assert!(totals.insert(payment, total).is_none());
    }
    let settled = began.elapsed();
    let charges = stage.charges();
    for charge in &charges {
        let total = totals.get(&charge.payment.to_string()).expect("a payment that we know of");
        assert_eq!((charge.effects, charge.amount.minor), (1, *total), "{charge:?}");
    }
    assert_eq!(charges.len(), orders, "one charge for each order");
    let (calls, cut) = (charges.iter().map(|it| it.calls).sum::<u32>(), stage.cut());
    assert!(cut > 0, "no kill hit a call under way");
    println!(
        "{stage}: {orders} orders, {} captures asked for, {kills} kills cut {cut} calls off, the provider got {calls} \
         calls and charged {} times, all settled {settled:.1?} later",
        orders * CALLERS,
        charges.len()
    );
}

/// Each caller asks under an id of its own, with a token as hostile as the order's number says.
async fn capture(clients: Clients, order: &str, number: usize) -> Result<pb::Payment, Status> {
    let token = match number / CALLERS % 10 {
        0 | 5 => "tok_timeout",
        1 => "tok_error",
        2 => "tok_duplicate",
        _ => "tok_success",
    };
    let request = pb::CapturePaymentRequest {
        order_id: order.to_owned(),
        method: pb::PaymentMethod::Card as i32,
        token: token.to_owned(),
        request_id: format!("capture {number:05}"),
        ..Default::default()
    };
    let answer = clients.billing.clone().capture_payment(by("storefront", request)).await?;
    Ok(answer.into_inner().payment.expect("a payment"))
}

/// Waits until the order is paid; returns its one payment and what it was invoiced.
async fn settled(stage: &Stage, id: &str, began: Instant) -> (String, i64) {
    let clients = stage.door(0);
    let order = loop {
        let found = order(&clients, id).await;
        if found.payment_status() == pb::PaymentStatus::Paid {
            break found;
        }
        assert!(began.elapsed() < SETTLED_WITHIN, "not settled: {found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let request = pb::GetInvoiceRequest {
        key: Some(pb::get_invoice_request::Key::InvoiceId(order.invoice_id.clone())),
    };
    let invoice = clients.billing.clone().get_invoice(request).await.expect("an invoice").into_inner();
    let invoice = invoice.invoice.expect("an invoice");
    assert_eq!((&invoice.captured, &invoice.refunded), (&invoice.total, &Some(eur(0))), "{invoice:?}");
    let [payment] = order.payment_ids.as_slice() else { panic!("not one payment: {order:?}") };
    (payment.clone(), minor(&invoice.total.expect("a total")))
}

fn minor(money: &pb::Money) -> i64 {
    money.units * 100 + i64::from(money.nanos) / 10_000_000
}

everywhere!(ten_refunds_of_sixty_on_a_payment_of_a_hundred_pay_back_sixty, refunds);

async fn refunds(stage: Arc<Stage>) {
    const REFUNDS: usize = 10;
    let rounds = scale(4, 20);
    stocked(&stage.door(0), "HUNDRED", i64::try_from(rounds).expect("a few")).await;

    for round in 0..rounds {
        let mut draft = draft(&format!("payer{round}"), "HUNDRED", 1);
        draft.prices_include_tax = true;
        draft.lines[0].unit_price = Some(eur(10_000));
        let id = create_order(&stage.door(round), draft).await.expect("placed").id;
        let token = if round.is_multiple_of(2) { "tok_success" } else { "tok_refund_timeout" };
        let payment = pay_by_card(&stage.door(round), &id, token).await.expect("paid");
        assert_eq!(payment.captured, Some(eur(10_000)));

        let asked = crowd(REFUNDS, REFUNDS, |number| {
            let (clients, payment_id) = (stage.door(number), payment.id.clone());
            let request = pb::RefundPaymentRequest {
                payment_id,
                amount: Some(eur(6_000)),
                reason: "a scratch".to_owned(),
                request_id: format!("refund {round:03} {number:03}"),
                ..Default::default()
            };
            async move { clients.billing.clone().refund_payment(by("clerk", request)).await }
        })
        .await;
        let refused: Vec<_> = asked.iter().filter_map(|it| it.as_ref().err()).map(reason).collect();
        assert_eq!(refused, ["REFUND_EXCEEDS_CAPTURE"; REFUNDS - 1], "on {stage}");

        let clients = stage.door(round);
        let warehouse = Warehouse { server: &clients };
        warehouse.until(&id, |it| it.totals.as_ref().is_some_and(|it| it.refunded == Some(eur(6_000)))).await;
        warehouse.until_quiet(&id).await;
    }

    let charges = stage.charges();
    let mut back: BTreeMap<String, i64> = BTreeMap::new();
    for charge in charges.iter().filter(|it| it.key.starts_with("REFUND/")) {
        assert_eq!(charge.effects, 1, "{charge:?}");
        *back.entry(charge.payment.to_string()).or_default() += charge.amount.minor;
    }
    assert_eq!(back.len(), rounds);
    assert!(back.values().all(|it| *it == 6_000), "{back:?}");
    println!(
        "{stage}: {rounds} payments of 100, {} refunds of 60 asked for, {} paid back",
        rounds * REFUNDS,
        back.len()
    );
}
