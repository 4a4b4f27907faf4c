//! The state machines: for each state where it may go. The enums stand with what they are about: an order's in
//! `order.rs`, a shipment's in `shipment.rs`. Whatever is not listed here is an illegal transition, and whatever is listed
//! some decision makes: a test takes every step of every table.

use std::fmt::Display;
use std::str::FromStr;

use crate::domain::model::approval::ApprovalState;
use crate::domain::model::event::Machine;
use crate::domain::model::feedback::{FeedbackState, FollowUpState};
use crate::domain::model::hold::HoldState;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::message::MessageState;
use crate::domain::model::order::OrderState;
use crate::domain::model::order_change::OrderChangeState;
use crate::domain::model::payment::PaymentState;
use crate::domain::model::refund::RefundState;
use crate::domain::model::replenishment::ReplenishmentState;
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::returns::ReturnState;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::transfer::TransferState;

/// The common part of all state machines, for code that handles any of them.
pub trait State: Copy + Eq + Display + FromStr + 'static {
    const MACHINE: Machine;
    /// The states that a new subject may have.
    const FIRST: &'static [Self];

    /// The states that may follow this one.
    fn next(self) -> &'static [Self];

    /// The written form.
    fn as_str(self) -> &'static str;
}

/// Declares one machine: its first states and, for every state, the states that may follow.
macro_rules! machine {
    ($(#[$meta:meta])* $machine:ident: $name:ident from $($first:ident)+ {
        $($state:ident => [$($to:ident)*])+
    }) => {
        impl State for $name {
            const MACHINE: Machine = Machine::$machine;
            const FIRST: &'static [Self] = &[$(Self::$first,)+];

            fn next(self) -> &'static [Self] {
                match self { $(Self::$state => &[$(Self::$to,)*],)+ }
            }

            fn as_str(self) -> &'static str {
                <$name>::as_str(self)
            }
        }

        $(#[$meta])*
        impl $name {
            /// The states that may follow this one.
            pub fn next(self) -> &'static [Self] {
                <Self as State>::next(self)
            }

            pub fn may_become(self, to: Self) -> bool {
                self.next().contains(&to)
            }

            /// Nothing follows this state.
            pub fn is_final(self) -> bool {
                self.next().is_empty()
            }
        }
    };
}

machine! {
    /// An order that was shipped closes without being delivered once all of the rest ended returned or lost,
    /// and is settled. What was delivered may turn out to have gone back: then the order is where it was before.
    /// An order of services only is invoiced once it is verified, and delivered once they are done.
    /// A reserved order whose units a count does not find, and that no other location has, waits again.
    /// Cancelling ends with the first handover. No order rests where an approval has just been given, as what follows is
    /// part of the same decision; but one that is paid and of which only a part that waits for stock is left does. An archived order may be restored: see [`OrderState::may_be_restored`].
    Order: OrderState from Received {
        Received => [Verified Cancelled]
        Verified => [Reserved AwaitingStock Invoiced Cancelled]
        AwaitingStock => [Reserved Cancelled]
        Reserved => [ReservationApproved Rejected Cancelled Expired AwaitingStock]
        ReservationApproved => [Invoiced]
        Invoiced => [PaymentCaptured Cancelled Expired]
        PaymentCaptured => [PaymentApproved Rejected Cancelled]
        PaymentApproved => [Fulfilling Cancelled]
        Fulfilling => [PartiallyShipped Shipped Delivered Cancelled]
        PartiallyShipped => [Shipped PartiallyDelivered]
        Shipped => [PartiallyDelivered Delivered Closed]
        PartiallyDelivered => [Delivered Closed PartiallyShipped Shipped]
        Delivered => [Closed PartiallyDelivered Shipped]
        Closed => [Archived]
        Rejected => [Archived]
        Cancelled => [Archived]
        Expired => [Archived]
        Archived => []
    }
}

machine! {
    Hold: HoldState from Active {
        Active => [Released]
        Released => []
    }
}

machine! {
    Approval: ApprovalState from Pending AutoApproved {
        Pending => [Approved Rejected Expired Withdrawn]
        Approved => []
        Rejected => []
        Expired => []
        Withdrawn => []
        AutoApproved => []
    }
}

machine! {
    /// Consuming another part of a partially consumed reservation is no transition; and after the first handover
    /// the rest follows, as nothing is cancelled any more.
    Reservation: ReservationState from Held {
        Held => [Confirmed Released Expired]
        Confirmed => [PartiallyConsumed Consumed Released]
        PartiallyConsumed => [Consumed]
        Consumed => []
        Released => []
        Expired => []
    }
}

machine! {
    /// Units that were announced may never arrive: they are inspected as missing, wherever the return stands. If nothing of it
    /// arrives, it is cancelled after a while, be it on its way or not.
    Return: ReturnState from Requested {
        Requested => [Authorized Declined Cancelled]
        Authorized => [InTransit PartiallyReceived Received Cancelled]
        InTransit => [PartiallyReceived Received Inspected Cancelled]
        PartiallyReceived => [Received Inspected]
        Received => [Inspected]
        Inspected => [Resolved Cancelled]
        Resolved => [Closed]
        Closed => []
        Declined => []
        Cancelled => []
    }
}

machine! {
    Invoice: InvoiceState from Open {
        Open => [Paid Void]
        Paid => []
        Void => []
    }
}

machine! {
    /// What a person records, a bank transfer or cash, is captured by the same decision.
    Payment: PaymentState from Pending {
        Pending => [Authorized Captured Failed]
        Authorized => [Captured Voided Failed]
        Captured => []
        Failed => []
        Voided => []
    }
}

machine! {
    /// What a person pays back has succeeded by the same decision. A failed refund stays one: another try is another
    /// refund.
    Refund: RefundState from Pending {
        Pending => [Succeeded Failed]
        Failed => []
        Succeeded => []
    }
}

machine! {
    /// The transitions that a command may make, and the scans of a whole journey. A courier's report may skip missing
    /// scans: see [`ShipmentState::may_be_reported`]. A short pick is planned anew.
    Shipment: ShipmentState from Planned {
        Planned => [Picking Cancelled]
        Picking => [Picked Planned Cancelled]
        Picked => [QcPassed QcFailed Cancelled]
        QcFailed => [Picking Cancelled]
        QcPassed => [Packed Cancelled]
        Packed => [Labelled QcPassed Cancelled]
        Labelled => [CourierAssigned Packed Cancelled]
        CourierAssigned => [PickedUp Labelled Cancelled]
        PickedUp => [InTransit OutForDelivery Exception Delivered]
        InTransit => [OutForDelivery AvailableForPickup Exception Delivered Returning]
        OutForDelivery => [Delivered DeliveryAttempted Exception Returning]
        DeliveryAttempted => [OutForDelivery AvailableForPickup Delivered Exception Returning]
        AvailableForPickup => [Delivered Exception Returning]
        Exception => [InTransit OutForDelivery AvailableForPickup Delivered Returning Lost]
        Returning => [Returned Exception Lost]
        Lost => [Returned Delivered]
        Returned => [Delivered]
        Delivered => []
        Cancelled => []
    }
}

machine! {
    /// What was sent or failed is queued again when a person has it sent again.
    Message: MessageState from Queued Suppressed {
        Queued => [Sent Suppressed Failed]
        Sent => [Queued]
        Suppressed => []
        Failed => [Queued]
    }
}

machine! {
    Feedback: FeedbackState from Requested {
        Requested => [Submitted Expired OptedOut]
        Submitted => []
        Expired => [Requested OptedOut]
        OptedOut => []
    }
}

machine! {
    FollowUp: FollowUpState from Open {
        Open => [Closed]
        Closed => []
    }
}

machine! {
    Replenishment: ReplenishmentState from Proposed {
        Proposed => [Approved Rejected Cancelled]
        Approved => [Ordered Cancelled]
        Ordered => [PartiallyReceived Received Cancelled]
        PartiallyReceived => [Received Cancelled]
        Received => []
        Rejected => []
        Cancelled => []
    }
}

machine! {
    Transfer: TransferState from InTransit {
        InTransit => [PartiallyReceived Received Cancelled]
        PartiallyReceived => [Received Cancelled]
        Received => []
        Cancelled => []
    }
}

machine! {
    /// A proposal is looked at anew without a step. What is open when its order ends lapses.
    OrderChange: OrderChangeState from Draft {
        Draft => [Proposed Cancelled Lapsed]
        Proposed => [Confirmed Declined Cancelled Lapsed]
        Confirmed => []
        Declined => []
        Cancelled => []
        Lapsed => []
    }
}

impl OrderState {
    /// Whether an archived order may go back to this state: to each from which orders are archived. No step forward
    /// leads back there, so the table does not have it.
    pub fn may_be_restored(self) -> bool {
        self.may_become(Self::Archived)
    }
}

impl ReservationState {
    /// Whether units are still set aside under it.
    pub fn is_open(self) -> bool {
        !self.is_final()
    }
}

impl ReplenishmentState {
    /// Whether goods may still come of it.
    pub fn is_open(self) -> bool {
        !self.is_final()
    }

    /// Whether the supplier was asked for the goods, and they are not all there.
    pub fn is_on_order(self) -> bool {
        match self {
            Self::Ordered | Self::PartiallyReceived => true,
            Self::Proposed | Self::Approved | Self::Rejected | Self::Received | Self::Cancelled => false,
        }
    }
}

impl ShipmentState {
    /// Whether the courier has it and its journey is not over for good. A lost shipment may be found, and one that was
    /// said to be back may turn out to be delivered.
    pub fn courier_may_report(self) -> bool {
        self.is_handed_over() && !self.is_final()
    }

    /// Whether a courier's reports may move a shipment from here to there. Scans may be missing and may
    /// arrive in any order, so between handover and the end every state of the journey may follow every
    /// other; what is lost or back leaves that only as a command would. A delivery may turn out to have been the
    /// sender's, when the scan of the way back comes late.
    pub fn may_be_reported(self, to: Self) -> bool {
        if (self, to) == (Self::Delivered, Self::Returned) {
            return true;
        }
        self.courier_may_report()
            && to.is_handed_over()
            && to != self
            && (!matches!(self, Self::Lost | Self::Returned) || self.may_become(to))
    }

    /// Nothing more is expected of it: followers may stop, and the customer gets no more letters.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Delivered | Self::Returned | Self::Cancelled)
    }

    /// Whether a courier has, or had, the goods: the states of the journey, its end included.
    pub fn is_handed_over(self) -> bool {
        match self {
            Self::PickedUp
            | Self::InTransit
            | Self::OutForDelivery
            | Self::DeliveryAttempted
            | Self::AvailableForPickup
            | Self::Exception
            | Self::Returning
            | Self::Returned
            | Self::Lost
            | Self::Delivered => true,
            Self::Planned
            | Self::Picking
            | Self::Picked
            | Self::QcPassed
            | Self::QcFailed
            | Self::Packed
            | Self::Labelled
            | Self::CourierAssigned
            | Self::Cancelled => false,
        }
    }
}

/// Whether a transition in the log was legal. An empty `from` stands for "did not exist": then `to` must be a
/// state that a new subject may have. Words that are no states of the machine are illegal.
pub fn legal(machine: Machine, from: &str, to: &str) -> bool {
    match machine {
        Machine::Order => moves::<OrderState>(from, to) || restored(from, to),
        Machine::Hold => moves::<HoldState>(from, to),
        Machine::Approval => moves::<ApprovalState>(from, to),
        Machine::Reservation => moves::<ReservationState>(from, to),
        Machine::Invoice => moves::<InvoiceState>(from, to),
        Machine::Payment => moves::<PaymentState>(from, to),
        Machine::Refund => moves::<RefundState>(from, to),
        Machine::Shipment => moves::<ShipmentState>(from, to) || reported(from, to),
        Machine::Message => moves::<MessageState>(from, to),
        Machine::Feedback => moves::<FeedbackState>(from, to),
        Machine::FollowUp => moves::<FollowUpState>(from, to),
        Machine::Replenishment => moves::<ReplenishmentState>(from, to),
        Machine::Transfer => moves::<TransferState>(from, to),
        Machine::OrderChange => moves::<OrderChangeState>(from, to),
        Machine::Return => moves::<ReturnState>(from, to),
    }
}

fn moves<S: State>(from: &str, to: &str) -> bool {
    let Ok(to) = to.parse::<S>() else { return false };
    if from.is_empty() {
        return S::FIRST.contains(&to);
    }
    from.parse::<S>().is_ok_and(|it| it.next().contains(&to))
}

fn restored(from: &str, to: &str) -> bool {
    from == OrderState::Archived.as_str() && to.parse::<OrderState>().is_ok_and(OrderState::may_be_restored)
}

fn reported(from: &str, to: &str) -> bool {
    let (Ok(from), Ok(to)) = (from.parse::<ShipmentState>(), to.parse()) else { return false };
    from.may_be_reported(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::BTreeSet;
    use std::fmt::Debug;

    /// What holds of every machine: all states can be reached, none follows itself, and it comes to an end.
    fn is_sound<S: State + Ord + Debug>(all: &[S]) {
        let mut reached: BTreeSet<S> = S::FIRST.iter().copied().collect();
        for _ in all {
            reached = reached.iter().flat_map(|it| it.next().iter().chain([it])).copied().collect();
        }
        assert_eq!(reached, all.iter().copied().collect(), "a state of {} is out of reach", S::MACHINE);
        assert!(all.iter().all(|it| !it.next().contains(it)), "a state of {} follows itself", S::MACHINE);
        assert!(all.iter().any(|it| it.next().is_empty()), "{} never ends", S::MACHINE);

        for to in all {
            assert_eq!(legal(S::MACHINE, "", to.as_str()), S::FIRST.contains(to));
            assert!(
                all.iter().all(|it| !it.next().contains(to) || legal(S::MACHINE, it.as_str(), to.as_str()))
            );
        }
        assert!(!legal(S::MACHINE, "", ""));
        assert!(!legal(S::MACHINE, "", "NONSENSE"));
        assert!(!legal(S::MACHINE, "NONSENSE", S::FIRST[0].as_str()));
    }

    #[test]
    fn every_machine_is_sound() {
        is_sound(OrderState::ALL);
        is_sound(HoldState::ALL);
        is_sound(ApprovalState::ALL);
        is_sound(ReservationState::ALL);
        is_sound(InvoiceState::ALL);
        is_sound(PaymentState::ALL);
        is_sound(RefundState::ALL);
        is_sound(ShipmentState::ALL);
        is_sound(MessageState::ALL);
        is_sound(FeedbackState::ALL);
        is_sound(FollowUpState::ALL);
        is_sound(ReplenishmentState::ALL);
        is_sound(TransferState::ALL);
        is_sound(OrderChangeState::ALL);
        is_sound(ReturnState::ALL);
    }

    #[test]
    fn no_gate_of_an_order_can_be_skipped() {
        use OrderState::*;
        let way = [
            Received,
            Verified,
            Reserved,
            ReservationApproved,
            Invoiced,
            PaymentCaptured,
            PaymentApproved,
            Fulfilling,
            Shipped,
            Delivered,
            Closed,
            Archived,
        ];
        for (index, from) in way.iter().enumerate() {
            for (other, to) in way.iter().enumerate() {
                // The first two are the way of services.
                let shortcuts =
                    [(Verified, Invoiced), (Fulfilling, Delivered), (Shipped, Closed), (Delivered, Shipped)];
                let shortcut = shortcuts.contains(&(*from, *to));
                assert_eq!(from.may_become(*to), other == index + 1 || shortcut, "{from} to {to}");
            }
        }
        assert!(!legal(Machine::Order, "RESERVED", "INVOICED"));
        assert!(!legal(Machine::Order, "RECEIVED", "EXPIRED"));
    }

    #[test]
    fn an_order_can_be_cancelled_until_the_first_handover_and_not_after() {
        use OrderState::*;
        for state in OrderState::ALL.iter().copied() {
            let before = matches!(
                state,
                Received
                    | Verified
                    | AwaitingStock
                    | Reserved
                    | Invoiced
                    | PaymentCaptured
                    | PaymentApproved
                    | Fulfilling
            );
            assert_eq!(state.may_become(Cancelled), before, "{state}");
        }
    }

    #[test]
    fn whatever_ends_an_order_lets_it_be_archived_and_the_archive_gives_it_back_as_that() {
        use OrderState::*;
        let ends = [Closed, Rejected, Cancelled, Expired];
        for state in ends {
            assert_eq!(state.next(), [Archived]);
        }
        assert!(Archived.is_final(), "no step forward leaves the archive");
        for state in OrderState::ALL.iter().copied() {
            assert_eq!(legal(Machine::Order, "ARCHIVED", state.as_str()), ends.contains(&state), "{state}");
        }
        assert!(!legal(Machine::Order, "DELIVERED", "CANCELLED"));
    }

    #[test]
    fn a_shipment_can_be_cancelled_until_handover_and_reported_on_after_it() {
        for state in ShipmentState::ALL.iter().copied() {
            assert!(!(state.may_become(ShipmentState::Cancelled) && state.courier_may_report()), "{state}");
        }
        assert!(!ShipmentState::CourierAssigned.courier_may_report());
        assert!(ShipmentState::PickedUp.courier_may_report());
        assert!(ShipmentState::Lost.courier_may_report());
        assert!(!ShipmentState::Delivered.courier_may_report());
    }

    #[test]
    fn a_courier_may_skip_scans_but_leaves_no_final_state() {
        assert!(legal(Machine::Shipment, "PICKED_UP", "DELIVERY_ATTEMPTED"));
        assert!(!ShipmentState::PickedUp.may_become(ShipmentState::DeliveryAttempted));
        assert!(legal(Machine::Shipment, "LOST", "DELIVERED"));
        assert!(!legal(Machine::Shipment, "LOST", "IN_TRANSIT"));
        assert!(!legal(Machine::Shipment, "COURIER_ASSIGNED", "IN_TRANSIT"));
        assert!(legal(Machine::Shipment, "RETURNED", "DELIVERED"));
        assert!(!legal(Machine::Shipment, "RETURNED", "LOST"));
        let leads_on = |end: &str| {
            let legal = |to: &&ShipmentState| legal(Machine::Shipment, end, to.as_str());
            ShipmentState::ALL.iter().copied().filter(|to| legal(&to)).collect::<Vec<_>>()
        };
        assert_eq!(leads_on("CANCELLED"), []);
        assert_eq!(leads_on("DELIVERED"), [ShipmentState::Returned], "it was the sender's");
    }
}
