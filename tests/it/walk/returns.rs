//! Each call about a return in each state that a return may be in.

use consign::pb;
use tonic::Code;
use tonic_types::StatusExt;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    by, create_courier, create_order, draft, every_law_holds, order, pay_by_card, reason, stocked,
};
use crate::walk::calls::{OF_RETURNS, Target, nobody};
use crate::walk::reads::{ABOUT_RETURNS, names, read};
use crate::walk::{current_etag, legal};
use crate::warehouse::Warehouse;

/// Each state, the calls that lead to it from a return that was just asked for, and the calls whose turn it is then. An
/// order has as many returns as there are states.
const PLACES: &[(&str, &[&str], &[&str])] = &[
    ("REQUESTED", &[], &["AuthorizeReturn", "DeclineReturn", "CancelReturn"]),
    ("AUTHORIZED", &["AuthorizeReturn"], &["CancelReturn", "RecordReturnTransit", "ReceiveReturn"]),
    (
        "IN_TRANSIT",
        &["AuthorizeReturn", "RecordReturnTransit"],
        &["RecordReturnTransit", "ReceiveReturn", "InspectReturn"],
    ),
    ("PARTIALLY_RECEIVED", &["AuthorizeReturn", "ReceiveReturn"], &["ReceiveReturn", "InspectReturn"]),
    ("RECEIVED", &["AuthorizeReturn", "ReceiveReturn", "ReceiveReturn"], &["InspectReturn"]),
    (
        "INSPECTED",
        &["AuthorizeReturn", "ReceiveReturn", "ReceiveReturn", "InspectReturn", "InspectReturn"],
        &["ResolveReturn"],
    ),
    (
        "RESOLVED",
        &[
            "AuthorizeReturn",
            "ReceiveReturn",
            "ReceiveReturn",
            "InspectReturn",
            "InspectReturn",
            "ResolveReturn",
            "ResolveReturn",
        ],
        &["CloseReturn"],
    ),
    (
        "CLOSED",
        &[
            "AuthorizeReturn",
            "ReceiveReturn",
            "ReceiveReturn",
            "InspectReturn",
            "InspectReturn",
            "ResolveReturn",
            "ResolveReturn",
            "CloseReturn",
        ],
        &[],
    ),
    ("DECLINED", &["DeclineReturn"], &[]),
    ("CANCELLED", &["AuthorizeReturn", "CancelReturn"], &[]),
];

on_both_engines!(each_call_about_a_return_is_refused_in_every_state_where_it_is_not_its_turn, walk);

async fn walk(server: TestServer) {
    stocked(&server, "BACK", 100).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    let placed = create_order(&server, draft("walker", "BACK", 20)).await.expect("there is stock");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("paid");
    warehouse.deliver_all(&placed.id).await;

    for (state, way, in_turn) in PLACES {
        let target = Target { goods_return: asked_for(&server, &placed.id).await, ..nobody() };
        for step in *way {
            let call = OF_RETURNS.iter().find(|it| it.0 == *step).expect("a call of this name").1;
            call(server.clone(), target.clone()).await.expect(step);
        }
        // A letter that is sent, or a refund that is settled, makes a later version of the order.
        warehouse.until_quiet(&placed.id).await;
        refuses_what_is_not_in_turn(&server, &target, state, in_turn).await;
    }
    every_law_holds(&server).await;
    server.stop().await;
}

/// Tries every call about the return: in turn with a stale etag, and else as it is; and each with `validate_only`.
async fn refuses_what_is_not_in_turn(server: &TestServer, target: &Target, state: &str, in_turn: &[&str]) {
    let before = goods_return(server, &target.goods_return).await;
    assert_eq!(before.state().as_str_name(), format!("RETURN_STATE_{state}"));
    assert_eq!(before.available_actions, in_turn, "{state}");
    let greyed: Vec<&str> = before.unavailable_actions.iter().map(|it| it.action.as_str()).collect();
    let others: Vec<&str> = OF_RETURNS.iter().map(|it| it.0).filter(|it| !in_turn.contains(it)).collect();
    assert_eq!(greyed, others, "{state}");
    assert!(before.unavailable_actions.iter().all(|it| !it.reason.is_empty()), "{before:?}");
    is_read(server, target, state).await;

    // Of a return that is over the order's own calls are named.
    let instead: Vec<String> = match in_turn.is_empty() {
        true => order(server, &before.order_id).await.available_actions,
        false => in_turn.iter().map(|it| (*it).to_owned()).collect(),
    };
    for (name, call) in OF_RETURNS {
        let only_asked = call(server.clone(), Target { validate_only: true, ..target.clone() }).await;
        if in_turn.contains(name) {
            let stale = Target { etag: "v0".to_owned(), ..target.clone() };
            let status = call(server.clone(), stale).await.expect_err(name);
            let told = (status.code(), reason(&status));
            assert_eq!(told, (Code::Aborted, "ETAG_MISMATCH".to_owned()), "{name} in {state}: {status:?}");
            assert_eq!(current_etag(&status), before.etag, "{name} in {state}");
            // Nothing has arrived yet that could be put on the shelf; what is missing could be said.
            let is_too_early = (state, *name) == ("IN_TRANSIT", "InspectReturn");
            let code = only_asked.err().map(|it| it.code());
            assert_eq!(code, is_too_early.then_some(Code::InvalidArgument), "{name} only asked in {state}");
            continue;
        }
        let status = call(server.clone(), target.clone()).await.expect_err(name);
        let told = (status.code(), reason(&status));
        let expected = (Code::FailedPrecondition, "ILLEGAL_TRANSITION".to_owned());
        assert_eq!(told, expected, "{name} in {state}: {status:?}");
        assert_eq!(legal(&status), instead, "{name} in {state}");
        let info = status.get_details_error_info().expect("an ErrorInfo");
        assert_eq!(info.metadata.get("state").map(String::as_str), Some(state), "{name} in {state}");
        let told = only_asked.expect_err("a refusal of what is only asked");
        assert_eq!((told.code(), told.message()), (status.code(), status.message()), "{name} only asked");
    }
    let after = goods_return(server, &target.goods_return).await;
    assert_eq!(after, before, "something refused, or only asked, has changed a return that is {state}");
}

/// A return can be looked at in every state; it has papers while there is something to be sent.
async fn is_read(server: &TestServer, target: &Target, state: &str) {
    let mut expected = names(ABOUT_RETURNS);
    if !["AUTHORIZED", "IN_TRANSIT", "PARTIALLY_RECEIVED"].contains(&state) {
        expected.remove("GetReturnDocument");
    }
    assert_eq!(read(server, ABOUT_RETURNS, target, state).await, expected, "{state}");
}

/// A return of two units that came damaged.
async fn asked_for(server: &TestServer, order: &str) -> String {
    let request = pb::CreateReturnRequest {
        order_id: order.to_owned(),
        lines: vec![pb::ReturnLineRequest {
            line_number: 1,
            quantity: 2,
            reason: pb::ReturnReason::Damaged as i32,
            ..Default::default()
        }],
        ..Default::default()
    };
    let answer = server.returns.clone().create_return(by("walker", request)).await.expect("they arrived");
    answer.into_inner().goods_return.expect("a return").id
}

async fn goods_return(server: &TestServer, id: &str) -> pb::Return {
    let request = pb::GetReturnRequest { return_id: id.to_owned() };
    let answer = server.returns.clone().get_return(request).await.expect("it is there");
    answer.into_inner().goods_return.expect("a return")
}
