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

use crate::clock;
use crate::console::api::Api;
use crate::console::desk::{Desk, said, to};
use crate::console::templates::RESENT_DAYS;
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

/// The view of an order whose page is asked for anew.
const BRIEF: i32 = pb::OrderView::Basic as i32;

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

/// A request with these fields, or with none.
macro_rules! request {
    ($request:ident) => { pb::$request::default() };
    ($request:ident { $($field:ident: $value:expr),+ $(,)? }) => {
        pb::$request { $($field: $value,)+ ..Default::default() }
    };
}

/// Each button: the call that it makes of a form, and what is said when that went well.
macro_rules! acts {
    ($form:ident, $($action:literal: $service:ident.$call:ident($($request:tt)+) => $told:expr;)+) => {
        async fn done(api: &Api, $form: Act) -> Done {
            let done = match $form.action.as_str() {
                $($action => api.$service().$call(request!($($request)+)).await.map($told),)+
                _ => return None,
            };
            Some(done)
        }
    };
}

acts! { it,
    "CancelOrder": orders.cancel_order(CancelOrderRequest {
        order_id: it.id, reason: it.text, etag: it.etag, request_id: it.request_id, view: BRIEF,
    }) => |_| "The order is cancelled.";
    "CloseOrder": orders.close_order(CloseOrderRequest {
        order_id: it.id, etag: it.etag, request_id: it.request_id, view: BRIEF,
    }) => |_| "The order is closed.";
    "ArchiveOrder": orders.archive_order(ArchiveOrderRequest {
        order_id: it.id, etag: it.etag, request_id: it.request_id, view: BRIEF,
    }) => |_| "The order is archived.";
    "RestoreOrder": orders.restore_order(RestoreOrderRequest {
        order_id: it.id, reason: it.text, etag: it.etag, request_id: it.request_id, view: BRIEF,
    }) => |_| "The order is back from the archive.";
    "VerifyOrder": orders.verify_order(VerifyOrderRequest {
        order_id: it.id, etag: it.etag, request_id: it.request_id, view: BRIEF,
    }) => |_| "The order was verified again.";
    "AddOrderNote": orders.add_order_note(AddOrderNoteRequest {
        order_id: it.id, text: it.text, etag: it.etag, request_id: it.request_id, view: BRIEF,
    }) => |_| "The note is kept.";
    "PlaceHold": orders.place_hold(PlaceHoldRequest {
        order_id: it.id, reason: pb::HoldReason::from_str_name(&it.part).unwrap_or_default().into(), comment: it.text,
        etag: it.etag, request_id: it.request_id, view: BRIEF,
    }) => |_| "The order is on hold.";
    "ReleaseHold": orders.release_hold(ReleaseHoldRequest {
        order_id: it.id, hold_id: it.part, comment: it.text, etag: it.etag, request_id: it.request_id, view: BRIEF,
    }) => |_| "The hold is released.";
    "ResendMessage": orders.resend_message(ResendMessageRequest {
        message_id: it.id, request_id: it.request_id,
    }) => |_| "The letter is to be sent again.";
    "ResendFailedMessages": orders.resend_failed_messages(ResendFailedMessagesRequest {
        failed_since_time: Some(resent_since()), request_id: it.request_id,
    }) => resent;
    "ApproveRequest": approvals.approve_request(ApproveRequestRequest {
        approval_id: it.id, comment: it.text, etag: it.etag, request_id: it.request_id,
    }) => |_| "It is approved.";
    "RejectRequest": approvals.reject_request(RejectRequestRequest {
        approval_id: it.id, comment: it.text, etag: it.etag, request_id: it.request_id,
    }) => |_| "It is rejected.";
    "ApproveReplenishment": inventory.approve_replenishment(ApproveReplenishmentRequest {
        replenishment_id: it.id, etag: it.etag, request_id: it.request_id,
    }) => |_| "The purchase is approved.";
    "RejectReplenishment": inventory.reject_replenishment(RejectReplenishmentRequest {
        replenishment_id: it.id, etag: it.etag, request_id: it.request_id,
    }) => |_| "The purchase is declined.";
    "StartPicking": shipping.start_picking(StartPickingRequest {
        shipment_id: it.id, etag: it.etag, request_id: it.request_id,
    }) => |_| "Picking has begun.";
    "CreateShippingLabel": shipping.create_shipping_label(CreateShippingLabelRequest {
        shipment_id: it.id, etag: it.etag, request_id: it.request_id,
    }) => |_| "The label is made.";
    "VoidShippingLabel": shipping.void_shipping_label(VoidShippingLabelRequest {
        shipment_id: it.id, etag: it.etag, request_id: it.request_id,
    }) => |_| "The label is void.";
    "AuthorizeReturn": returns.authorize_return(AuthorizeReturnRequest {
        return_id: it.id, etag: it.etag, request_id: it.request_id,
    }) => |_| "The return is authorised.";
    "DeclineReturn": returns.decline_return(DeclineReturnRequest {
        return_id: it.id, reason: it.text, etag: it.etag, request_id: it.request_id,
    }) => |_| "The return is declined.";
    "CancelReturn": returns.cancel_return(CancelReturnRequest {
        return_id: it.id, reason: it.text, etag: it.etag, request_id: it.request_id,
    }) => |_| "The return is called off.";
    "CloseReturn": returns.close_return(CloseReturnRequest {
        return_id: it.id, etag: it.etag, request_id: it.request_id,
    }) => |_| "The return is closed.";
    "ConfirmOrderChange": changes.confirm_order_change(ConfirmOrderChangeRequest {
        order_id: it.id, change_id: it.part, etag: it.etag, request_id: it.request_id,
    }) => |_| "The change is confirmed.";
    "DeclineOrderChange": changes.decline_order_change(DeclineOrderChangeRequest {
        order_id: it.id, change_id: it.part, reason: it.text, etag: it.etag, request_id: it.request_id,
    }) => |_| "The change is declined.";
    "CheckIntegrity": orders.check_integrity(CheckIntegrityRequest) => checked;
}

fn resent_since() -> prost_types::Timestamp {
    let seconds = clock::now().unix_micros() / 1_000_000 - RESENT_DAYS * 86_400;
    prost_types::Timestamp { seconds, nanos: 0 }
}

fn resent(answer: tonic::Response<pb::ResendFailedMessagesResponse>) -> &'static str {
    match answer.get_ref().more {
        true => "Many letters are to be sent again; there are more.",
        false => "The letters that failed are to be sent again.",
    }
}

fn checked(answer: tonic::Response<pb::CheckIntegrityResponse>) -> &'static str {
    match answer.get_ref().report.as_ref().is_some_and(|it| it.holds) {
        true => "All laws hold over the whole database.",
        false => "A law is broken: run `consign check` to see what and where.",
    }
}
