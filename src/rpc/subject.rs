//! What a call is about, for its line in the log: the id by which it named an order or a part of one.

use std::sync::{Arc, OnceLock};

use tokio::task::futures::TaskLocalFuture;

use crate::domain::Part;

tokio::task_local! {
    static CURRENT: Subject;
}

/// None until the call was read so far, and of calls that name no such thing.
#[derive(Debug, Clone, Default)]
pub(super) struct Subject(Arc<OnceLock<String>>);

impl Subject {
    /// Makes what is named while the future runs its own.
    pub(super) fn within<F: Future>(&self, answering: F) -> TaskLocalFuture<Self, F> {
        CURRENT.scope(self.clone(), answering)
    }

    /// Notes what the call of this task is about; what was named first counts. Numbers of couriers are no ids of ours.
    pub(super) fn named(part: &Part) {
        let id = match part {
            Part::Order(id) => id.to_string(),
            Part::Shipment(id) => id.to_string(),
            Part::Payment(id) => id.to_string(),
            Part::Refund(id) => id.to_string(),
            Part::Invoice(id) => id.to_string(),
            Part::CreditNote(id) => id.to_string(),
            Part::Approval(id) => id.to_string(),
            Part::Hold(id) => id.to_string(),
            Part::Reservation(id) => id.to_string(),
            Part::Message(id) => id.to_string(),
            Part::FollowUp(id) => id.to_string(),
            Part::Return(id) => id.to_string(),
            Part::Tracked { .. } => return,
        };
        // Outside a call, as in a stream that goes on, there is no line that would have it.
        let _ = CURRENT.try_with(|it| it.0.set(id).is_ok());
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{OrderId, ShipmentId};

    #[tokio::test]
    async fn what_a_call_names_first_is_what_it_is_about() {
        let (order, shipment) = (OrderId(uuid::Uuid::from_u128(1)), ShipmentId(uuid::Uuid::from_u128(2)));
        Subject::named(&Part::Order(order));
        let subject = Subject::default();
        assert_eq!(subject.id(), None);
        subject
            .within(async {
                Subject::named(&Part::Shipment(shipment));
                Subject::named(&Part::Order(order));
            })
            .await;
        assert_eq!(subject.id(), Some(shipment.to_string().as_str()));
    }
}
