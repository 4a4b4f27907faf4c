//! What a provider knows of its payments against what is known here: after a restore of an older copy it may know more.

use crate::domain::model::money::Money;
use crate::domain::model::payment::Payment;
use crate::domain::model::refund::RefundState;
use crate::domain::model::scalars::PaymentId;

/// What a provider knows of one payment. Amounts are minor units of the payment's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPayment {
    /// The key that it was asked under.
    pub id: PaymentId,
    /// Its own name for the payment.
    pub reference: String,
    /// Authorised or charged.
    pub amount: Money,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub is_voided: bool,
}

/// What a person has to look after. Questions that are open here are none: workers ask them again, under the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discrepancy {
    UnknownHere,
    OtherAmount,
    CapturedThere,
    RefundedThere,
    VoidedThere,
}

impl Discrepancy {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownHere => "UNKNOWN_HERE",
            Self::OtherAmount => "OTHER_AMOUNT",
            Self::CapturedThere => "CAPTURED_THERE",
            Self::RefundedThere => "REFUNDED_THERE",
            Self::VoidedThere => "VOIDED_THERE",
        }
    }

    /// What the provider knows of a payment that we do not. None: nothing.
    pub fn of(there: &ProviderPayment, here: Option<&Payment>) -> Option<Self> {
        let Some(here) = here else { return Some(Self::UnknownHere) };
        if here.amount != there.amount {
            return Some(Self::OtherAmount);
        }
        if here.open_request().is_some() {
            return None;
        }
        let by_provider = here.refunds.iter().filter(|it| it.handed_back.is_none());
        let refunded_minor: i64 =
            by_provider.filter(|it| it.state != RefundState::Failed).map(|it| it.amount.minor).sum();
        if there.captured_minor > here.captured_minor {
            Some(Self::CapturedThere)
        } else if there.refunded_minor > refunded_minor {
            Some(Self::RefundedThere)
        } else if there.is_voided && here.counts() {
            Some(Self::VoidedThere)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::method::Method;
    use crate::domain::model::payment::{OpenRequest, PaymentState, ProviderRequest};
    use crate::domain::model::refund::HandedBack;
    use crate::domain::tests::sample::sample;

    /// Captured, and 3.00 of it paid back by the provider.
    fn here() -> Payment {
        let (order, _) = sample();
        order.payments.into_iter().next().expect("the sample is paid")
    }

    fn authorised() -> Payment {
        Payment { state: PaymentState::Authorized, captured_minor: 0, refunds: Vec::new(), ..here() }
    }

    /// The same as the provider has it.
    fn known(here: &Payment) -> ProviderPayment {
        ProviderPayment {
            id: here.id,
            reference: "r-1".to_owned(),
            amount: here.amount,
            captured_minor: here.captured_minor,
            refunded_minor: here.refunded_minor(),
            is_voided: here.state == PaymentState::Voided,
        }
    }

    #[test]
    fn what_both_know_is_no_discrepancy() {
        assert_eq!(here().refunded_minor(), 300, "the sample is as expected");
        let mut under_way = here();
        under_way.refunds[0].state = RefundState::Pending;
        let voided = Payment { state: PaymentState::Voided, ..authorised() };
        for payment in [here(), under_way, authorised(), voided] {
            assert_eq!(Discrepancy::of(&known(&payment), Some(&payment)), None, "{payment:?}");
        }
        // Less is known there, as of a refund that is still to be asked for.
        let there = ProviderPayment { refunded_minor: 0, ..known(&here()) };
        assert_eq!(Discrepancy::of(&there, Some(&here())), None);
    }

    #[test]
    fn what_the_provider_alone_knows_is_one() {
        let (here, authorised) = (here(), authorised());
        let there = known(&here);
        assert_eq!(Discrepancy::of(&there, None), Some(Discrepancy::UnknownHere));
        let mut other = there.clone();
        other.amount.minor -= 1;
        assert_eq!(Discrepancy::of(&other, Some(&here)), Some(Discrepancy::OtherAmount));
        assert_eq!(Discrepancy::of(&there, Some(&authorised)), Some(Discrepancy::CapturedThere));
        let gone = ProviderPayment { is_voided: true, ..known(&authorised) };
        assert_eq!(Discrepancy::of(&gone, Some(&authorised)), Some(Discrepancy::VoidedThere));

        let more = ProviderPayment { refunded_minor: 301, ..there.clone() };
        assert_eq!(Discrepancy::of(&more, Some(&here)), Some(Discrepancy::RefundedThere));
        // A refund that failed here, and one that a person handed back, are none of the provider's.
        let mut failed = here.clone();
        failed.refunds[0].state = RefundState::Failed;
        assert_eq!(Discrepancy::of(&there, Some(&failed)), Some(Discrepancy::RefundedThere));
        let mut by_hand = here;
        let handed_back = HandedBack { method: Method::Cash, reference: "7".to_owned() };
        by_hand.refunds[0].handed_back = Some(handed_back);
        assert_eq!(Discrepancy::of(&there, Some(&by_hand)), Some(Discrepancy::RefundedThere));
    }

    #[test]
    fn a_question_that_is_open_is_asked_again_by_a_worker() {
        let at = here().created_at;
        let open = OpenRequest { kind: ProviderRequest::Capture, requested_at: at, opened_at: at };
        let asking = Payment { request: Some(open), ..authorised() };
        assert_eq!(Discrepancy::of(&known(&here()), Some(&asking)), None);
    }
}
