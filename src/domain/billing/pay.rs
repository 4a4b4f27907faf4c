//! Step 7: payments are authorised, captured, recorded and voided.

use std::time::Duration;

use crate::domain::model::action::Action;
use crate::domain::model::event::EventKind;
use crate::domain::model::message::{Message, MessageKind, MessageState};
use crate::domain::model::method::Method;
use crate::domain::model::money::Money;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::{
    Ask, AtProvider, Means, OpenRequest, Payment, PaymentState, ProviderAnswer, bank_reference_key,
};
use crate::domain::model::refund::{Refund, RefundState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::scalars::PaymentId;
use crate::domain::unit::command::{OrderCommand, Target, with_stock};
use crate::domain::unit::journal::{born, cut, moved};
use crate::domain::unit::turn::PAYING;
use crate::domain::unit::unit_of_work::{Desk, Touch};

/// Decides to ask the provider for a new payment, authorised only or charged at once.
#[derive(Debug, Clone)]
pub struct BeginPayment {
    pub target: Target,
    pub new: NewPayment,
}

impl OrderCommand for BeginPayment {
    const NAME: &'static str = "BeginPayment";
    type Output = PaymentId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<PaymentId, Refusal> {
        order.begin_payment(desk, &self.new)
    }
}

/// Decides to ask the provider to capture what it has authorised.
#[derive(Debug, Clone)]
pub struct CapturePayment {
    pub target: Target,
    pub payment: PaymentId,
}

impl OrderCommand for CapturePayment {
    const NAME: &'static str = "CapturePayment";
    type Output = PaymentId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<PaymentId, Refusal> {
        order.begin_capture(desk, self.payment).map(|()| self.payment)
    }
}

/// Decides to ask the provider to give up what it has authorised.
#[derive(Debug, Clone)]
pub struct VoidPayment {
    pub target: Target,
    pub payment: PaymentId,
}

impl OrderCommand for VoidPayment {
    const NAME: &'static str = "VoidPayment";
    type Output = PaymentId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<PaymentId, Refusal> {
        order.begin_void(desk, self.payment).map(|()| self.payment)
    }
}

/// Books a bank transfer or cash that somebody says has arrived.
#[derive(Debug, Clone)]
pub struct RecordPayment {
    pub target: Target,
    pub money: ReceivedMoney,
}

impl OrderCommand for RecordPayment {
    const NAME: &'static str = "RecordPayment";
    type Output = PaymentId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        let reference = &self.money.reference;
        let bank_reference = (!reference.is_empty()).then(|| bank_reference_key(reference));
        Touch { bank_reference, ..with_stock() }
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<PaymentId, Refusal> {
        order.record_payment(desk, &self.money)
    }
}

/// How many payments through a provider may come to nothing: a token that is declined again and again holds no stock for
/// ever. After that a person may still record money.
pub(crate) const TRIES_MAX: usize = 20;

/// How many parts an order is paid in. The part that pays all the rest has room beyond that, so the order is not stranded.
pub(crate) const PARTS_MAX: usize = 20;

/// How many refunds one payment is given back in, other than failed ones. The refund of all the rest has room beyond
/// that, so no money is stranded; thousands of single cents have not.
pub(crate) const REFUND_PARTS_MAX: usize = 20;

/// How many refunds of one payment a provider may refuse. After that a person pays back by other means.
pub(crate) const REFUSED_REFUNDS_MAX: usize = 20;

/// How many refunds of an order are told at once, a letter each. Later letters are a day apart, and each tells of all
/// refunds since the one before.
const REFUND_LETTERS_AT_ONCE: usize = 5;

const REFUND_LETTERS_APART: Duration = Duration::from_secs(86_400);

/// A letter that is due later than this is not being sent just now, by whatever clock: what happens is told in it.
const SURELY_NOT_SENT: Duration = Duration::from_secs(60);

/// How long the reason of a failure may be, in characters: it is in others' words.
pub(crate) const FAILURE_MAX: usize = 500;

/// After a failed or given-up payment the customer gets this long to try again, or the whole lifetime of a hold if that
/// is shorter.
const SECOND_CHANCE: Duration = Duration::from_secs(300);

impl Refund {
    /// The way a person gave it back, if not the way the payment came.
    pub fn handed_by(&self) -> Option<Method> {
        self.handed_back.as_ref().map(|it| it.method)
    }
}

/// The reason of a failure as it is kept.
pub(super) fn reason_of(why: &str) -> Option<String> {
    (!why.is_empty()).then(|| cut(why.to_owned(), FAILURE_MAX))
}

/// A payment through a provider, as asked for by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    pub method: Method,
    /// The provider's stand-in for the card or account.
    pub token: String,
    /// None: all that is due.
    pub amount: Option<Money>,
    pub ask: Ask,
    pub provider: String,
}

/// Money that a person has received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMoney {
    pub method: Method,
    /// None: all that is due.
    pub amount: Option<Money>,
    /// Bank transfer: the reference on the statement.
    pub reference: String,
    /// Cash: what was handed over.
    pub tendered: Option<Money>,
}

impl Order {
    /// Decides to ask the provider for money. The reservation is pinned until the answer is known, so that money
    /// never arrives for stock that is gone.
    pub fn begin_payment(&mut self, desk: &mut Desk, new: &NewPayment) -> Result<PaymentId, Refusal> {
        let amount = self.payable(desk, new.amount)?;
        if self.payments.iter().filter(|it| !it.counts()).count() >= TRIES_MAX {
            let message = format!(
                "{TRIES_MAX} payments through a provider came to nothing; money can still be recorded by hand"
            );
            let refusal = self.unmet(Reason::LimitReached, message);
            return Err(refusal.without(&[Action::AuthorizePayment]));
        }

        let id: PaymentId = desk.ids.fresh();
        let means = Means::Provider(AtProvider {
            provider: new.provider.clone(),
            token: new.token.clone(),
            reference: None,
        });
        let request = Some(OpenRequest { ask: new.ask, asked_at: desk.now });
        self.payments.push(Payment { request, ..self.new_payment(desk, id, new.method, means, amount) });
        self.pin_reservation(None);
        let text = format!("{} of {amount} by {} asked for as {id}", new.ask, new.method);
        self.tell(desk, EventKind::PaymentRequested, Some(born(id.0, PaymentState::Pending)), text);
        Ok(id)
    }

    /// The rungs that every payment has to climb; gives the amount.
    fn payable(&self, desk: &Desk, amount: Option<Money>) -> Result<Money, Refusal> {
        if self.state != OrderState::Invoiced {
            return Err(self.out_of_turn("pay"));
        }
        self.must_be_free()?;
        if let Some(pending) = self.payments.iter().find(|it| it.request.is_some()) {
            let message = format!("payment {} is not answered yet", pending.id);
            return Err(self.unmet(Reason::PaymentPending, message));
        }
        if self.current_reservation().is_none_or(|it| it.is_overdue(desk.now)) {
            return Err(self.reservation_expired());
        }

        // What is authorised already is spoken for: it is captured or voided before anything else pays for it.
        let due = self.amounts.currency.of(self.due_minor() - self.authorized_minor());
        let amount = amount.unwrap_or(due);
        if due.minor == 0 {
            return Err(self.exceeds_due(amount, due));
        }
        if amount.currency != due.currency {
            return Err(Refusal::invalid(
                "amount",
                format!("must be in {}, as the invoice is", due.currency),
            ));
        }
        if amount.minor <= 0 {
            return Err(Refusal::invalid("amount", "must be more than zero"));
        }
        if amount.minor > due.minor {
            return Err(self.exceeds_due(amount, due));
        }
        if amount.minor < due.minor && self.payments.iter().filter(|it| it.counts()).count() >= PARTS_MAX {
            let message =
                format!("an order is paid in at most {PARTS_MAX} parts and a last one: pay all {due}");
            return Err(self.unmet(Reason::LimitReached, message));
        }
        Ok(amount)
    }

    fn exceeds_due(&self, asked: Money, due: Money) -> Refusal {
        self.unmet(Reason::PaymentExceedsDue, format!("{asked} is more than the {due} that are due"))
    }

    fn reservation_expired(&self) -> Refusal {
        self.unmet(Reason::ReservationExpired, "the reservation has expired").without(&PAYING)
    }

    pub(in crate::domain) fn authorized_minor(&self) -> i64 {
        self.payments.iter().filter(|it| it.state == PaymentState::Authorized).map(|it| it.amount.minor).sum()
    }

    fn new_payment(
        &self,
        desk: &Desk,
        id: PaymentId,
        method: Method,
        means: Means,
        amount: Money,
    ) -> Payment {
        Payment {
            id,
            order: self.id,
            invoice: self.invoices.last().expect("an INVOICED order has an invoice").id,
            method,
            state: PaymentState::Pending,
            means,
            request: None,
            attempts: 0,
            amount,
            captured_minor: 0,
            failure: None,
            created_by: desk.actor.clone(),
            created_at: desk.now,
            updated_at: desk.now,
            refunds: Vec::new(),
        }
    }

    /// Bank transfer and cash: a person says that the money is there.
    pub fn record_payment(&mut self, desk: &mut Desk, money: &ReceivedMoney) -> Result<PaymentId, Refusal> {
        let amount = self.payable(desk, money.amount)?;
        if money.method == Method::BankTransfer {
            let key = bank_reference_key(&money.reference);
            if desk.knows_bank_reference(&key) {
                return Err(Refusal::exists("bank transfer with reference", &money.reference));
            }
            desk.changes.bank_references.insert(key);
        }
        if let Some(tendered) = money.tendered {
            if tendered.currency != amount.currency {
                return Err(Refusal::invalid("tendered", format!("must be in {}", amount.currency)));
            }
            if tendered.minor < amount.minor {
                return Err(Refusal::invalid("tendered", format!("must be at least {amount}")));
            }
        }

        let id: PaymentId = desk.ids.fresh();
        let means = Means::ByHand {
            reference: money.reference.clone(),
            tendered_minor: money.tendered.map(|it| it.minor),
        };
        self.payments.push(self.new_payment(desk, id, money.method, means, amount));
        let text = format!("{amount} by {} recorded as {id}", money.method);
        self.tell(desk, EventKind::PaymentRequested, Some(born(id.0, PaymentState::Pending)), text);
        let place = self.payments.len() - 1;
        self.capture(desk, place, String::new())?;
        Ok(id)
    }

    /// Decides to ask for the capture of an authorised payment.
    pub fn begin_capture(&mut self, desk: &mut Desk, id: PaymentId) -> Result<(), Refusal> {
        self.begin_ask(desk, id, Ask::Capture)
    }

    /// Decides to give up an authorised payment.
    pub fn begin_void(&mut self, desk: &mut Desk, id: PaymentId) -> Result<(), Refusal> {
        self.begin_ask(desk, id, Ask::Void)
    }

    fn begin_ask(&mut self, desk: &mut Desk, id: PaymentId, ask: Ask) -> Result<(), Refusal> {
        let place = self.payment_place(id)?;
        if self.state != OrderState::Invoiced {
            return Err(self.out_of_turn(&ask.as_str().to_lowercase()));
        }
        self.must_be_free()?;
        if let Some(pending) = self.payments.iter().find(|it| it.request.is_some()) {
            let message = format!("payment {} is not answered yet", pending.id);
            return Err(self.unmet(Reason::PaymentPending, message));
        }
        let payment = &self.payments[place];
        if payment.state != PaymentState::Authorized {
            let message = format!("the payment is {}, not AUTHORIZED", payment.state);
            return Err(self.unmet_part(Reason::IllegalTransition, payment.state.as_str(), message));
        }
        if ask == Ask::Capture && self.current_reservation().is_none_or(|it| it.is_overdue(desk.now)) {
            return Err(self.reservation_expired());
        }
        self.ask(desk, place, ask);
        if ask == Ask::Capture {
            self.pin_reservation(None);
        }
        Ok(())
    }

    pub(in crate::domain) fn ask(&mut self, desk: &mut Desk, place: usize, ask: Ask) {
        let payment = &mut self.payments[place];
        payment.request = Some(OpenRequest { ask, asked_at: desk.now });
        payment.attempts = 0;
        payment.updated_at = desk.now;
        let text = format!("{ask} of {} asked for", payment.id);
        self.tell(desk, EventKind::PaymentRequested, None, text);
    }

    pub fn payment_place(&self, id: PaymentId) -> Result<usize, Refusal> {
        self.payments.iter().position(|it| it.id == id).ok_or_else(|| Refusal::not_found("payment", id))
    }

    /// What a provider said to one ask. An answer to an ask that is not open any more changes nothing; says whether
    /// this one did.
    pub fn answer_payment(
        &mut self,
        desk: &mut Desk,
        id: PaymentId,
        ask: Ask,
        answer: &ProviderAnswer,
    ) -> Result<bool, Refusal> {
        let place = self.payment_place(id)?;
        if self.payments[place].ask() != Some(ask) {
            return Ok(false);
        }
        self.payments[place].updated_at = desk.now;

        match answer {
            ProviderAnswer::Unknown(why) => {
                let payment = &mut self.payments[place];
                payment.attempts += 1;
                payment.request = Some(OpenRequest { ask, asked_at: desk.now });
                payment.failure = reason_of(why);
                return Ok(true);
            }
            ProviderAnswer::Done(reference) => match ask {
                Ask::Charge | Ask::Capture => self.capture(desk, place, reference.clone())?,
                Ask::Authorize => self.authorize(desk, place, reference.clone())?,
                Ask::Void => {
                    self.close_payment(desk, place, PaymentState::Voided, EventKind::PaymentVoided, "")?
                }
            },
            ProviderAnswer::Declined(why) => match ask {
                Ask::Charge | Ask::Capture | Ask::Authorize => {
                    self.close_payment(desk, place, PaymentState::Failed, EventKind::PaymentFailed, why)?;
                }
                // A provider that refuses to void has nothing to void: the authorisation is gone either way.
                Ask::Void => {
                    self.close_payment(desk, place, PaymentState::Voided, EventKind::PaymentVoided, why)?
                }
            },
        }
        if self.is_over() {
            self.pay_back(desk)?;
        }
        Ok(true)
    }

    fn authorize(&mut self, desk: &mut Desk, place: usize, reference: String) -> Result<(), Refusal> {
        let payment = &mut self.payments[place];
        let step = moved(payment.id.0, payment.state, PaymentState::Authorized)?;
        payment.state = PaymentState::Authorized;
        payment.answered(reference);
        let text = format!("{} authorised", payment.amount);
        self.tell(desk, EventKind::PaymentAuthorized, Some(step), text);
        let until = desk.now.plus(self.reservation_lifetime(desk).max(SECOND_CHANCE));
        self.pin_reservation(Some(until));
        Ok(())
    }

    fn capture(&mut self, desk: &mut Desk, place: usize, reference: String) -> Result<(), Refusal> {
        let payment = &mut self.payments[place];
        let step = moved(payment.id.0, payment.state, PaymentState::Captured)?;
        payment.state = PaymentState::Captured;
        payment.answered(reference);
        payment.captured_minor = payment.amount.minor;
        let text = format!("{} captured", payment.amount);
        self.tell(desk, EventKind::PaymentCaptured, Some(step), text);
        if self.due_minor() > 0 {
            self.let_hold_expire(desk);
        }
        Ok(())
    }

    fn close_payment(
        &mut self,
        desk: &mut Desk,
        place: usize,
        to: PaymentState,
        kind: EventKind,
        why: &str,
    ) -> Result<(), Refusal> {
        let payment = &mut self.payments[place];
        let step = moved(payment.id.0, payment.state, to)?;
        payment.state = to;
        payment.request = None;
        payment.failure = reason_of(why);
        let text = format!("payment {} {to}", payment.id);
        self.tell(desk, kind, Some(step), text);
        self.let_hold_expire(desk);
        Ok(())
    }

    /// No money is under way any more: a pinned hold runs again, with time for another try; one that still runs
    /// longer keeps its end.
    fn let_hold_expire(&mut self, desk: &Desk) {
        let under_way = self.payments.iter().any(|it| it.request.is_some());
        let Some(hold) = self.current_reservation().filter(|it| it.state == ReservationState::Held) else {
            return;
        };
        if !under_way {
            let until = desk.now.plus(self.reservation_lifetime(desk).min(SECOND_CHANCE));
            let ends = hold.expires_at.map_or(until, |it| it.max(until));
            self.pin_reservation(Some(ends));
        }
    }

    /// The customer hears of all money that goes back, in letters that keep a pace: a letter tells of every refund from
    /// its own to the one before the next letter's.
    pub(super) fn tell_refund(&mut self, desk: &mut Desk) {
        let letters = || self.messages.iter().filter(|it| it.kind == MessageKind::RefundIssued);
        let still_open = |it: &Message| match it.state {
            MessageState::Queued => it.attempts == 0,
            // There is no address; a letter that counts what nobody is told is enough.
            MessageState::Suppressed => true,
            MessageState::Sent | MessageState::Failed => false,
        };
        if letters().any(|it| still_open(it) && it.due_at > desk.now.plus(SURELY_NOT_SENT)) {
            return;
        }

        let last_due = letters().map(|it| it.due_at).max();
        let due_at = match last_due.filter(|_| letters().count() >= REFUND_LETTERS_AT_ONCE) {
            Some(last) => last.plus(REFUND_LETTERS_APART).max(desk.now),
            None => desk.now,
        };
        let paid_back = self.payments.iter().flat_map(|it| &it.refunds);
        let nth = paid_back.filter(|it| it.state == RefundState::Succeeded).count();
        let nth = i64::try_from(nth).unwrap_or(i64::MAX);
        self.notify_at(desk, MessageKind::RefundIssued, None, nth, due_at);
    }
}
