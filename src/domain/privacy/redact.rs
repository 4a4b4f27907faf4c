//! What of an order names its customer, field by field. Words that somebody typed may say anything, so they go too; ids,
//! states, times, amounts, taxes, goods and the references of other systems stay.
//!
//! Everything is taken apart in full: a new field does not build until somebody has decided whether it stays.

use crate::domain::model::address::Address;
use crate::domain::model::approval::Approval;
use crate::domain::model::booking::Booking;
use crate::domain::model::credit_note::CreditNote;
use crate::domain::model::customer::Customer;
use crate::domain::model::discount::Redemption;
use crate::domain::model::erasure::{PersonNames, nobody, nobody_else};
use crate::domain::model::event::{Event, EventKind};
use crate::domain::model::evidence::{Attestation, Evidence, RiskAssessment};
use crate::domain::model::feedback::{Feedback, FollowUp};
use crate::domain::model::hand::Hand;
use crate::domain::model::hold::Hold;
use crate::domain::model::invoice::{Buyer, Invoice};
use crate::domain::model::line::OrderLine;
use crate::domain::model::line_cancellation::LineCancellation;
use crate::domain::model::line_refund::LineRefund;
use crate::domain::model::message::Message;
use crate::domain::model::note::OrderNote;
use crate::domain::model::order::Order;
use crate::domain::model::order_change::{ChangeItem, OrderChange};
use crate::domain::model::payment::{Means, Payment};
use crate::domain::model::refund::Refund;
use crate::domain::model::reservation::Reservation;
use crate::domain::model::returns::Return;
use crate::domain::model::scalars::Actor;
use crate::domain::model::seal::{Commitment, Seal};
use crate::domain::model::shipment::{CarrierLabel, Shipment};
use crate::domain::model::tracking::TrackingEvent;

/// What becomes of whom invoices were issued to, and of what proves payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Books {
    Kept,
    Erased,
}

/// Stands in the place of words where there have to be some.
const ERASED: &str = "erased";

impl Order {
    /// Erases whatever names the customer.
    pub(in crate::domain) fn erase_data(&mut self, books: Books) {
        if books == Books::Kept {
            self.keep_buyers();
        }
        let names = PersonNames::of(&self.customer);
        let Self {
            id: _,
            number: _,
            version: _,
            last_event: _,
            state: _,
            archived_from: _,
            channel: _,
            external_reference: _,
            customer,
            shipping_address,
            billing_address,
            region: _,
            lines,
            amounts: _,
            discount: _,
            redemption,
            store_credit: _,
            special_instructions,
            service: _,
            on_shortage: _,
            allocation: _,
            reservation_lifetime_seconds: _,
            requested_by: _,
            on_late: _,
            wait_until: _,
            promised_by: _,
            promise: _,
            risk: _,
            risk_reasons,
            checks: _,
            availability: _,
            fingerprint,
            holds,
            reservations,
            approvals,
            invoices,
            payments,
            shipments,
            messages,
            feedback,
            cancel_reason,
            created_by,
            created_at: _,
            updated_at: _,
            delivered_at: _,
            closed_at: _,
            archived_at: _,
            promise_told: _,
            slips: _,
            evidence,
            attestations,
            assessments,
            waiting: _,
            restored_at: _,
            restore_reason,
            promises_told: _,
            unwanted_messages,
            follow_up,
            credit_notes,
            line_cancellations,
            labels,
            notes,
            changes,
            line_refunds,
            returns,
            named,
            exchange_of: _,
            legal_hold: _,
            erased: _,
            hands,
            last_link: _,
            rest_date_told: _,
            sealed: _,
            waits_until: _,
        } = self;

        of_customer(customer);
        of_address(shipping_address);
        billing_address.iter_mut().for_each(of_address);
        lines.iter_mut().for_each(|it| of_line(it, &names));
        // By whom a code was redeemed is told by a hash that anybody can make of an e-mail address.
        redemption.iter_mut().for_each(of_redemption);
        for text in [special_instructions, cancel_reason, restore_reason, fingerprint] {
            text.clear();
        }
        risk_reasons.iter_mut().for_each(replace);
        evidence.iter_mut().for_each(|it| of_evidence(it, &names));
        attestations.iter_mut().for_each(|it| of_attestation(it, &names));
        assessments.iter_mut().for_each(|it| of_assessment(it, &names));
        holds.iter_mut().for_each(|it| of_hold(it, &names));
        for it in reservations {
            let before = it.clone();
            of_reservation(it, &names);
            it.version += i64::from(*it != before);
        }
        approvals.iter_mut().for_each(|it| of_approval(it, &names));
        invoices.iter_mut().for_each(|it| of_invoice(it, books));
        credit_notes.iter_mut().for_each(|it| of_credit_note(it, &names));
        payments.iter_mut().for_each(|it| of_payment(it, books, &names));
        for it in shipments {
            let before = it.clone();
            of_shipment(it, &names);
            it.version += i64::from(*it != before);
        }
        messages.iter_mut().for_each(of_message);
        feedback.iter_mut().for_each(of_feedback);
        follow_up.iter_mut().for_each(|it| of_follow_up(it, &names));
        of_actor(created_by, &names);
        unwanted_messages.clear();
        labels.clear();
        notes.iter_mut().for_each(|it| of_note(it, &names));
        changes.iter_mut().for_each(|it| of_change(it, &names));
        line_cancellations.iter_mut().for_each(|it| of_cancellation(it, &names));
        line_refunds.iter_mut().for_each(|it| of_line_refund(it, &names));
        returns.iter_mut().for_each(|it| of_return(it, &names));
        hands.iter_mut().for_each(|it| of_hand(it, &names));
        if let Some(named) = named.as_mut().filter(|_| books == Books::Erased) {
            named.tax_number.clear();
        }
    }
}

/// Erases what events say in words, and the customer where they were the actor. What happened, when, and to what state
/// stays; so do the words about the erasure itself. Of what goes the digests stay, for the chain of the events.
pub fn erase_from_events(events: &mut [Event], names: &PersonNames) {
    for event in events {
        let Event { order: _, sequence: _, at: _, actor, kind, transition: _, text, principal, seal } = event;
        let Seal { link: _, text: of_text, actor: of_name, principal: of_principal } = seal;
        of_sealed_actor(actor, Some(of_name), names);
        if let Some(principal) = principal {
            of_sealed_actor(principal, of_principal.as_mut(), names);
        }
        if *kind != EventKind::CustomerDataErased {
            of_text.erase(text);
            text.clear();
        }
    }
}

fn of_sealed_actor(actor: &mut Actor, commitment: Option<&mut Commitment>, names: &PersonNames) {
    if names.is(actor) {
        if let Some(commitment) = commitment {
            commitment.erase(actor.as_str());
        }
        *actor = nobody();
    }
}

fn of_actor(actor: &mut Actor, names: &PersonNames) {
    if names.is(actor) {
        *actor = nobody();
    }
}

/// Words that stood there are gone, and that there were some is still seen.
fn replace(text: &mut String) {
    if !text.is_empty() {
        ERASED.clone_into(text);
    }
}

/// The language stays: papers are written in it.
fn of_customer(customer: &mut Customer) {
    let locale = std::mem::take(&mut customer.locale);
    *customer = Customer { locale, ..Customer::nobody() };
}

/// The country stays: the tax depends on it.
fn of_address(address: &mut Address) {
    let country = std::mem::take(&mut address.country);
    *address = Address { country, ..Address::nowhere() };
}

fn of_line(line: &mut OrderLine, names: &PersonNames) {
    if let Some(done) = &mut line.done {
        replace(&mut done.note);
        replace(&mut done.proof_reference);
        of_actor(&mut done.by, names);
    }
}

fn of_redemption(redemption: &mut Redemption) {
    redemption.customer = None;
}

fn of_evidence(it: &mut Evidence, names: &PersonNames) {
    let Evidence {
        provider: _,
        rule: _,
        finding: _,
        facts,
        reference,
        recorded_by,
        recorded_at: _,
        outdated_at: _,
    } = it;
    facts.clear();
    reference.clear();
    of_actor(recorded_by, names);
}

fn of_attestation(it: &mut Attestation, names: &PersonNames) {
    let Attestation { rule: _, reason, by, at: _, found: _ } = it;
    replace(reason);
    of_actor(by, names);
}

fn of_assessment(it: &mut RiskAssessment, names: &PersonNames) {
    let RiskAssessment { provider: _, level: _, facts, reference, recorded_by, recorded_at: _ } = it;
    facts.clear();
    reference.clear();
    of_actor(recorded_by, names);
}

fn of_hold(it: &mut Hold, names: &PersonNames) {
    let Hold {
        id: _,
        reason: _,
        note,
        state: _,
        placed_by,
        placed_at: _,
        released_by,
        released_at: _,
        release_note,
    } = it;
    replace(note);
    replace(release_note);
    of_actor(placed_by, names);
    released_by.iter_mut().for_each(|it| of_actor(it, names));
}

/// What they did, and with which of its events, stays.
fn of_hand(it: &mut Hand, names: &PersonNames) {
    let Hand { kind: _, person, principal, since: _ } = it;
    of_actor(person, names);
    principal.iter_mut().for_each(|it| of_actor(it, names));
}

fn of_reservation(it: &mut Reservation, names: &PersonNames) {
    of_actor(&mut it.created_by, names);
    it.created_through.iter_mut().for_each(|it| of_actor(it, names));
}

fn of_approval(it: &mut Approval, names: &PersonNames) {
    replace(&mut it.comment);
    of_actor(&mut it.requested_by, names);
    // One person may have had two names, and law T4 tells the two apart.
    if let Some(decider) = it.decided_by.as_mut().filter(|it| names.is(it)) {
        *decider = nobody_else();
    }
    it.decided_principal.iter_mut().for_each(|it| of_actor(it, names));
}

/// While the books are kept an invoice names whom it was issued to, and where: name and one address, nothing else.
fn of_invoice(it: &mut Invoice, books: Books) {
    let Invoice {
        id: _,
        order: _,
        series: _,
        number: _,
        state: _,
        amounts: _,
        lines: _,
        issued_at: _,
        settled_at: _,
        seller: _,
        due_at: _,
        buyer,
        supplements: _,
        change: _,
    } = it;
    let Some(buyer) = buyer else { return };
    let Buyer { customer, billing_address, shipping_address } = buyer.as_mut();
    match (books, billing_address) {
        (Books::Kept, billed) => {
            for text in [&mut customer.email, &mut customer.phone, &mut customer.phone_extension] {
                text.clear();
            }
            if billed.is_some() {
                of_address(shipping_address);
            }
        }
        (Books::Erased, billed) => {
            of_customer(customer);
            of_address(shipping_address);
            billed.iter_mut().for_each(of_address);
        }
    }
}

fn of_credit_note(it: &mut CreditNote, names: &PersonNames) {
    let CreditNote {
        id: _,
        order: _,
        invoice: _,
        series: _,
        number: _,
        amounts: _,
        lines: _,
        reason,
        issued_by,
        issued_at: _,
    } = it;
    replace(reason);
    of_actor(issued_by, names);
}

fn of_payment(it: &mut Payment, books: Books, names: &PersonNames) {
    let own = it.id.to_string();
    let Payment {
        id: _,
        order: _,
        invoice: _,
        method: _,
        state: _,
        means,
        request: _,
        attempts: _,
        amount: _,
        captured_minor: _,
        failure,
        created_by,
        created_at: _,
        updated_at: _,
        refunds,
    } = it;
    match means {
        Means::Provider(at) => at.token.clear(),
        // A transfer is told from others by its reference: its own id is one.
        Means::ByHand { reference, tendered_minor: _ } if books == Books::Erased => *reference = own,
        Means::ByHand { .. } | Means::StoreCredit(_) => {}
    }
    failure.iter_mut().for_each(replace);
    of_actor(created_by, names);
    refunds.iter_mut().for_each(|it| of_refund(it, books, names));
}

fn of_refund(it: &mut Refund, books: Books, names: &PersonNames) {
    let Refund {
        id: _,
        payment: _,
        state: _,
        amount: _,
        reason,
        handed_back,
        provider_reference: _,
        failure,
        requested_at: _,
        attempts: _,
        created_by,
        created_at: _,
        updated_at: _,
    } = it;
    replace(reason);
    failure.iter_mut().for_each(replace);
    if let Some(handed) = handed_back.as_mut().filter(|_| books == Books::Erased) {
        replace(&mut handed.reference);
    }
    of_actor(created_by, names);
}

fn of_shipment(it: &mut Shipment, names: &PersonNames) {
    let Shipment {
        id: _,
        order: _,
        number: _,
        version: _,
        location: _,
        state: _,
        items: _,
        packages: _,
        label,
        assignment,
        handover,
        tracking,
        proof,
        promised_by: _,
        estimated_at: _,
        created_at: _,
        updated_at: _,
        carrier_labels,
        labels_recorded: _,
        reports_updated: _,
        resolutions,
        told: _,
        slips: _,
        booking,
        called_off,
        courier_refusal,
        brings_rest: _,
        sent_to,
        refused_by: _,
    } = it;
    sent_to.iter_mut().for_each(|it| of_address(it));
    label.iter_mut().for_each(|it| of_actor(&mut it.created_by, names));
    assignment.iter_mut().for_each(|it| of_actor(&mut it.assigned_by, names));
    handover.iter_mut().for_each(|it| of_actor(&mut it.confirmed_by, names));
    tracking.iter_mut().for_each(|it| of_scan(it, names));
    if let Some(proof) = proof {
        replace(&mut proof.received_by);
        replace(&mut proof.location);
        proof.signature_sha256.clear();
        proof.photo_sha256.clear();
        of_actor(&mut proof.recorded_by, names);
    }
    carrier_labels.iter_mut().for_each(|it| of_carrier_label(it, names));
    for resolution in resolutions {
        replace(&mut resolution.reason);
        resolution.address.iter_mut().for_each(of_address);
        of_actor(&mut resolution.decided_by, names);
    }
    booking.iter_mut().chain(called_off).for_each(of_booking);
    courier_refusal.iter_mut().for_each(replace);
}

fn of_scan(it: &mut TrackingEvent, names: &PersonNames) {
    let TrackingEvent {
        sequence: _,
        status: _,
        incident: _,
        location,
        occurred_at: _,
        recorded_at: _,
        estimated_at: _,
        source,
        raw_code: _,
        description,
        key: _,
        origin: _,
        package: _,
        event_id: _,
        received_by,
    } = it;
    for text in [location, description, received_by] {
        replace(text);
    }
    of_actor(source, names);
}

/// The number stays, and the file goes: it has the address.
fn of_carrier_label(it: &mut CarrierLabel, names: &PersonNames) {
    let CarrierLabel { package: _, courier: _, number: _, media_type, sha256, recorded_by, recorded_at: _ } =
        it;
    media_type.clear();
    sha256.clear();
    of_actor(recorded_by, names);
}

fn of_booking(it: &mut Booking) {
    it.failure.iter_mut().for_each(replace);
}

fn of_message(it: &mut Message) {
    replace(&mut it.failure);
}

fn of_feedback(it: &mut Feedback) {
    it.comment.clear();
    it.lines.iter_mut().for_each(|it| it.comment.clear());
}

fn of_follow_up(it: &mut FollowUp, names: &PersonNames) {
    if let Some(end) = &mut it.closed {
        replace(&mut end.result);
        of_actor(&mut end.by, names);
    }
}

fn of_note(it: &mut OrderNote, names: &PersonNames) {
    let OrderNote { text, by, at: _ } = it;
    replace(text);
    of_actor(by, names);
}

fn of_change(it: &mut OrderChange, names: &PersonNames) {
    let OrderChange {
        id: _,
        state: _,
        items,
        reason,
        created_by,
        created_at: _,
        proposal,
        ended,
        outcome: _,
    } = it;
    for item in items {
        match item {
            ChangeItem::SetInstructions(text) => replace(text),
            ChangeItem::SetShippingAddress(address) => of_address(address),
            ChangeItem::SetQuantity { .. }
            | ChangeItem::RemoveLine { .. }
            | ChangeItem::AddLine(_)
            | ChangeItem::SetService(_)
            | ChangeItem::SetDiscount(_) => {}
        }
    }
    replace(reason);
    of_actor(created_by, names);
    if let Some(proposal) = proposal {
        of_actor(&mut proposal.by, names);
        proposal.basis.shipping_address.iter_mut().for_each(of_address);
    }
    if let Some(end) = ended {
        replace(&mut end.reason);
        of_actor(&mut end.by, names);
    }
}

fn of_cancellation(it: &mut LineCancellation, names: &PersonNames) {
    replace(&mut it.reason);
    of_actor(&mut it.cancelled_by, names);
}

fn of_line_refund(it: &mut LineRefund, names: &PersonNames) {
    replace(&mut it.reason);
    of_actor(&mut it.refunded_by, names);
}

fn of_return(it: &mut Return, names: &PersonNames) {
    it.lines.iter_mut().for_each(|it| replace(&mut it.note));
    replace(&mut it.override_reason);
    replace(&mut it.end_reason);
    if let Some(transit) = &mut it.transit {
        replace(&mut transit.courier);
        replace(&mut transit.tracking_number);
    }
    of_actor(&mut it.requested_by, names);
}
