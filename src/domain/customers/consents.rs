//! What an order's letters say to a customer who said no to something that no order needs.

use std::collections::BTreeSet;

use crate::domain::model::consent::ConsentPurpose;
use crate::domain::model::feedback::FeedbackState;
use crate::domain::model::message::{MessageKind, Suppression, SuppressionReason};
use crate::domain::model::order::Order;

impl MessageKind {
    /// Whether what it says, or that it is sent, depends on what its customer has agreed to.
    pub fn asks_for_consent(self) -> bool {
        self == Self::DeliveryConfirmed || ConsentPurpose::ALL.iter().any(|it| it.letters().contains(&self))
    }

    /// Why it is not sent to a customer who said no to these purposes, if it is not.
    pub fn suppression_without(self, withdrawn: &BTreeSet<ConsentPurpose>) -> Option<Suppression> {
        let purpose = withdrawn.iter().find(|it| it.letters().contains(&self))?;
        let why = format!("the customer has withdrawn their consent for {purpose}");
        Some(Suppression::new(SuppressionReason::NotWanted, why))
    }
}

impl Order {
    /// The order as a letter tells of it to a customer who said no to these purposes: without the question, without the offer.
    #[must_use]
    pub fn told_without(mut self, withdrawn: &BTreeSet<ConsentPurpose>) -> Self {
        let Some(feedback) = &mut self.feedback else { return self };
        if withdrawn.contains(&ConsentPurpose::Feedback) && feedback.state == FeedbackState::Requested {
            feedback.state = FeedbackState::OptedOut;
        }
        if withdrawn.contains(&ConsentPurpose::Offers) {
            (feedback.discount_ppm, feedback.discount_until) = (0, None);
            feedback.discount_code.clear();
        }
        self
    }
}
