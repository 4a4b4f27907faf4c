//! Outbound tasks of an order: performing them at providers, couriers and the mail, and recording their answers. Workers
//! share this code with callers that wait for a payment, refund or label.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::{Instant, timeout};

use crate::domain::{
    AtProvider, Booking, BookingAnswer, BookingId, BookingRequest, ConsentPurpose, Consignment, CourierNames,
    Lease, Letter, Load, Message, MessageId, MessageText, OnOrder, Order, OrderId, OutboundAnswer,
    OutboundTask, Part, Payment, PaymentId, ProviderAnswer, RecordAnswers, RefundId, RefundState, Refusal,
    Shipment, ShipmentId, Suppression, Target, TrackingReport, Unsent,
};
use crate::faults::{self, Failed};
use crate::outside::{Attachment, CallOutcome, Called, Email};
use crate::store::{Changed, Codec, RequestContext, RequestKey, StoreError, View};
use crate::traces;
use crate::work::invoices::attachments;
use crate::work::{App, context};

/// A caller that waits for an outcome. Its reply is made of the order as it is after the outcome, and replaces the answer
/// that was stored under the request id while the outcome was open.
pub struct Caller<M> {
    pub request: Option<RequestKey>,
    pub reply: Box<dyn Fn(&Order) -> M + Send>,
    pub codec: Codec<M>,
}

impl Caller<()> {
    pub fn nobody() -> Self {
        Self { request: None, reply: Box::new(|_| ()), codec: Codec::unkept() }
    }
}

/// The order whose payment, refund or label is settled, with its stored state where the caller has just decided upon it.
#[derive(Debug, Clone)]
pub struct Subject {
    pub id: OrderId,
    pub stored: Option<Arc<Order>>,
}

/// What a provider or a courier may have been asked about.
#[derive(Debug, Clone, Copy)]
pub enum Pending {
    Payment(PaymentId),
    Refund(RefundId),
    /// The label of this shipment's courier.
    Label(ShipmentId),
}

impl Pending {
    /// The open task; None if there is none.
    fn task(self, order: &Order) -> Result<Option<OutboundTask>, Refusal> {
        match self {
            Self::Payment(id) => {
                let request = order.payments[order.payment_index(id)?].open_request();
                Ok(request.map(|request| OutboundTask::Payment(id, request)))
            }
            Self::Refund(id) => {
                let (payment, index) = order.refund_index(id)?;
                let payment = &order.payments[payment];
                let open = payment.is_by_provider() && payment.refunds[index].state == RefundState::Pending;
                Ok(open.then_some(OutboundTask::Refund(id)))
            }
            Self::Label(id) => {
                let booking = order.shipments[order.shipment_index(id)?].booking.as_ref();
                let open = booking.filter(|it| it.open_request() == Some(BookingRequest::Label));
                Ok(open.map(|it| OutboundTask::Booking(id, it.id, BookingRequest::Label)))
            }
        }
    }
}

/// Sends the open request to the provider or courier and records the answer; None if nothing is open. It runs to its end
/// even if the caller gives up waiting.
pub async fn settle<M: Send + 'static>(
    app: &App,
    order: Subject,
    pending: Pending,
    caller: Caller<M>,
) -> Result<Option<M>, StoreError> {
    let app = app.clone();
    let settling = async move {
        let Subject { id, stored } = order;
        // Without the order in hand, as for a repeat of the request, or if it lacks what is pending, it is read. What existed
        // before is asked for under the same key.
        let order = match stored.filter(|it| pending.task(it).is_ok()) {
            Some(order) => order,
            None => app.store.order(id).await?.ok_or_else(|| Refusal::not_found("order", id))?,
        };
        match pending.task(&order)? {
            Some(task) => {
                let answer = perform(&app, &order, task).await?;
                record_answers(&app, id, vec![answer], None, caller).await.map(Some)
            }
            None => Ok(None),
        }
    };
    let settled = tokio::spawn(traces::carried(settling)).await;
    settled.unwrap_or_else(|it| Err(StoreError::Internal(format!("asking outside: {it}"))))
}

/// Performs an outbound task under its key. No transaction is open.
pub(super) async fn perform<'a>(
    app: &'a App,
    order: &'a Order,
    task: OutboundTask,
) -> Result<OutboundAnswer, Refusal> {
    match task {
        OutboundTask::Payment(id, request) => {
            let payment = &order.payments[order.payment_index(id)?];
            let asking = |at: &'a AtProvider| {
                app.provider.request(request, id, &at.token, at.reference.as_deref(), payment.amount)
            };
            Ok(OutboundAnswer::Payment(id, request, answered(app, payment, "payment", asking).await))
        }
        OutboundTask::Refund(id) => {
            let (payment, refund) = order.refund_index(id)?;
            let payment = &order.payments[payment];
            let amount = payment.refunds[refund].amount;
            let asking = |at: &'a AtProvider| {
                app.provider.refund(id, at.reference.as_deref().unwrap_or_default(), amount)
            };
            Ok(OutboundAnswer::Refund(id, answered(app, payment, "refund", asking).await))
        }
        OutboundTask::Message(id) => {
            let (sent, text) = send(app, order, id).await;
            Ok(OutboundAnswer::Message(id, sent, text))
        }
        OutboundTask::Booking(shipment, booking, request) => {
            let answer = ask_courier(app, order, shipment, booking, request).await?;
            let index = order.shipment_index(shipment)?;
            let courier = order.shipments[index].booking(booking)?.courier.clone();
            Ok(OutboundAnswer::Booking(shipment, booking, courier, answer))
        }
        OutboundTask::Tracking(shipment, booking) => {
            let reports = ask_where(app, order, shipment, booking).await?;
            Ok(OutboundAnswer::Tracking(shipment, booking, reports))
        }
    }
}

/// The answer of the provider that has the payment. An answer that is late, or lost, is `Unknown`. `what` names the fail
/// points.
async fn answered<'a, F: Future<Output = ProviderAnswer>>(
    app: &App,
    payment: &'a Payment,
    what: &str,
    request: impl FnOnce(&'a AtProvider) -> F,
) -> ProviderAnswer {
    let at = payment.at_provider();
    let Some(at) = at.filter(|it| it.provider == app.provider.name()) else {
        let name = at.map_or("", |it| &it.provider);
        let why = format!("the provider {name} is not connected");
        tracing::error!(payment = %payment.id, "{why}");
        return ProviderAnswer::Unknown(why);
    };
    let asking = request(at);
    let asking = async {
        faults::at(format_args!("{what}.before"))?;
        let answer = asking.await;
        faults::at(format_args!("{what}.after"))?;
        Ok::<_, Failed>(answer)
    };
    let began = Instant::now();
    let answer = match timeout(app.call_within(), traces::outside(asking, "payments")).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(Failed)) => ProviderAnswer::Unknown("fail point".to_owned()),
        Err(_) => ProviderAnswer::Unknown("the provider did not answer in time".to_owned()),
    };
    let outcome = match &answer {
        ProviderAnswer::Done(_) => CallOutcome::Done,
        ProviderAnswer::Declined(_) => CallOutcome::Refused,
        ProviderAnswer::Unknown(_) => CallOutcome::Unanswered,
    };
    app.outside_calls.ended(Called::Payments, outcome, began.elapsed());
    if let ProviderAnswer::Unknown(why) = &answer {
        tracing::warn!(payment = %payment.id, why, "the provider gave no answer; it is asked again with the same key");
    }
    answer
}

/// The courier's answer. One that is late, or lost, is unknown.
async fn ask_courier(
    app: &App,
    order: &Order,
    shipment: ShipmentId,
    booking: BookingId,
    request: BookingRequest,
) -> Result<BookingAnswer, Refusal> {
    let shipment = &order.shipments[order.shipment_index(shipment)?];
    let booking = shipment.booking(booking)?;
    let courier = &booking.courier;
    let unknown = |why: &str| BookingAnswer::unknown(request, why);
    let Some(interface) = app.couriers.get(courier) else {
        tracing::error!(booking = %booking.id, %courier, "the courier is not connected");
        return Ok(unknown("the courier is not connected"));
    };

    let asking = async {
        faults::at("booking.before").map_err(|_| "fail point")?;
        let answer = match request {
            BookingRequest::Cancel => BookingAnswer::Cancel(interface.cancel(booking).await),
            BookingRequest::Label => {
                let consignment = consignment(app, order, shipment, booking).await?;
                BookingAnswer::Label(interface.buy_label(&consignment).await)
            }
            BookingRequest::Pickup => {
                let consignment = consignment(app, order, shipment, booking).await?;
                let number = booking.label.as_ref().map_or("", |it| &it.number);
                BookingAnswer::Pickup(interface.book_pickup(&consignment, number).await)
            }
        };
        faults::at("booking.after").map_err(|_| "fail point")?;
        Ok::<_, &str>(answer)
    };
    let began = Instant::now();
    let answer = match timeout(app.call_within(), traces::outside(asking, "couriers")).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => unknown(why),
        Err(_) => unknown("the courier did not answer in time"),
    };
    app.outside_calls.ended(Called::Couriers, outcome_of(&answer), began.elapsed());
    // Why is in the booking: a courier's words may name people.
    if answer.is_unknown() {
        let attempts = booking.attempts + 1;
        tracing::warn!(booking = %booking.id, %courier, %request, attempts, "the courier gave no answer; it is asked again with the same key");
    }
    Ok(answer)
}

fn outcome_of(answer: &BookingAnswer) -> CallOutcome {
    if answer.is_unknown() {
        CallOutcome::Unanswered
    } else if answer.is_refused() {
        CallOutcome::Refused
    } else {
        CallOutcome::Done
    }
}

/// What the courier reports of a shipment. None: there was no answer in time.
async fn ask_where(
    app: &App,
    order: &Order,
    shipment: ShipmentId,
    booking: BookingId,
) -> Result<Option<Vec<TrackingReport>>, Refusal> {
    let booking = order.shipments[order.shipment_index(shipment)?].booking(booking)?;
    let (Some(interface), Some(label)) = (app.couriers.get(&booking.courier), &booking.label) else {
        return Ok(None);
    };
    let began = Instant::now();
    let tracking = traces::outside(interface.track(&label.number), "couriers");
    let reports = timeout(app.call_within(), tracking).await.unwrap_or(None);
    let outcome = if reports.is_some() { CallOutcome::Done } else { CallOutcome::Unanswered };
    app.outside_calls.ended(Called::Couriers, outcome, began.elapsed());
    if reports.is_none() {
        let courier = &booking.courier;
        tracing::warn!(booking = %booking.id, %courier, "the courier did not say where a shipment is; it is asked again");
    }
    Ok(reports)
}

async fn consignment(
    app: &App,
    order: &Order,
    shipment: &Shipment,
    booking: &Booking,
) -> Result<Consignment, &'static str> {
    let (courier, location) =
        tokio::join!(app.store.courier(&booking.courier), app.store.location(&shipment.location));
    let courier = courier.ok().flatten().ok_or("the courier could not be read")?;
    let location = location.ok().flatten().ok_or("the location could not be read")?;
    let load = Load::of(order, shipment, &location, &app.rules.company_name);
    Ok(Consignment::of(booking, load, &courier))
}

/// Sends a message: whether that was done, and what it said if it could be written.
pub(super) async fn send(
    app: &App,
    order: &Order,
    id: MessageId,
) -> (Result<(), Unsent>, Option<MessageText>) {
    let Some(message) = order.messages.iter().find(|it| it.id == id) else {
        return (Err(Unsent::Refused("the message is gone".to_owned())), None);
    };
    if let Some(why) = order.outdates(message, &app.rules).filter(|_| message.may_be_old()) {
        return (Err(Unsent::Suppressed(Suppression::outdated(why))), None);
    }

    let withdrawn = match withdrawn(app, order, message).await {
        Ok(withdrawn) => withdrawn,
        Err(unread) => return (Err(unread), None),
    };
    if let Some(suppression) = message.kind.suppression_without(&withdrawn) {
        return (Err(Unsent::Suppressed(suppression)), None);
    }
    let order = &match withdrawn.is_empty() {
        true => Cow::Borrowed(order),
        false => Cow::Owned(order.clone().told_without(&withdrawn)),
    };

    let mut said = None;
    let mut handed_over_at = None;
    let sending = async {
        let failed = |_| Unsent::Later("fail point".to_owned());
        let text = said.insert(text_of(app, order, message).await?);
        let letter = Letter::to(order, text)?;
        let email = email(message, letter, attachments(app, order, message).await?);
        handed_over_at = Some(Instant::now());
        faults::at("mail.before").map_err(failed)?;
        app.mail.send(&email).await?;
        faults::at("mail.after").map_err(failed)
    };
    let sent = timeout(app.mail_within(), traces::outside(sending, "mail"))
        .await
        .unwrap_or_else(|_| Err(Unsent::Later("sending took too long".to_owned())));
    // A letter that could not be written never reached the mail: it is no call outside.
    if let Some(began) = handed_over_at {
        let outcome = match &sent {
            Ok(()) => CallOutcome::Done,
            Err(Unsent::Refused(_) | Unsent::Suppressed(_)) => CallOutcome::Refused,
            Err(Unsent::Later(_) | Unsent::NotTried(_)) => CallOutcome::Unanswered,
        };
        app.outside_calls.ended(Called::Mail, outcome, began.elapsed());
    }
    // Why is in the message: a mail system's words may name people. That it is away is logged once, not per message.
    let outcome = match &sent {
        Ok(()) | Err(Unsent::NotTried(_)) => None,
        Err(Unsent::Later(_)) => Some("tried again later"),
        Err(Unsent::Refused(_)) => Some("refused"),
        Err(Unsent::Suppressed(_)) => Some("suppressed"),
    };
    if let Some(outcome) = outcome {
        tracing::warn!(message = %id, kind = %message.kind, outcome, "a message was not sent");
    }
    (sent, said)
}

/// What the order's customer has said no to by now, where the letter depends on it.
async fn withdrawn(app: &App, order: &Order, message: &Message) -> Result<BTreeSet<ConsentPurpose>, Unsent> {
    let Some(named) = order.named.as_ref().filter(|_| message.kind.asks_for_consent()) else {
        return Ok(BTreeSet::new());
    };
    let unread = |_| Unsent::Later("the customer could not be read".to_owned());
    let account = app.store.customer(named.id).await.map_err(unread)?;
    Ok(account.map(|it| it.withdrawn()).unwrap_or_default())
}

/// The text of a message. Once tried it keeps the text of the first try, which may have arrived, until that is forgotten.
async fn text_of(app: &App, order: &Order, message: &Message) -> Result<MessageText, Unsent> {
    if message.text_kept {
        let unread = || Unsent::Later("the message's text could not be read".to_owned());
        let kept = app.store.message_texts(&[message.id]).await.map_err(|_| unread())?;
        let kept = kept.into_values().next().ok_or_else(unread)?;
        // One that is sent once more after its text was forgotten is written anew.
        if !kept.is_forgotten() {
            return Ok(kept);
        }
    }
    let unread = |_| Unsent::Later("the couriers' names could not be read".to_owned());
    let couriers = match message.shipment {
        Some(_) => app.store.courier_names().await.map_err(unread)?,
        None => CourierNames::new(),
    };
    app.letters.text(message, order, &app.rules, &couriers).map_err(Unsent::Later)
}

/// The letter as an e-mail.
fn email(message: &Message, letter: Letter, attachments: Vec<Attachment>) -> Email {
    let Letter { to, subject, body, html } = letter;
    let html = Some(html).filter(|it| !it.is_empty());
    let (id, resends) = (message.id, message.resends);
    Email { id, resends, to, subject, text: body, html, attachments }
}

/// Records answers. One that comes late or twice changes nothing.
pub(super) async fn record_answers<M: Send + 'static>(
    app: &App,
    id: OrderId,
    answers: Vec<OutboundAnswer>,
    lease: Option<Lease>,
    caller: Caller<M>,
) -> Result<M, StoreError> {
    let Caller { request, reply, codec } = caller;
    let record = RecordAnswers { target: Target::latest(Part::Order(id)), answers, lease };
    let reply = move |_: &OnOrder<()>, view: &View<'_>| reply(view.order(id).expect("it was decided upon"));
    app.store
        .change(RequestContext { request, ..context() }, record, reply, codec)
        .await
        .map(Changed::into_answer)
}
