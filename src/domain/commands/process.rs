//! What workers decide: what has come due, what was answered outside, whose turn it is.

use super::{Command, OrderCommand, Target, to_reserve, with_stock};
use crate::domain::{
    Ask, Desk, Lease, MessageId, Order, PaymentId, ProviderAnswer, Reason, RefundId, Refusal, Touch, Unsent,
    free_overdue,
};

/// Does what of an order has come due by itself.
#[derive(Debug, Clone)]
pub struct RunDue {
    pub target: Target,
    /// The job that this completes; None: more is to be done first.
    pub lease: Option<Lease>,
}

impl OrderCommand for RunDue {
    const NAME: &'static str = "work/run_due";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        Touch { lease: self.lease, ..with_stock() }
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.tend(desk)
    }
}

/// Gives a waiting order its stock if it is its turn. If not, that is a refusal: it leaves no trace and wakes nobody,
/// or every vain try would call for the next one.
#[derive(Debug, Clone)]
pub struct FillOrder {
    pub target: Target,
}

impl OrderCommand for FillOrder {
    const NAME: &'static str = "work/fill";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        match order.fill(desk)? {
            true => Ok(()),
            false => Err(Refusal::unmet(Reason::InsufficientStock, "its turn has not come")),
        }
    }
}

/// The outcome of something that was done outside.
#[derive(Debug, Clone)]
pub enum OutboundAnswer {
    Payment(PaymentId, Ask, ProviderAnswer),
    Refund(RefundId, ProviderAnswer),
    Message(MessageId, Result<(), Unsent>),
}

/// Decides upon answers from outside. One that comes late or twice changes nothing.
#[derive(Debug, Clone)]
pub struct RecordAnswers {
    pub target: Target,
    pub answers: Vec<OutboundAnswer>,
    /// The job that this completes.
    pub lease: Option<Lease>,
}

impl OrderCommand for RecordAnswers {
    const NAME: &'static str = "work/answer";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        Touch { lease: self.lease, ..with_stock() }
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        for answer in &self.answers {
            match answer {
                OutboundAnswer::Payment(payment, ask, answer) => {
                    order.answer_payment(desk, *payment, *ask, answer)?;
                }
                OutboundAnswer::Refund(refund, answer) => {
                    order.answer_refund(desk, *refund, answer)?;
                }
                OutboundAnswer::Message(message, sent) => {
                    order.answer_message(desk, *message, sent.clone())?;
                }
            }
        }
        Ok(())
    }
}

/// Ends the expired reservations that hold stock which others are short of; says whether there was one.
#[derive(Debug, Clone)]
pub struct FreeExpired {
    /// What those read who are short.
    pub short: Touch,
}

impl Command for FreeExpired {
    const NAME: &'static str = "store/free";
    type Output = bool;

    fn reads(&self) -> Touch {
        self.short.clone()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<bool, Refusal> {
        free_overdue(desk)
    }
}
