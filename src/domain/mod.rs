//! The rules of fulfilment: pure, synchronous, total. Time, ids and policies are arguments.
//! Nothing here names tonic, prost, sea-orm or tokio.

mod actions;
mod advance;
mod allocate;
mod approval;
mod backoff;
mod case;
mod commands;
mod courier;
mod customer;
mod deliver;
mod desk;
mod event;
mod feedback;
mod finish;
mod fulfil;
mod inventory;
mod invoice;
mod label;
mod laws;
mod letters;
mod merge;
mod message;
mod money;
mod order;
mod pay;
mod payment;
mod pricing;
mod quote;
mod receive;
mod recipient;
mod refusal;
mod rules;
mod shipment;
mod states;
mod status;
mod stock;
#[cfg(test)]
pub(crate) mod tests;
mod time;
mod timeline;
mod tracking;
mod verify;
mod words;

pub use actions::Action;
pub use advance::Decision;
pub use allocate::free_overdue;
pub use approval::{Approval, ApprovalState, Gate};
pub use backoff::backoff;
pub use case::{check_etag, etag};
#[cfg(test)]
pub(crate) use commands::conclude;
pub use commands::{
    AdjustStock, ArchiveOrder, AssignCourier, BeginPayment, CancelOrder, CapturePayment, CheckAvailability,
    CloseOrder, Command, ConfirmDelivery, ConfirmPickup, CreateCourier, CreateLocation, CreateOrder,
    CreateProduct, CreateShippingLabel, DecideApproval, DecideReplenishment, Delivery, ExpireReservation,
    FillOrder, FreeExpired, Offers, OnOrder, OrderCommand, OutboundAnswer, PackShipment, PlaceHold, Posted,
    QuoteCouriers, ReceiveStock, ReceivedStock, RecordAnswers, RecordPayment, RecordPick, RecordQualityCheck,
    RecordTracking, RecordedTracking, RefundPayment, ReleaseHold, ReleaseReservation, ReserveStock, RunDue,
    SetReorderRule, StartPicking, StockSource, SubmitFeedback, Target, UpdateOrder, VerifyOrder, VoidPayment,
    VoidShippingLabel,
};
pub use courier::{Courier, CourierNames, Quote, Rate};
pub use customer::{Address, Check, Customer, Risk, Rule, Verdict};
pub use deliver::{Recorded, Report};
pub use desk::{Changes, Desk, Lease, Loaded, Part, Touch, World};
pub use event::{Event, EventKind, Machine, Transition};
pub use feedback::{Feedback, FeedbackState};
pub use finish::Errand;
pub use fulfil::{Decline, LineCheck, LineUnits};
pub use inventory::{AdjustReason, Destination, Inquiry, NewReservation, Outlook};
#[cfg(test)]
pub(crate) use inventory::{
    adjust_stock, check_availability, create_courier, create_location, create_product, decide_replenishment,
    expire_reservation, receive_stock, release_reservation, reserve_stock, set_reorder_rule,
};
pub use invoice::{Amounts, Discount, Invoice, InvoiceLine, InvoiceState, LineAmounts, invoice_number};
pub use label::packing_slip;
pub use laws::{Breach, LAWS, history_breaches, law};
pub use letters::{Letter, letter};
pub use message::{Message, MessageKind, MessageState, Unsent};
pub use money::{Currency, Money};
pub use order::{
    AvailabilityFound, Hold, HoldReason, HoldState, LineAvailability, NewLine, NewOrder, Order, OrderLine,
    OrderState,
};
pub use pay::{NewPayment, ReceivedMoney};
pub use payment::{
    Ask, AtProvider, HandedBack, Means, Method, OpenRequest, Payment, PaymentState, ProviderAnswer, Refund,
    RefundState, bank_reference_key,
};
pub use receive::{Correction, Waive};
pub use recipient::{BareAddress, Recipient, Sender};
pub use refusal::{Problem, Problems, Reason, Refusal, Shortage};
pub use rules::{ApprovalRules, GateRules, Rules, ShippingFee, TaxRule};
pub use shipment::{
    Assignment, Handover, Label, Package, PackedItem, Proof, Shipment, ShipmentItem, ShipmentState,
};
pub use states::{State, legal};
pub use status::{FulfillmentStatus, LineProgress, PaymentStatus};
pub use stock::{
    Location, Movement, MovementKind, Product, Replenishment, ReplenishmentState, Reservation,
    ReservationState, ReservedItem, StockLevel,
};
pub use time::Timestamp;
pub use timeline::{Step, StepLine, StepState, timeline};
pub use tracking::{TrackingEvent, TrackingStatus};
pub use verify::looks_like_card_number;
pub use words::{
    Actor, ApprovalId, Channel, CourierCode, HoldId, Ids, Invalid, InvoiceId, JobId, LocationCode, MessageId,
    MovementId, OnShortage, OrderId, PaymentId, RefundId, RegionCode, ReplenishmentId, ReservationId,
    ServiceLevel, ShipmentId, Sku,
};
