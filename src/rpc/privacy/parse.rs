//! Parses requests about the data of a person.

use crate::domain::{
    ChangeLegalHoldOfCustomer, ChangeLegalHoldOfOrder, DataSubject, LegalHoldChange, Part, Problems, Target,
};
use crate::pb;
use crate::rpc::parse::{REASON_MAX, bare_address, id, required, required_text, timestamp};

pub(super) fn export_customer_data(
    request: pb::ExportCustomerDataRequest,
    bad: &mut Problems,
) -> Option<DataSubject> {
    let pb::ExportCustomerDataRequest { subject } = request;
    data_subject(subject, bad)
}

fn data_subject(given: Option<pb::DataSubject>, bad: &mut Problems) -> Option<DataSubject> {
    let pb::DataSubject { subject } = required("subject", given, bad)?;
    match required("subject", subject, bad)? {
        pb::data_subject::Subject::CustomerId(customer) => {
            id("subject.customer_id", &customer, bad).map(DataSubject::Customer)
        }
        pb::data_subject::Subject::Email(email) => {
            if email.trim().is_empty() {
                bad.add("subject.email", "must be an e-mail address");
                return None;
            }
            Some(DataSubject::Email(bare_address("subject.email", email, bad)))
        }
    }
}

/// A change of the legal hold of an order, or of a customer.
pub(super) enum LegalHoldCommand {
    Order(ChangeLegalHoldOfOrder),
    Customer(ChangeLegalHoldOfCustomer),
}

pub(super) fn set_legal_hold(
    request: pb::SetLegalHoldRequest,
    bad: &mut Problems,
) -> Option<LegalHoldCommand> {
    let pb::SetLegalHoldRequest { target, reason, until_time, etag, request_id: _, validate_only: _ } =
        request;
    let reason = required_text("reason", reason, REASON_MAX, bad);
    let until = timestamp("until_time", until_time, bad);
    legal_hold(target, LegalHoldChange::Set { reason, until }, etag, bad)
}

pub(super) fn release_legal_hold(
    request: pb::ReleaseLegalHoldRequest,
    bad: &mut Problems,
) -> Option<LegalHoldCommand> {
    let pb::ReleaseLegalHoldRequest { target, etag, request_id: _, validate_only: _ } = request;
    legal_hold(target, LegalHoldChange::Release, etag, bad)
}

fn legal_hold(
    target: Option<pb::LegalHoldTarget>,
    change: LegalHoldChange,
    etag: String,
    bad: &mut Problems,
) -> Option<LegalHoldCommand> {
    let pb::LegalHoldTarget { target } = required("target", target, bad)?;
    match required("target", target, bad)? {
        pb::legal_hold_target::Target::CustomerId(customer) => {
            let id = id("target.customer_id", &customer, bad)?;
            Some(LegalHoldCommand::Customer(ChangeLegalHoldOfCustomer { id, change, etag }))
        }
        pb::legal_hold_target::Target::OrderId(order) => {
            let part = Part::Order(id("target.order_id", &order, bad)?);
            let target = Target { part, etag };
            Some(LegalHoldCommand::Order(ChangeLegalHoldOfOrder { target, change }))
        }
    }
}

pub(super) fn erase_customer_data(
    request: pb::EraseCustomerDataRequest,
    bad: &mut Problems,
) -> Option<DataSubject> {
    let pb::EraseCustomerDataRequest { subject, validate_only: _ } = request;
    data_subject(subject, bad)
}
