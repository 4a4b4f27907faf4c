//! What an order waits for.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::string_enum;
use crate::domain::model::time::Timestamp;

string_enum! {
    /// What has to open before an order goes on.
    pub enum StuckGate {
        /// The verification of a received order.
        Verification = "VERIFICATION",
        Hold = "HOLD",
        Stock = "STOCK",
        ReservationApproval = "RESERVATION_APPROVAL",
        Payment = "PAYMENT",
        /// A provider that has not answered.
        Provider = "PROVIDER",
        PaymentApproval = "PAYMENT_APPROVAL",
        /// Picking, and the quality check.
        Picking = "PICKING",
        Packing = "PACKING",
        Label = "LABEL",
        /// A courier is to be chosen.
        Courier = "COURIER",
        /// The courier is to come.
        Pickup = "PICKUP",
        /// A letter that is not sent yet, or could not be.
        Letter = "LETTER",
        /// On the road.
        Delivery = "DELIVERY",
        /// Something went wrong on the road, or the goods came back or are lost.
        Exception = "EXCEPTION",
        /// A service is to be done.
        Service = "SERVICE",
        /// Something is owed or open that keeps an order from being closed.
        Settlement = "SETTLEMENT",
    }
}

string_enum! {
    /// Who could open a gate.
    pub enum Opener {
        Customer = "CUSTOMER",
        Approver = "APPROVER",
        Warehouse = "WAREHOUSE",
        Courier = "COURIER",
        Finance = "FINANCE",
        Support = "SUPPORT",
    }
}

/// The gate that an order stands at, and since when it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub gate: StuckGate,
    pub since: Timestamp,
}
