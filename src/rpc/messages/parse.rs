//! Parses requests about messages.

use crate::domain::{
    MessageId, MessageKind, OrderId, Part, Problems, ResendMessage, SetNotificationPreference, Target,
    Timestamp,
};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::listing::list_requests;
use crate::rpc::ordering::parse::{order_view, target};
use crate::rpc::ordering::reply::OrderView;
use crate::rpc::parse::{LOCALE_MAX, id, required, required_word, text, timestamp};
use crate::rpc::unwanted::unwanted;

list_requests! {
    list_messages: ListMessagesRequest,
}

pub(crate) fn get_message(request: pb::GetMessageRequest, bad: &mut Problems) -> Option<MessageId> {
    let pb::GetMessageRequest { message_id } = request;
    id("message_id", &message_id, bad)
}

/// The order, the kind of message, and the locale if another than the customer's is meant.
pub(crate) fn preview_message(
    request: pb::PreviewMessageRequest,
    bad: &mut Problems,
) -> Option<(OrderId, MessageKind, Option<String>)> {
    let pb::PreviewMessageRequest { order_id, kind, locale } = request;
    let order = id("order_id", &order_id, bad);
    let kind = required_word("kind", kind, enums::to_message_kind, bad);
    let locale = text("locale", locale, LOCALE_MAX, bad);
    Some((order?, kind?, Some(locale).filter(|it| !it.is_empty())))
}

pub(crate) fn resend_message(request: pb::ResendMessageRequest, bad: &mut Problems) -> Option<ResendMessage> {
    let pb::ResendMessageRequest { message_id, request_id: _, validate_only: _ } = request;
    let message = id("message_id", &message_id, bad)?;
    Some(ResendMessage { target: Target::latest(Part::Message(message)), message })
}

pub(crate) fn resend_failed_messages(
    request: pb::ResendFailedMessagesRequest,
    bad: &mut Problems,
) -> Option<Timestamp> {
    let pb::ResendFailedMessagesRequest { failed_since_time, request_id: _, validate_only: _ } = request;
    let since = required("failed_since_time", failed_since_time, bad);
    timestamp("failed_since_time", since, bad)
}

pub(crate) fn set_notification_preference(
    request: pb::SetNotificationPreferenceRequest,
    bad: &mut Problems,
) -> Option<(SetNotificationPreference, OrderView)> {
    let pb::SetNotificationPreferenceRequest {
        order_id,
        unwanted_kinds,
        etag,
        request_id: _,
        view,
        validate_only: _,
    } = request;
    let target = target(&order_id, etag, bad);
    let unwanted = unwanted("unwanted_kinds", unwanted_kinds, bad);
    let view = order_view(view, bad);
    Some((SetNotificationPreference { target: target?, unwanted }, view))
}
