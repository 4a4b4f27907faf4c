//! Which papers a return has, and where it is to be sent. Nothing is kept of a paper: it is made when it is asked for.

use crate::domain::documents::label::PaperFacts;
use crate::domain::documents::paper::Paper;
use crate::domain::documents::return_papers::{return_label_paper, return_sheet_paper};
use crate::domain::model::document_kind::ReturnDocumentKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::returns::{Return, ReturnState};
use crate::domain::model::scalars::{LocationCode, ReturnId};
use crate::domain::model::shipment::{Shipment, ShipmentState};

/// What stands on the paper, or why there is none. The location of the facts is the one that receives.
pub fn return_paper(
    order: &Order,
    id: ReturnId,
    kind: ReturnDocumentKind,
    facts: PaperFacts<'_>,
) -> Result<Paper, Refusal> {
    let it = order.return_of(id)?;
    order.must_be_sendable(it)?;
    Ok(match kind {
        ReturnDocumentKind::FormPdf => Paper::Sheet(return_sheet_paper(order, it, facts)),
        ReturnDocumentKind::LabelPdf | ReturnDocumentKind::LabelZpl => {
            Paper::Label(return_label_paper(order, it, facts))
        }
    })
}

impl Order {
    /// Where a return is to be sent: where the first of it arrived, or else where its goods last left from.
    pub fn return_destination(&self, id: ReturnId) -> Result<LocationCode, Refusal> {
        let it = self.return_of(id)?;
        self.must_be_sendable(it)?;
        let has = |shipment: &&Shipment| {
            shipment.state == ShipmentState::Delivered
                && shipment.items.iter().any(|item| it.has_line(item.line))
        };
        let left_from = || self.live_shipments().filter(has).last().map(|it| it.location.clone());
        let found = it.location.clone().or_else(left_from);
        found.ok_or_else(|| {
            self.unmet_return(Reason::IllegalTransition, it, "nothing of it arrived from anywhere")
        })
    }

    /// Papers are for what a customer may send and has not sent whole.
    fn must_be_sendable(&self, it: &Return) -> Result<(), Refusal> {
        let message = match it.state {
            ReturnState::Authorized | ReturnState::InTransit | ReturnState::PartiallyReceived => {
                return Ok(());
            }
            ReturnState::Requested => "the return is REQUESTED: nobody has authorised it yet".to_owned(),
            ReturnState::Received
            | ReturnState::Inspected
            | ReturnState::Resolved
            | ReturnState::Closed
            | ReturnState::Declined
            | ReturnState::Cancelled => format!("the return is {}: nothing of it is to be sent", it.state),
        };
        Err(self.unmet_return(Reason::IllegalTransition, it, message))
    }
}
