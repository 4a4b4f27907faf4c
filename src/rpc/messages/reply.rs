//! Messages, and what they offer, as the API shows them.

use crate::domain::{Feedback, FeedbackToken, Letter, Message, MessageText, Order};
use crate::pb;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::enums;
use crate::rpc::reply::{ppm, text_of, timestamp};

pub(crate) fn discount_offer(feedback: &Feedback) -> Option<pb::DiscountOffer> {
    (feedback.discount_ppm > 0).then(|| pb::DiscountOffer {
        code: feedback.discount_code.clone(),
        rate_ppm: ppm(feedback.discount_ppm),
        last_day_time: feedback.discount_until.map(timestamp),
    })
}

/// A message with its text; None: it cannot be written yet.
pub(crate) fn message(order: &Order, message: &Message, text: Option<MessageText>) -> pb::CustomerMessage {
    shows_order(order);
    let text = text.map(|it| without_codes(order, it));
    let letter = text.as_ref().and_then(|it| Letter::to(order, it).ok());
    let to = letter.map(|it| it.to.to_string()).unwrap_or_default();
    let unwritten = || MessageText {
        locale: String::new(),
        subject: String::new(),
        body: String::new(),
        html: String::new(),
    };
    let MessageText { locale, subject, body, html } = text.unwrap_or_else(unwritten);
    let Message {
        id,
        kind,
        state,
        key,
        shipment,
        sequence: _,
        attempts,
        due_at,
        created_at,
        sent_at,
        failure,
        failed_at,
        resends,
        resent_at,
        suppressed,
        text_kept: _,
    } = message;
    pb::CustomerMessage {
        id: id.to_string(),
        order_id: order.id.to_string(),
        shipment_id: text_of(*shipment),
        kind: enums::message_kind(*kind),
        state: enums::message_state(*state),
        recipient: to,
        locale,
        subject,
        body,
        dedupe_key: key.clone(),
        attempts: i32::try_from(*attempts).unwrap_or(i32::MAX),
        failure: failure.clone(),
        create_time: Some(timestamp(*created_at)),
        due_time: Some(timestamp(*due_at)),
        send_time: sent_at.map(timestamp),
        html,
        suppression_reason: suppressed.map_or(0, enums::suppression_reason),
        fail_time: failed_at.map(timestamp),
        resend_count: i32::try_from(*resends).unwrap_or(i32::MAX),
        resend_time: resent_at.map(timestamp),
        hidden: Vec::new(),
    }
}

/// A text with the ends of the codes that the order's returns gave: they are as good as money, and more people read what
/// was told than may spend it. The customer's own letter has them whole.
fn without_codes(order: &Order, text: MessageText) -> MessageText {
    let codes = order.returns.iter().flat_map(|it| &it.store_credits);
    let codes: Vec<_> = codes.map(|it| (it.to_string(), it.masked())).collect();
    let masked =
        |text: String| codes.iter().fold(text, |text, (whole, end)| text.replace(whole.as_str(), end));
    let MessageText { locale, subject, body, html } = text;
    MessageText { locale, subject, body: masked(body), html: masked(html) }
}

pub(crate) fn preview(order: &Order, text: MessageText) -> pb::PreviewMessageResponse {
    let MessageText { locale, subject, body, html } = without_codes(order, text);
    pb::PreviewMessageResponse { locale, subject, body, html }
}

/// What a list shows of a text: not the page, and not what opens the order's feedback.
pub(crate) fn listed(order: &Order, text: MessageText) -> MessageText {
    let MessageText { locale, subject, body, html: _ } = text;
    let token = order.feedback.as_ref().map(|it| FeedbackToken::new(order.id, it.secret).expose());
    let body = token.map_or_else(|| body.clone(), |it| body.replace(&it, TOKEN_LEFT_OUT));
    MessageText { locale, subject, body, html: String::new() }
}

/// Stands in lists where a letter has the token.
const TOKEN_LEFT_OUT: &str = "{feedback_token}";
