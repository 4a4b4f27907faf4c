//! Calls that are repeated under their request id have one effect and one answer for every caller.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use consign::pb;
use prost::Message;
use tonic::{Code, Status};

use super::stage::{Stage, crowd, everywhere};
use crate::child::scale;
use crate::server::Clients;
use crate::shop::{by, create_order, draft, level, reason, stocked};

const CALLERS: usize = 16;
/// Callers of eight ids are under way together.
const AT_ONCE: usize = 8 * CALLERS;

/// What each id was answered, encoded.
type Answers = BTreeMap<usize, Vec<u8>>;

everywhere!(a_request_id_makes_one_order_for_all_its_callers, orders);

async fn orders(stage: Arc<Stage>) {
    let ids = scale(20, 100);
    stocked(&stage.door(0), "TWICE", i64::try_from(4 * ids).expect("a few")).await;
    let order = |id: usize, quantity: i64| {
        move |clients: Clients| async move { create(clients, &format!("order {id:05}"), id, quantity).await }
    };

    let answers = ask(&stage, 0..ids, |id| order(id, 1)).await;
    let made: BTreeSet<_> = answers.values().map(|it| created(it).id).collect();
    assert_eq!((made.len(), orders_in_all(&stage).await), (ids, ids));
    refuse_other_content(&stage, ids, |id| order(id, 2)).await;

    for number in 0..stage.processes() {
        stage.kill(number).await;
    }
    assert_eq!(ask(&stage, 0..ids, |id| order(id, 1)).await, answers, "after a kill on {stage}");
    refuse_other_content(&stage, ids, |id| order(id, 2)).await;

    // And when the kill comes while they ask.
    let (asking, ()) = tokio::join!(ask(&stage, ids..2 * ids, |id| order(id, 1)), stage.kill(0));
    let made: BTreeSet<_> = asking.values().chain(answers.values()).map(|it| created(it).id).collect();
    assert_eq!((made.len(), orders_in_all(&stage).await), (2 * ids, 2 * ids));

    let reserved = level(&stage.door(0), "TWICE").await.reserved;
    assert_eq!(reserved, i64::try_from(2 * ids).expect("a few"));
    let (replays, cut) = ((3 * CALLERS - 2) * ids, stage.cut());
    println!(
        "{stage}: {} ids made {reserved} orders; {replays} replays byte-equal, {cut} calls cut off",
        2 * ids
    );
}

everywhere!(a_request_id_makes_one_charge_for_all_its_callers, charges);

async fn charges(stage: Arc<Stage>) {
    let ids = scale(20, 100);
    stocked(&stage.door(0), "TWICE", i64::try_from(ids).expect("a few")).await;
    let mut orders = Vec::new();
    for id in 0..ids {
        orders.push(
            create_order(&stage.door(id), draft(&format!("payer{id}"), "TWICE", 1)).await.expect("placed").id,
        );
    }
    let orders = Arc::new(orders);
    let capture = |id: usize, token: &'static str| {
        let order = orders[id].clone();
        move |clients: Clients| {
            let request = pb::CapturePaymentRequest {
                order_id: order.clone(),
                method: pb::PaymentMethod::Card as i32,
                token: token.to_owned(),
                request_id: format!("capture {id:05}"),
                ..Default::default()
            };
            async move {
                let answer = clients.billing.clone().capture_payment(by("storefront", request)).await?;
                Ok(answer.into_inner().encode_to_vec())
            }
        }
    };

    let answers = ask(&stage, 0..ids, |id| capture(id, "tok_success")).await;
    refuse_other_content(&stage, ids, |id| capture(id, "tok_other")).await;
    for number in 0..stage.processes() {
        stage.kill(number).await;
    }
    assert_eq!(
        ask(&stage, 0..ids, |id| capture(id, "tok_success")).await,
        answers,
        "after a kill on {stage}"
    );
    refuse_other_content(&stage, ids, |id| capture(id, "tok_other")).await;

    let paid: BTreeSet<_> = answers
        .values()
        .map(|it| {
            let answer = pb::CapturePaymentResponse::decode(it.as_slice()).expect("an answer");
            let payment = answer.payment.expect("a payment");
            assert_eq!(payment.state(), pb::PaymentState::Captured);
            payment.id
        })
        .collect();
    let charges = stage.charges();
    let charged: BTreeSet<_> = charges.iter().map(|it| it.payment.to_string()).collect();
    assert_eq!(charged, paid);
    assert!(charges.iter().all(|it| it.effects == 1), "{charges:#?}");
    let replays = (2 * CALLERS - 1) * ids;
    println!("{stage}: {ids} ids made {} charges; {replays} replays byte-equal", charges.len());
}

/// Sixteen callers for each id, spread over all servers; each id has one answer, however its callers came by it.
async fn ask<F, C>(stage: &Arc<Stage>, ids: std::ops::Range<usize>, call: impl Fn(usize) -> C) -> Answers
where
    F: Future<Output = Result<Vec<u8>, Status>> + Send,
    C: Fn(Clients) -> F + Send + Sync + 'static,
{
    let first = ids.start;
    let asked = crowd(AT_ONCE, ids.len() * CALLERS, |number| {
        let (id, call, stage) = (first + number / CALLERS, call(first + number / CALLERS), Arc::clone(stage));
        async move { (id, stage.insist(number, call).await) }
    })
    .await;

    let mut answers = Answers::new();
    for (id, answer) in asked {
        let answer = answer.unwrap_or_else(|it| panic!("id {id} on {stage}: {it:?}"));
        let first = answers.entry(id).or_insert_with(|| answer.clone());
        assert_eq!(*first, answer, "id {id} has two answers on {stage}");
    }
    answers
}

async fn refuse_other_content<F, C>(stage: &Arc<Stage>, ids: usize, call: impl Fn(usize) -> C)
where
    F: Future<Output = Result<Vec<u8>, Status>> + Send + 'static,
    C: Fn(Clients) -> F,
{
    for outcome in crowd(AT_ONCE, ids, |id| call(id)(stage.door(id + 1))).await {
        let status = outcome.expect_err("an id stands for one request");
        assert_eq!((status.code(), reason(&status)), (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned()));
    }
}

async fn create(clients: Clients, request_id: &str, buyer: usize, quantity: i64) -> Result<Vec<u8>, Status> {
    let draft = draft(&format!("buyer{buyer}"), "TWICE", quantity);
    let request = pb::CreateOrderRequest {
        reservation_id: String::new(),
        order: Some(draft),
        request_id: request_id.to_owned(),
        validate_only: false,
    };
    let answer = clients.orders.clone().create_order(by("storefront", request)).await?;
    Ok(answer.into_inner().encode_to_vec())
}

fn created(answer: &[u8]) -> pb::Order {
    pb::CreateOrderResponse::decode(answer).expect("an answer").order.expect("an order")
}

async fn orders_in_all(stage: &Stage) -> usize {
    let mut found = 0;
    let mut page_token = String::new();
    loop {
        let request = pb::ListOrdersRequest { page_size: 200, page_token, ..Default::default() };
        let page = stage.door(0).orders.clone().list_orders(request).await.expect("a page").into_inner();
        found += page.orders.len();
        if page.next_page_token.is_empty() {
            return found;
        }
        page_token = page.next_page_token;
    }
}
