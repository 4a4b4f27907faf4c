//! Step 7: payments are authorised, captured, recorded and voided.

use std::time::Duration;

use crate::domain::model::action::Action;
use crate::domain::model::event::EventKind;
use crate::domain::model::hand::HandKind;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::message::{Message, MessageKind, MessageState};
use crate::domain::model::method::Method;
use crate::domain::model::money::Money;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::{
    AtProvider, Means, OpenRequest, Payment, PaymentState, ProviderAnswer, ProviderRequest,
    bank_reference_key,
};
use crate::domain::model::refund::Refund;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::scalars::{InvoiceId, PaymentId};
use crate::domain::unit::command::{OrderCommand, Target, with_stock};
use crate::domain::unit::journal::{cut, opened, step_between};
use crate::domain::unit::turn::PAYING;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

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

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<PaymentId, Refusal> {
        order.begin_payment(unit, &self.new)
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

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<PaymentId, Refusal> {
        order.begin_capture(unit, self.payment).map(|()| self.payment)
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

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<PaymentId, Refusal> {
        order.begin_void(unit, self.payment).map(|()| self.payment)
    }
}

/// Books a bank transfer or cash that a person confirms.
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

    fn also_reads(&self) -> ReadSet {
        let reference = &self.money.reference;
        let bank_reference = (!reference.is_empty()).then(|| bank_reference_key(reference));
        ReadSet { bank_references: bank_reference.into_iter().collect(), ..with_stock() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<PaymentId, Refusal> {
        order.record_payment(unit, &self.money)
    }
}

/// How many payments through a provider may come to nothing: a token that is declined again and again holds no stock for
/// ever. After that a person may still record money.
pub(crate) const TRIES_MAX: usize = 20;

/// How many parts an order is paid in. The part that pays all the rest has room beyond that, so the order is not stranded.
pub(crate) const PARTS_MAX: usize = 20;

/// How many refunds a payment may have, failed ones not counted. A refund of the whole rest is allowed beyond that, so
/// no money is stranded.
pub(crate) const REFUND_PARTS_MAX: usize = 20;

/// How many refunds of one payment a provider may refuse. After that a person pays back by other means.
pub(crate) const REFUSED_REFUNDS_MAX: usize = 20;

/// How many refunds of an order get a letter of their own at once. Later letters are a day apart, and each lists all
/// refunds since the one before.
const REFUND_LETTERS_AT_ONCE: usize = 5;

const REFUND_LETTERS_APART: Duration = Duration::from_secs(86_400);

/// A letter due later than this is not being sent yet, even by a worker whose clock is ahead, so another refund can
/// still be added to it.
const SURELY_NOT_SENT: Duration = Duration::from_secs(60);

/// How long the reason of a failure may be, in characters: the provider writes it.
pub(crate) const FAILURE_MAX: usize = 500;

/// After a failed or given-up payment the customer gets this long to try again, or the whole lifetime of a reservation
/// if that is shorter.
pub(super) const SECOND_CHANCE: Duration = Duration::from_secs(300);

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
    pub request: ProviderRequest,
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
    pub fn begin_payment(&mut self, unit: &mut UnitOfWork, new: &NewPayment) -> Result<PaymentId, Refusal> {
        let amount = self.payable(unit, new.amount)?;
        if self.payments.iter().filter(|it| !it.counts()).count() >= TRIES_MAX {
            let message = format!(
                "{TRIES_MAX} payments through a provider came to nothing; money can still be recorded by hand"
            );
            let refusal = self.unmet(Reason::LimitReached, message);
            return Err(refusal.without(&[Action::AuthorizePayment]));
        }

        let id: PaymentId = unit.ids.fresh();
        let means = Means::Provider(AtProvider {
            provider: new.provider.clone(),
            token: new.token.clone(),
            reference: None,
        });
        let request = Some(OpenRequest { kind: new.request, requested_at: unit.now, opened_at: unit.now });
        self.payments.push(Payment { request, ..self.new_payment(unit, id, new.method, means, amount) });
        self.pin_reservation(None);
        let text = format!("{} of {amount} by {} asked for as {id}", new.request, new.method);
        self.record(unit, EventKind::PaymentRequested, Some(opened(id.0, PaymentState::Pending)), text);
        self.note_hand(unit.person(), HandKind::Paid);
        Ok(id)
    }

    /// The checks that every payment has to pass; returns the amount.
    fn payable(&self, unit: &UnitOfWork, amount: Option<Money>) -> Result<Money, Refusal> {
        if !self.is_open_to_payments() {
            return Err(self.out_of_turn("pay"));
        }
        self.must_be_free()?;
        if self.awaits_approval_of_a_change() {
            let message = "an approval that a change asked for is pending: what is due may still change";
            return Err(self.unmet(Reason::IllegalTransition, message));
        }
        if let Some(pending) = self.payments.iter().find(|it| it.request.is_some()) {
            let message = format!("payment {} is not answered yet", pending.id);
            return Err(self.unmet(Reason::PaymentPending, message));
        }
        if self.has_lost_its_stock(unit) {
            return Err(self.reservation_expired());
        }

        // Money that is authorised already counts: it is captured or voided before another payment may replace it.
        let due = self.amounts.currency.of((self.due_minor() - self.authorized_minor()).max(0));
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

    /// Whether no stock is set aside any more for what is to be paid; services need none.
    fn has_lost_its_stock(&self, unit: &UnitOfWork) -> bool {
        self.state == OrderState::Invoiced
            && !self.has_only_services()
            && self.current_reservation().is_none_or(|it| it.is_expired(unit.now))
    }

    fn reservation_expired(&self) -> Refusal {
        self.unmet(Reason::ReservationExpired, "the reservation has expired").without(&PAYING)
    }

    pub(in crate::domain) fn authorized_minor(&self) -> i64 {
        self.payments.iter().filter(|it| it.state == PaymentState::Authorized).map(|it| it.amount.minor).sum()
    }

    /// The invoice that a payment is booked on: the first that is open.
    fn paid_invoice(&self) -> Option<InvoiceId> {
        let open = self.invoices.iter().find(|it| it.state == InvoiceState::Open);
        open.or(self.main_invoice()).map(|it| it.id)
    }

    fn new_payment(
        &self,
        unit: &UnitOfWork,
        id: PaymentId,
        method: Method,
        means: Means,
        amount: Money,
    ) -> Payment {
        Payment {
            id,
            order: self.id,
            invoice: self.paid_invoice().expect("an order that is paid has an invoice"),
            method,
            state: PaymentState::Pending,
            means,
            request: None,
            attempts: 0,
            amount,
            captured_minor: 0,
            failure: None,
            created_by: unit.actor.clone(),
            created_at: unit.now,
            updated_at: unit.now,
            refunds: Vec::new(),
        }
    }

    /// Bank transfer and cash: a person says that the money is there.
    pub fn record_payment(
        &mut self,
        unit: &mut UnitOfWork,
        money: &ReceivedMoney,
    ) -> Result<PaymentId, Refusal> {
        let amount = self.payable(unit, money.amount)?;
        if money.method == Method::BankTransfer {
            let key = bank_reference_key(&money.reference);
            if unit.knows_bank_reference(&key) {
                return Err(Refusal::exists("bank transfer with reference", &money.reference));
            }
            unit.changes.bank_references.insert(key);
        }
        if let Some(tendered) = money.tendered {
            if tendered.currency != amount.currency {
                return Err(Refusal::invalid("tendered", format!("must be in {}", amount.currency)));
            }
            if tendered.minor < amount.minor {
                return Err(Refusal::invalid("tendered", format!("must be at least {amount}")));
            }
        }

        let means = Means::ByHand {
            reference: money.reference.clone(),
            tendered_minor: money.tendered.map(|it| it.minor),
        };
        let id = self.book_captured(unit, money.method, means, amount)?;
        self.note_hand(unit.person(), HandKind::Paid);
        Ok(id)
    }

    /// A payment that is there already.
    pub(in crate::domain) fn book_captured(
        &mut self,
        unit: &mut UnitOfWork,
        method: Method,
        means: Means,
        amount: Money,
    ) -> Result<PaymentId, Refusal> {
        let id: PaymentId = unit.ids.fresh();
        self.payments.push(self.new_payment(unit, id, method, means, amount));
        let text = format!("{amount} by {method} recorded as {id}");
        self.record(unit, EventKind::PaymentRequested, Some(opened(id.0, PaymentState::Pending)), text);
        let index = self.payments.len() - 1;
        self.capture(unit, index, String::new())?;
        Ok(id)
    }

    /// Decides to ask for the capture of an authorised payment.
    pub fn begin_capture(&mut self, unit: &mut UnitOfWork, id: PaymentId) -> Result<(), Refusal> {
        self.begin_request(unit, id, ProviderRequest::Capture)?;
        self.note_hand(unit.person(), HandKind::Captured);
        Ok(())
    }

    /// Decides to give up an authorised payment.
    pub fn begin_void(&mut self, unit: &mut UnitOfWork, id: PaymentId) -> Result<(), Refusal> {
        self.begin_request(unit, id, ProviderRequest::Void)
    }

    fn begin_request(
        &mut self,
        unit: &mut UnitOfWork,
        id: PaymentId,
        request: ProviderRequest,
    ) -> Result<(), Refusal> {
        let index = self.payment_index(id)?;
        if !self.is_open_to_payments() {
            return Err(self.out_of_turn(&request.as_str().to_lowercase()));
        }
        self.must_be_free()?;
        if let Some(pending) = self.payments.iter().find(|it| it.request.is_some()) {
            let message = format!("payment {} is not answered yet", pending.id);
            return Err(self.unmet(Reason::PaymentPending, message));
        }
        let payment = &self.payments[index];
        if payment.state != PaymentState::Authorized {
            let message = format!("the payment is {}, not AUTHORIZED", payment.state);
            return Err(self.unmet_part(Reason::IllegalTransition, payment.state.as_str(), message));
        }
        if request == ProviderRequest::Capture && self.awaits_approval_of_a_change() {
            let message = "an approval that a change asked for is pending: what is due may still change";
            return Err(self.unmet(Reason::IllegalTransition, message));
        }
        if request == ProviderRequest::Capture && self.has_lost_its_stock(unit) {
            return Err(self.reservation_expired());
        }
        self.request_from_provider(unit, index, request);
        if request == ProviderRequest::Capture {
            self.pin_reservation(None);
        }
        Ok(())
    }

    pub(in crate::domain) fn request_from_provider(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        request: ProviderRequest,
    ) {
        let payment = &mut self.payments[index];
        payment.request = Some(OpenRequest { kind: request, requested_at: unit.now, opened_at: unit.now });
        payment.attempts = 0;
        payment.updated_at = unit.now;
        let text = format!("{request} of {} asked for", payment.id);
        self.record(unit, EventKind::PaymentRequested, None, text);
    }

    pub fn payment_index(&self, id: PaymentId) -> Result<usize, Refusal> {
        self.payments.iter().position(|it| it.id == id).ok_or_else(|| Refusal::not_found("payment", id))
    }

    /// A provider's answer to one request. An answer to a request that is not open any more changes nothing; says
    /// whether this one did.
    pub fn answer_payment(
        &mut self,
        unit: &mut UnitOfWork,
        id: PaymentId,
        request: ProviderRequest,
        answer: &ProviderAnswer,
    ) -> Result<bool, Refusal> {
        let index = self.payment_index(id)?;
        if self.payments[index].open_request() != Some(request) {
            return Ok(false);
        }
        self.payments[index].updated_at = unit.now;

        match answer {
            ProviderAnswer::Unknown(why) => {
                let payment = &mut self.payments[index];
                payment.attempts += 1;
                if let Some(open) = &mut payment.request {
                    open.requested_at = unit.now;
                }
                payment.failure = reason_of(why);
                return Ok(true);
            }
            ProviderAnswer::Done(reference) => match request {
                ProviderRequest::Charge | ProviderRequest::Capture => {
                    self.capture(unit, index, reference.clone())?
                }
                ProviderRequest::Authorize => self.authorize(unit, index, reference.clone())?,
                ProviderRequest::Void => {
                    self.close_payment(unit, index, PaymentState::Voided, EventKind::PaymentVoided, "")?
                }
            },
            ProviderAnswer::Declined(why) => match request {
                ProviderRequest::Charge | ProviderRequest::Capture | ProviderRequest::Authorize => {
                    self.close_payment(unit, index, PaymentState::Failed, EventKind::PaymentFailed, why)?;
                }
                // A provider that refuses to void has nothing to void: the authorisation is gone either way.
                ProviderRequest::Void => {
                    self.close_payment(unit, index, PaymentState::Voided, EventKind::PaymentVoided, why)?
                }
            },
        }
        if self.is_over() {
            self.pay_back(unit)?;
        } else {
            self.return_surplus(unit)?;
        }
        Ok(true)
    }

    fn authorize(&mut self, unit: &mut UnitOfWork, index: usize, reference: String) -> Result<(), Refusal> {
        let payment = &mut self.payments[index];
        let step = step_between(payment.id.0, payment.state, PaymentState::Authorized)?;
        payment.state = PaymentState::Authorized;
        payment.answered(reference);
        let text = format!("{} authorised", payment.amount);
        self.record(unit, EventKind::PaymentAuthorized, Some(step), text);
        let until = unit.now.plus(self.reservation_lifetime(unit.rules).max(SECOND_CHANCE));
        self.pin_reservation(Some(until));
        Ok(())
    }

    fn capture(&mut self, unit: &mut UnitOfWork, index: usize, reference: String) -> Result<(), Refusal> {
        let payment = &mut self.payments[index];
        let step = step_between(payment.id.0, payment.state, PaymentState::Captured)?;
        payment.state = PaymentState::Captured;
        payment.answered(reference);
        payment.captured_minor = payment.amount.minor;
        let text = format!("{} captured", payment.amount);
        self.record(unit, EventKind::PaymentCaptured, Some(step), text);
        if self.due_minor() > 0 {
            self.let_reservation_expire(unit);
        }
        Ok(())
    }

    fn close_payment(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        to: PaymentState,
        kind: EventKind,
        why: &str,
    ) -> Result<(), Refusal> {
        let payment = &mut self.payments[index];
        let step = step_between(payment.id.0, payment.state, to)?;
        payment.state = to;
        payment.request = None;
        payment.failure = reason_of(why);
        let text = format!("payment {} {to}", payment.id);
        self.record(unit, kind, Some(step), text);
        self.let_reservation_expire(unit);
        Ok(())
    }

    /// No money is under way any more: a pinned reservation runs again, with time for another try; one that still runs
    /// longer keeps its end.
    fn let_reservation_expire(&mut self, unit: &UnitOfWork) {
        let under_way = self.payments.iter().any(|it| it.request.is_some());
        let Some(reservation) = self.current_reservation().filter(|it| it.state == ReservationState::Held)
        else {
            return;
        };
        if !under_way {
            let until = unit.now.plus(self.reservation_lifetime(unit.rules).min(SECOND_CHANCE));
            let ends = reservation.expires_at.map_or(until, |it| it.max(until));
            self.pin_reservation(Some(ends));
        }
    }

    /// Queues a letter about a refund unless one is queued that will list it: a letter lists every refund from its own to
    /// the one before the next letter's.
    pub(super) fn notify_refund(&mut self, unit: &mut UnitOfWork) {
        let letters = || self.messages.iter().filter(|it| it.kind == MessageKind::RefundIssued);
        let still_open = |it: &Message| match it.state {
            MessageState::Queued => it.attempts == 0,
            // There is no address; one suppressed letter is enough to count.
            MessageState::Suppressed => true,
            MessageState::Sent | MessageState::Failed => false,
        };
        if letters().any(|it| still_open(it) && it.due_at > unit.now.plus(SURELY_NOT_SENT)) {
            return;
        }

        let last_due = letters().map(|it| it.due_at).max();
        let due_at = match last_due.filter(|_| letters().count() >= REFUND_LETTERS_AT_ONCE) {
            Some(last) => last.plus(REFUND_LETTERS_APART).max(unit.now),
            None => unit.now,
        };
        let nth = i64::try_from(self.told_refunds().count()).unwrap_or(i64::MAX);
        self.notify_at(unit, MessageKind::RefundIssued, None, nth, due_at);
    }
}
