//! What the buttons do: one call of the API each, with the etag of what was shown and an id that makes it safe to repeat.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::console::api::Api;
use crate::console::desk::{Desk, said, to};
use crate::console::visitors::{Notice, Visitor};
use crate::pb;

/// A form.
#[derive(Deserialize)]
pub(super) struct Act {
    token: String,
    /// The RPC.
    action: String,
    /// The id of what it is about.
    id: String,
    #[serde(default)]
    etag: String,
    request_id: String,
    /// Page to go on with.
    #[serde(default)]
    back: String,
    /// Reason, comment or note.
    #[serde(default)]
    text: String,
    /// A part of what it is about: a hold, a change. Or the reason as a word.
    #[serde(default)]
    part: String,
}

/// What was done, in a sentence; None: no button does that.
type Done = Option<Result<&'static str, Status>>;

pub(super) async fn act(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    act: Result<Form<Act>, FormRejection>,
) -> Response {
    let act = match act {
        Ok(Form(act)) if act.token == visitor.token => act,
        Ok(_) => return strange(&desk, &visitor),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return desk.trouble(
                Some(&visitor),
                rejection.status(),
                "The form is too large. Nothing was done.",
            );
        }
        Err(_) => return strange(&desk, &visitor),
    };
    let api = match desk.api(&visitor) {
        Ok(api) => api,
        Err(status) => return desk.refused(&visitor, &status),
    };
    let back = if act.back.starts_with("/console") { act.back.clone() } else { "/console".to_owned() };
    let notice = match done(&api, act).await {
        None => {
            return desk.trouble(Some(&visitor), StatusCode::NOT_FOUND, "The console has no such button.");
        }
        Some(Ok(sentence)) => Notice::Done(sentence.to_owned()),
        Some(Err(status)) if status.code() == Code::Unauthenticated => {
            return desk.refused(&visitor, &status);
        }
        Some(Err(status)) => Notice::Refused(refusal(&status)),
    };
    desk.visitors.tell(&visitor.session, notice);
    to(&back)
}

fn strange(desk: &Desk, visitor: &Visitor) -> Response {
    let sentence = "This form is not of your visit. Open the page again. Nothing was done.";
    desk.trouble(Some(visitor), StatusCode::FORBIDDEN, sentence)
}

fn refusal(status: &Status) -> String {
    let reason = status.get_details_error_info().map(|it| it.reason).unwrap_or_default();
    match reason.as_str() {
        "ETAG_MISMATCH" => {
            "It has changed since you looked at it; this is how it is now. Nothing was done.".to_owned()
        }
        _ if matches!(
            status.code(),
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Internal | Code::Unknown
        ) =>
        {
            format!("It is not known whether this was done: look before you repeat it. {}", said(status))
        }
        _ => format!("Nothing was done. {}", said(status)),
    }
}

async fn done(api: &Api, act: Act) -> Done {
    let kind = act.action.clone();
    match kind.as_str() {
        "CancelOrder" | "CloseOrder" | "ArchiveOrder" | "RestoreOrder" | "VerifyOrder" | "AddOrderNote" => {
            about_order(api, act).await
        }
        "PlaceHold" | "ReleaseHold" | "ResendMessage" | "ResendFailedMessages" | "CheckIntegrity" => {
            about_holds_and_letters(api, act).await
        }
        "ApproveRequest" | "RejectRequest" | "ApproveReplenishment" | "RejectReplenishment" => {
            decision(api, act).await
        }
        "StartPicking" | "CreateShippingLabel" | "VoidShippingLabel" => about_shipment(api, act).await,
        "AuthorizeReturn" | "DeclineReturn" | "CancelReturn" | "CloseReturn" => about_return(api, act).await,
        "ConfirmOrderChange" | "DeclineOrderChange" => about_change(api, act).await,
        _ => None,
    }
}

async fn about_order(api: &Api, act: Act) -> Done {
    let Act { id: order_id, etag, request_id, text, .. } = act;
    let mut orders = api.orders();
    let (view, validate_only) = (pb::OrderView::Basic.into(), false);
    let done = match act.action.as_str() {
        "CancelOrder" => {
            let reason = text;
            let it = pb::CancelOrderRequest { order_id, reason, etag, request_id, view, validate_only };
            orders.cancel_order(it).await.map(|_| "The order is cancelled.")
        }
        "CloseOrder" => {
            let it = pb::CloseOrderRequest { order_id, etag, request_id, view, validate_only };
            orders.close_order(it).await.map(|_| "The order is closed.")
        }
        "ArchiveOrder" => {
            let it = pb::ArchiveOrderRequest { order_id, etag, request_id, view, validate_only };
            orders.archive_order(it).await.map(|_| "The order is archived.")
        }
        "RestoreOrder" => {
            let reason = text;
            let it = pb::RestoreOrderRequest { order_id, reason, etag, request_id, view, validate_only };
            orders.restore_order(it).await.map(|_| "The order is back from the archive.")
        }
        "VerifyOrder" => {
            let it = pb::VerifyOrderRequest { order_id, etag, request_id, view, ..Default::default() };
            orders.verify_order(it).await.map(|_| "The order was verified again.")
        }
        "AddOrderNote" => {
            let it = pb::AddOrderNoteRequest { order_id, text, etag, request_id, view, validate_only };
            orders.add_order_note(it).await.map(|_| "The note is kept.")
        }
        _ => return None,
    };
    Some(done)
}

async fn about_holds_and_letters(api: &Api, act: Act) -> Done {
    let Act { id, etag, request_id, text: comment, part, .. } = act;
    let mut orders = api.orders();
    let (view, validate_only) = (pb::OrderView::Basic.into(), false);
    let done = match act.action.as_str() {
        "PlaceHold" => {
            let order_id = id;
            let reason = pb::HoldReason::from_str_name(&part).unwrap_or_default().into();
            let it =
                pb::PlaceHoldRequest { order_id, reason, comment, etag, request_id, view, validate_only };
            orders.place_hold(it).await.map(|_| "The order is on hold.")
        }
        "ReleaseHold" => {
            let (order_id, hold_id) = (id, part);
            let it =
                pb::ReleaseHoldRequest { order_id, hold_id, comment, etag, request_id, view, validate_only };
            orders.release_hold(it).await.map(|_| "The hold is released.")
        }
        "ResendMessage" => {
            let it = pb::ResendMessageRequest { message_id: id, request_id, validate_only };
            orders.resend_message(it).await.map(|_| "The letter is to be sent again.")
        }
        "ResendFailedMessages" => {
            // Whenever they failed.
            let always = Some(prost_types::Timestamp::default());
            let it = pb::ResendFailedMessagesRequest { failed_since_time: always, request_id, validate_only };
            let more = |it: tonic::Response<pb::ResendFailedMessagesResponse>| match it.get_ref().more {
                true => "Many letters are to be sent again; there are more.",
                false => "The letters that failed are to be sent again.",
            };
            orders.resend_failed_messages(it).await.map(more)
        }
        "CheckIntegrity" => {
            let holds = |it: tonic::Response<pb::CheckIntegrityResponse>| match it
                .get_ref()
                .report
                .as_ref()
                .is_some_and(|it| it.holds)
            {
                true => "All laws hold over the whole database.",
                false => "A law is broken: run `consign check` to see what and where.",
            };
            orders.check_integrity(pb::CheckIntegrityRequest {}).await.map(holds)
        }
        _ => return None,
    };
    Some(done)
}

async fn decision(api: &Api, act: Act) -> Done {
    let Act { id, etag, request_id, text: comment, .. } = act;
    let (mut approvals, mut inventory, validate_only) = (api.approvals(), api.inventory(), false);
    let done = match act.action.as_str() {
        "ApproveRequest" => {
            let it = pb::ApproveRequestRequest { approval_id: id, comment, etag, request_id, validate_only };
            approvals.approve_request(it).await.map(|_| "It is approved.")
        }
        "RejectRequest" => {
            let it = pb::RejectRequestRequest { approval_id: id, comment, etag, request_id, validate_only };
            approvals.reject_request(it).await.map(|_| "It is rejected.")
        }
        "ApproveReplenishment" => {
            let replenishment_id = id;
            let it =
                pb::ApproveReplenishmentRequest { replenishment_id, etag, request_id, ..Default::default() };
            inventory.approve_replenishment(it).await.map(|_| "The purchase is approved.")
        }
        "RejectReplenishment" => {
            let it = pb::RejectReplenishmentRequest { replenishment_id: id, etag, request_id, validate_only };
            inventory.reject_replenishment(it).await.map(|_| "The purchase is declined.")
        }
        _ => return None,
    };
    Some(done)
}

async fn about_shipment(api: &Api, act: Act) -> Done {
    let Act { id: shipment_id, etag, request_id, .. } = act;
    let (mut shipping, validate_only) = (api.shipping(), false);
    let done = match act.action.as_str() {
        "StartPicking" => {
            let it = pb::StartPickingRequest { shipment_id, etag, request_id, validate_only };
            shipping.start_picking(it).await.map(|_| "Picking has begun.")
        }
        "CreateShippingLabel" => {
            let it = pb::CreateShippingLabelRequest { shipment_id, etag, request_id, validate_only };
            shipping.create_shipping_label(it).await.map(|_| "The label is made.")
        }
        "VoidShippingLabel" => {
            let it = pb::VoidShippingLabelRequest { shipment_id, etag, request_id, validate_only };
            shipping.void_shipping_label(it).await.map(|_| "The label is void.")
        }
        _ => return None,
    };
    Some(done)
}

async fn about_return(api: &Api, act: Act) -> Done {
    let Act { id: return_id, etag, request_id, text: reason, .. } = act;
    let (mut returns, validate_only) = (api.returns(), false);
    let done = match act.action.as_str() {
        "AuthorizeReturn" => {
            let it = pb::AuthorizeReturnRequest { return_id, etag, request_id, validate_only };
            returns.authorize_return(it).await.map(|_| "The return is authorised.")
        }
        "DeclineReturn" => {
            let it = pb::DeclineReturnRequest { return_id, reason, etag, request_id, validate_only };
            returns.decline_return(it).await.map(|_| "The return is declined.")
        }
        "CancelReturn" => {
            let it = pb::CancelReturnRequest { return_id, reason, etag, request_id, validate_only };
            returns.cancel_return(it).await.map(|_| "The return is called off.")
        }
        "CloseReturn" => {
            let it = pb::CloseReturnRequest { return_id, etag, request_id, validate_only };
            returns.close_return(it).await.map(|_| "The return is closed.")
        }
        _ => return None,
    };
    Some(done)
}

async fn about_change(api: &Api, act: Act) -> Done {
    let Act { id: order_id, part: change_id, etag, request_id, text: reason, .. } = act;
    let (mut changes, validate_only) = (api.changes(), false);
    let done = match act.action.as_str() {
        "ConfirmOrderChange" => {
            let it = pb::ConfirmOrderChangeRequest { order_id, change_id, etag, request_id, validate_only };
            changes.confirm_order_change(it).await.map(|_| "The change is confirmed.")
        }
        "DeclineOrderChange" => {
            let it = pb::DeclineOrderChangeRequest {
                order_id,
                change_id,
                reason,
                etag,
                request_id,
                validate_only,
            };
            changes.decline_order_change(it).await.map(|_| "The change is declined.")
        }
        _ => return None,
    };
    Some(done)
}
