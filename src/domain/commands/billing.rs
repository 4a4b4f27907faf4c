//! Commands about money in and money back.

use super::{OrderCommand, Target, with_stock};
use crate::domain::{
    Desk, HandedBack, Money, NewPayment, Order, PaymentId, ReceivedMoney, RefundId, Refusal, Touch,
    bank_reference_key,
};

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

/// Gives money back, through the provider or by hand.
#[derive(Debug, Clone)]
pub struct RefundPayment {
    pub target: Target,
    pub payment: PaymentId,
    /// None: all that is left.
    pub amount: Option<Money>,
    pub reason: String,
    /// None: the way the payment came.
    pub handed: Option<HandedBack>,
}

impl OrderCommand for RefundPayment {
    const NAME: &'static str = "RefundPayment";
    type Output = RefundId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<RefundId, Refusal> {
        match &self.handed {
            Some(handed) => order.refund_by_hand(desk, self.payment, self.amount, &self.reason, handed),
            None => order.refund(desk, self.payment, self.amount, &self.reason),
        }
    }
}
