//! What is done outside for an order, and writing down the answer: one way for workers and for callers that wait.

use std::sync::Arc;

use tokio::time::timeout;
use tracing::Instrument;

use super::{Shop, call};
use crate::domain::{
    Ask, CourierNames, Desk, Errand, Lease, MessageId, Order, OrderId, Payment, PaymentId, ProviderAnswer,
    RefundId, RefundState, Refusal, Touch, Unsent, letter,
};
use crate::faults::{self, Failed};
use crate::store::{Call, Codec, RequestKey, StoreError, View};

/// An errand's outcome.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Payment(PaymentId, Ask, ProviderAnswer),
    Refund(RefundId, ProviderAnswer),
    Message(MessageId, Result<(), Unsent>),
}

/// Somebody who waits for an outcome: what is said then, made of the order as it then is, and the request id under
/// which that takes the place of what was said when the outcome was open.
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

/// Whose money it is about: an order, and how it was stored a moment ago by whoever knows that.
#[derive(Debug, Clone)]
pub struct Subject {
    pub id: OrderId,
    pub stored: Option<Arc<Order>>,
}

/// Asks the provider what an open ask of this payment is about, and decides upon the answer; None if no ask is open.
/// Goes on to its end even if the caller gives up waiting.
pub async fn settle_payment<M: Send + 'static>(
    shop: &Shop,
    order: Subject,
    payment: PaymentId,
    caller: Caller<M>,
) -> Result<Option<M>, StoreError> {
    let errand = move |it: &Order| {
        let ask = it.payments[it.payment_place(payment)?].ask;
        Ok(ask.map(|ask| Errand::Payment(payment, ask)))
    };
    settle(shop, order, errand, caller).await
}

/// The same for a refund that the provider has not answered.
pub async fn settle_refund<M: Send + 'static>(
    shop: &Shop,
    order: Subject,
    refund: RefundId,
    caller: Caller<M>,
) -> Result<Option<M>, StoreError> {
    let errand = move |it: &Order| {
        let (payment, place) = it.refund_place(refund)?;
        let payment = &it.payments[payment];
        let open = payment.is_by_provider() && payment.refunds[place].state == RefundState::Pending;
        Ok(open.then_some(Errand::Refund(refund)))
    };
    settle(shop, order, errand, caller).await
}

async fn settle<M: Send + 'static>(
    shop: &Shop,
    order: Subject,
    errand: impl Fn(&Order) -> Result<Option<Errand>, Refusal> + Send + 'static,
    caller: Caller<M>,
) -> Result<Option<M>, StoreError> {
    let shop = shop.clone();
    let settling = async move {
        let Subject { id, stored } = order;
        // What was decided and then not stored, since somebody else was first, does not have a new payment or refund
        // that is asked about; what was there before is asked about under the same key.
        let order = match stored.filter(|it| errand(it).is_ok()) {
            Some(order) => order,
            None => shop.store.order(id).await?.ok_or_else(|| Refusal::not_found("order", id))?,
        };
        match errand(&order)? {
            Some(errand) => {
                let answer = carry_out(&shop, &order, errand).await?;
                apply(&shop, id, vec![answer], None, caller).await.map(Some)
            }
            None => Ok(None),
        }
    };
    let settled = tokio::spawn(settling.in_current_span()).await;
    settled.unwrap_or_else(|it| Err(StoreError::Internal(format!("asking the provider: {it}"))))
}

/// Does an errand, under its key. No transaction is open.
pub(super) async fn carry_out(shop: &Shop, order: &Order, errand: Errand) -> Result<Answer, Refusal> {
    match errand {
        Errand::Payment(id, ask) => {
            let payment = &order.payments[order.payment_place(id)?];
            let asking = shop.provider.ask(ask, id, &payment.token, payment.amount);
            Ok(Answer::Payment(id, ask, answered(shop, payment, "ask", asking).await))
        }
        Errand::Refund(id) => {
            let (payment, refund) = order.refund_place(id)?;
            let payment = &order.payments[payment];
            let asking =
                shop.provider.refund(id, &payment.provider_reference, payment.refunds[refund].amount);
            Ok(Answer::Refund(id, answered(shop, payment, "refund", asking).await))
        }
        Errand::Message(id) => Ok(Answer::Message(id, send(shop, order, id).await)),
    }
}

/// The provider's answer, if it is the one that has the payment and says something in time.
async fn answered(
    shop: &Shop,
    payment: &Payment,
    what: &str,
    asking: impl Future<Output = ProviderAnswer>,
) -> ProviderAnswer {
    if payment.provider != shop.provider.name() {
        let why = format!("the provider {} is not connected", payment.provider);
        tracing::error!(payment = %payment.id, "{why}");
        return ProviderAnswer::Unknown(why);
    }
    let asking = async {
        faults::at(format_args!("{what}.before"))?;
        let answer = asking.await;
        faults::at(format_args!("{what}.after"))?;
        Ok::<_, Failed>(answer)
    };
    let answer = match timeout(shop.call_within(), asking).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(Failed)) => ProviderAnswer::Unknown("told to fail".to_owned()),
        Err(_) => ProviderAnswer::Unknown("the provider did not answer in time".to_owned()),
    };
    if let ProviderAnswer::Unknown(why) = &answer {
        tracing::warn!(payment = %payment.id, why, "the provider gave no answer; it is asked again with the same key");
    }
    answer
}

pub(super) async fn send(shop: &Shop, order: &Order, id: MessageId) -> Result<(), Unsent> {
    let Some(message) = order.messages.iter().find(|it| it.id == id) else {
        return Err(Unsent::Refused("the message is gone".to_owned()));
    };
    if let Some(why) = order.outdates(message).filter(|_| message.attempts > 0) {
        return Err(Unsent::Suppressed(why.to_owned()));
    }

    let sending = async {
        let failed = |_| Unsent::Later("told to fail".to_owned());
        let unread = |_| Unsent::Later("the couriers' names could not be read".to_owned());
        let couriers = match message.shipment {
            Some(_) => shop.store.courier_names().await.map_err(unread)?,
            None => CourierNames::new(),
        };
        let letter = letter(message, order, &shop.rules, &couriers)?;
        faults::at("mail.before").map_err(failed)?;
        shop.mail.send(id, &letter).await?;
        faults::at("mail.after").map_err(failed)
    };
    let sent = timeout(shop.call_within(), sending)
        .await
        .unwrap_or_else(|_| Err(Unsent::Later("sending took too long".to_owned())));
    if let Err(unsent) = &sent {
        let why = unsent.why();
        tracing::warn!(message = %id, kind = %message.kind, attempts = message.attempts + 1, why, "a message was not sent");
    }
    sent
}

/// Decides upon answers. One that comes late or twice changes nothing.
pub(super) async fn apply<M: Send + 'static>(
    shop: &Shop,
    id: OrderId,
    answers: Vec<Answer>,
    lease: Option<Lease>,
    caller: Caller<M>,
) -> Result<M, StoreError> {
    let Caller { request, reply, codec } = caller;
    let touch = Touch { orders: vec![id], order_stock: true, lease, ..Touch::default() };
    let decide = move |desk: &mut Desk<'_>| {
        let mut order = desk.take_order(id)?;
        for answer in &answers {
            match answer {
                Answer::Payment(payment, ask, answer) => {
                    order.answer_payment(desk, *payment, *ask, answer)?;
                }
                Answer::Refund(refund, answer) => {
                    order.answer_refund(desk, *refund, answer)?;
                }
                Answer::Message(message, sent) => order.answer_message(desk, *message, sent.clone())?,
            }
        }
        if *desk.order(id)? != order {
            desk.keep_order(order);
        }
        Ok(())
    };
    let reply = move |(): &(), view: &View<'_>| reply(view.order(id).expect("it was decided upon"));
    shop.store.change(Call { request, ..call("work/answer") }, touch, decide, reply, codec).await
}
