//! The rules of fulfilment: pure, synchronous, total. Time, ids and policies are arguments.
//! Nothing here names tonic, prost, sea-orm or tokio.
//!
//! In reading order; each wing names those above it in this list, never those below:
//!
//! | wing | what lives there |
//! |---|---|
//! | `model` | what things are: data, state tables, accessors; decides nothing |
//! | `unit` | what a decision works with: the unit of work, the journal, the form of a command |
//! | `billing` | prices, invoices, credit notes, payments, refunds |
//! | `documents` | what is written for people: letters, invoices, labels, slips |
//! | `promise` | couriers' offers, and dates that can be kept |
//! | `inventory` | levels, reservations, counts, transfers, buying again |
//! | `catalogue`, `couriers` | products and locations; couriers |
//! | `shipping` | picking, packing, labels, quotes, handover, tracking, delivery |
//! | `discounts` | discount codes, and who redeems them |
//! | `customers` | customers' accounts and consents, letters to them, and their feedback |
//! | `access` | API keys that calls create and revoke |
//! | `returns` | goods that come back, and what the customer gets for them |
//! | `approvals` | the gates between stock, money and fulfilment |
//! | `ordering` | an order as a whole, from receipt to archive |
//! | `privacy` | a person's data: kept by a legal hold, and erased |
//! | `process` | what runs across all of them: what happens by itself, what is due, the timeline |
//! | `invariants` | the laws that the books keep |
//!
//! An order's rules are methods that stand in the wing whose rule they are.

mod access;
mod approvals;
mod billing;
mod catalogue;
mod couriers;
mod customers;
mod discounts;
mod documents;
mod invariants;
mod inventory;
mod model;
mod ordering;
mod privacy;
mod process;
mod promise;
mod returns;
mod shipping;
#[cfg(test)]
pub(crate) mod tests;
mod unit;

pub use access::keys::{CreateApiKey, RevokeApiKey};
pub use approvals::decide::{DecideApproval, Decision};
pub use billing::pay::{BeginPayment, CapturePayment, NewPayment, ReceivedMoney, RecordPayment, VoidPayment};
pub use billing::reconcile::{Discrepancy, ProviderPayment};
pub use billing::refund::RefundPayment;
pub use billing::refund_lines::RefundQuote;
pub use billing::tax_rows::TaxRow;
pub use catalogue::import::{ImportProduct, Imported};
#[cfg(test)]
pub(crate) use catalogue::location::create_location;
pub use catalogue::location::{CreateLocation, DeactivateLocation, ReactivateLocation, UpdateLocation};
#[cfg(test)]
pub(crate) use catalogue::product::create_product;
pub use catalogue::product::{CreateProduct, DeactivateProduct, ReactivateProduct, UpdateProduct};
pub use couriers::courier::{CreateCourier, DeactivateCourier, ReactivateCourier, UpdateCourier};
pub use customers::account::{BlockCustomer, CreateCustomer, UnblockCustomer, UpdateCustomer};
pub use customers::ask_again::{OptOutFeedback, RequestFeedback};
pub use customers::feedback::{FeedbackAnswer, FeedbackKey, FeedbackTarget, SubmitFeedback};
pub use customers::follow_up::CloseFollowUp;
pub use customers::preference::SetNotificationPreference;
pub(crate) use customers::resend::RESENT_AT_ONCE_MAX;
pub use customers::resend::{ResendFailedMessages, ResendMessage};
pub use discounts::code::{CountedCode, CreateDiscountCode, DeactivateDiscountCode, ReactivateDiscountCode};
pub use documents::invoice::invoice_paper;
pub use documents::invoice_paper::{
    InvoiceColumn, InvoicePaper, InvoiceRow, InvoiceSum, PaymentBox, SumWeight,
};
pub use documents::label::PaperFacts;
pub use documents::letters::language::Language;
pub use documents::letters::links::{LinkPattern, Links};
pub use documents::letters::{Letter, Letters, message_to_preview};
pub use documents::manifest::{manifest_paper, manifest_text};
pub use documents::packing_slip::packing_slip;
pub use documents::paper::{Goods, GoodsList, LabelPaper, Paper, Parcel, SheetKind, SheetPaper};
pub use invariants::exchanges::{EXCHANGES, count_exchanges, exchange_violations};
pub use invariants::findings::{LAWS, Violation};
pub use invariants::history::{chain_violation, history_violations};
pub use invariants::order::law;
pub use inventory::adjust::{AdjustReason, AdjustStock};
pub(crate) use inventory::adjust_many::ADJUSTMENTS_MAX;
pub use inventory::adjust_many::BatchAdjustStock;
pub use inventory::availability::{CheckAvailability, Destination, Inquiry, Outlook, RegionOutlook};
pub(crate) use inventory::count::TOUCHED_MAX;
pub use inventory::count::{CountStock, Counted, SettleCount};
pub use inventory::expire::{ExpireReservation, ReleaseExpired, ReleaseReservation, release_expired};
pub use inventory::extend::{ConfirmReservation, ExtendReservation};
pub use inventory::ledger::Posted;
pub use inventory::plan_allocation::{AllocationPlan, Candidate, PlanAllocation, PlannedItem};
pub use inventory::quality::{HeldUnits, ReleaseQualityHold, ScrapStock};
#[cfg(test)]
pub(crate) use inventory::receive::receive_stock;
pub use inventory::receive::{ReceiveStock, ReceivedStock};
pub use inventory::redate::RedateOrder;
pub use inventory::replenish::{
    DecideReplenishment, PlaceReplenishment, ReorderRule, SetReorderRule, UpdateReplenishment,
};
pub use inventory::reserve::FillOrder;
#[cfg(test)]
pub(crate) use inventory::reserve_for_others::reserve_stock;
pub use inventory::reserve_for_others::{NewReservation, ReserveStock, StockSource};
pub(crate) use inventory::transfer::TRANSFER_ITEMS_MAX;
pub use inventory::transfer::{Arrival, CancelTransfer, ReceiveTransfer, TransferStock};
pub use model::account::{
    ADDRESSES_MAX, AccountAddress, AccountChange, Block, CustomerAccount, NamedCustomer, TERMS_DAYS_MAX,
};
pub use model::action::Action;
pub use model::address::{Address, STREET_LINES_MAX};
pub use model::amounts::{Amounts, Discount, LineAmounts};
pub use model::approval::{Approval, ApprovalState, Gate};
pub use model::availability::{AvailabilityFound, LineAvailability};
pub use model::backoff::backoff;
pub use model::bank_numbers::{Iban, creditor_reference, is_bic};
pub use model::booking::{
    BookedCourier, BookedCouriers, BookedParts, Booking, BookingAnswer, BookingRequest, BoughtLabel,
    CourierAnswer, OpenBookingRequest, SoldFile, SoldLabel,
};
pub use model::calendar::{HOLIDAYS_MAX, WINDOWS_MAX, WorkingCalendar, WorkingHours};
pub use model::capacity::{
    CAPACITY_DAYS, CapacityOf, DailyShipments, SHIPMENTS_PER_DAY_MAX, count_daily_shipments,
};
pub use model::chain::{ChainBreak, first_break};
pub use model::check::{Check, Fault, Risk, Rule, Severity, Verdict};
pub use model::consent::{Consent, ConsentPurpose};
pub use model::consignment::{Consignment, Load, Origin, Party};
pub(crate) use model::contact::EXTENSION_MAX;
pub use model::courier::{
    Courier, CourierChange, CourierNames, CourierRecord, CourierRecords, DeliveryArea, DeliveryZone,
    LiveRate, LiveRates, PostalCodes, Quote, Rate, RateArea, WeightBand, postal_key,
};
pub use model::credit_note::CreditNote;
pub use model::customer::Customer;
pub use model::data_read::DataRead;
pub use model::data_subject::DataSubject;
pub use model::day::Day;
pub use model::discount::{
    CreditDraw, DISCOUNT_USES_MAX, DiscountCode, DiscountKey, Gives, MINIMUMS_MAX, RedeemingCustomer,
    Redemption, StoreCredit,
};
pub use model::discount_uses::{DiscountUses, DiscountUsesByKey, count_discount_uses};
pub use model::document_kind::{DocumentKind, ReturnDocumentKind};
pub use model::erasure::{Erased, LegalHold, PersonNames};
pub use model::etag::{check_etag, etag};
pub use model::event::{Event, EventKind, Machine, Transition};
pub use model::event_subscription::{EventSubscription, SUBSCRIPTIONS_MAX, SigningSecret, SubscriptionState};
pub use model::evidence::{Attestation, Evidence, Finding, RiskAssessment};
pub use model::exchange::{
    EXCHANGES_DEEP_MAX, Exchange, ExchangeLine, ExchangeOf, ExchangeValue, InExchange, Instead,
};
pub use model::feedback::{
    Feedback, FeedbackReason, FeedbackState, FollowUp, FollowUpEnd, FollowUpState, LineFeedback,
};
pub use model::feedback_token::{FeedbackSecret, FeedbackToken};
pub use model::gtin::Gtin;
pub use model::hand::{HANDS_MAX, Hand, HandKind, Person};
pub use model::handling::{Dimensions, Handling};
pub use model::history::{
    CannotResume, Counters, EVENTS_COUNTER, Given, Histories, History, NextHistory, NumberGap,
    ORDERS_COUNTER, ReadTo, series_counters, with_series,
};
pub use model::hold::{Hold, HoldReason, HoldState};
pub use model::in_use::{IfInUse, USES_MAX, Use, Uses};
pub use model::invoice::{Buyer, Invoice, InvoiceLine, InvoiceState, invoice_number};
pub use model::issued_key::{IssuedKey, LIVE_KEYS_MAX, Revocation};
pub use model::label_file::LabelFile;
pub use model::labels::{LABEL_KEY_MAX, LABEL_VALUE_MAX, LABELS_MAX, Labels, is_label_key};
pub use model::line::OrderLine;
pub use model::line_cancellation::{CancelledUnits, LineCancellation};
pub use model::line_refund::{LineRefund, RefundedUnits};
pub use model::location::{Location, LocationChange};
pub use model::lot::{Lot, LotName, LotNamed, LotOnTheWay, LotUnits};
pub use model::manifest::{Manifest, ManifestEntry};
pub use model::message::{Message, MessageKind, MessageState, Suppression, SuppressionReason, Unsent};
pub use model::message_text::MessageText;
pub use model::method::Method;
pub use model::money::{Currency, Money};
pub use model::new_order::{Named, NewLine, NewOrder};
pub use model::note::OrderNote;
pub use model::order::{Order, OrderState};
pub use model::order_change::{
    AddedLine, ChangeApproval, ChangeEnd, ChangeItem, ChangeOutcome, ChangeProposal, ChangeStock,
    OrderChange, OrderChangeState, WantedDiscount, WantedService,
};
pub use model::payment::{
    AtProvider, Means, OpenRequest, Payment, PaymentState, ProviderAnswer, ProviderRequest,
    bank_reference_key,
};
pub use model::policy::{
    Allocation, ApprovalRules, CourierWeights, GateRules, MayPass, PickupScan, ReturnRules, ReturnShipping,
    Rules, ShippingFee, SlipRules, TaxRule, WaitRules, WeightRules,
};
pub use model::product::{Price, Product, ProductChange};
pub use model::promise::{Promise, PromiseLeg, PromiseOccasion};
pub use model::recipient::{BareAddress, Sender};
pub use model::redelivery::{DeliveryState, Redelivery};
pub use model::refund::{HandedBack, Refund, RefundState};
pub use model::refusal::{Problem, Problems, Reason, Refusal, Shortage};
pub use model::replenishment::{Replenishment, ReplenishmentState};
pub use model::reservation::{PassedOver, Reallocation, Reservation, ReservationState, ReservedItem};
pub use model::returns::{
    ResolvedUnits, Return, ReturnDisposition, ReturnLine, ReturnReason, ReturnResolution, ReturnState,
    ReturnTransit,
};
pub use model::scalars::{
    ANONYMOUS, Actor, ApprovalId, BookingId, Channel, CourierCode, CreditNoteId, CustomerId, FollowUpId,
    HistoryId, HoldId, Ids, Invalid, InvoiceId, JobId, KeyId, LocationCode, MessageId, MovementId, OnLate,
    OnShortage, OrderChangeId, OrderId, PaymentId, RefundId, RegionCode, ReplenishmentId, ReservationId,
    ReturnId, SellerId, ServiceLevel, ShipmentId, Sku, SubscriptionId, TransferId,
};
pub use model::seal::{Link, Seal};
pub use model::search_key::{caseless, phone_digits, phone_searched};
pub use model::seller::{BankAccount, Seller};
pub use model::service::{ProductKind, ServiceDone};
pub use model::shipment::{
    Assignment, CarrierLabel, Handover, Label, Package, PackedItem, Proof, Resolution, ResolutionKind,
    Shipment, ShipmentItem, ShipmentState,
};
pub use model::slip::{Slip, SlipKind, SlipSubject};
pub use model::states::{State, legal};
pub use model::stock::{Movement, MovementKind, StockLevel};
pub use model::time::Timestamp;
pub use model::time_zone::TimeZone;
pub use model::tracking::{ReportOrigin, TrackingEvent, TrackingReport, TrackingStatus};
pub use model::transfer::{Transfer, TransferItem, TransferState};
pub use model::waiting::{Opener, StuckGate, Waiting};
pub use model::written::{folded, folded_lines};
pub use ordering::archive::{ArchiveOrder, RestoreOrder};
pub use ordering::cancel::CancelOrder;
pub use ordering::cancel_lines::CancelOrderLines;
pub use ordering::card_numbers::looks_like_card_number;
pub use ordering::change::{Correction, UpdateOrder};
pub use ordering::close::CloseOrder;
pub(crate) use ordering::evidence::NOT_HEARD;
pub use ordering::evidence::{RecordRiskAssessment, RecordVerification, Source};
pub use ordering::holds::{PlaceHold, ReleaseHold};
pub use ordering::labels::SetOrderLabels;
pub use ordering::notes::AddOrderNote;
pub(crate) use ordering::order_change::ITEMS_MAX as CHANGE_ITEMS_MAX;
pub use ordering::order_change::{ChangeStep, CreateOrderChange, DecideOrderChange};
pub use ordering::receive::CreateOrder;
pub use ordering::resolve::{ResolveException, Way};
pub use ordering::services::CompleteServiceLine;
pub use ordering::verify::{Attest, VerifyOrder, Waive};
pub use privacy::erase::{EraseCustomer, EraseOrder};
pub use privacy::legal_hold::{ChangeLegalHoldOfCustomer, ChangeLegalHoldOfOrder, LegalHoldChange};
pub use privacy::redact::erase_from_events;
pub use privacy::seal::SealOrder;
pub use process::decide::decide;
pub(crate) use process::redeliver::REDELIVERED_AT_ONCE_MAX;
pub use process::redeliver::RedeliverEvents;
pub use process::schedule::{OutboundAnswer, OutboundTask, RecordAnswers, RunDue};
pub use process::status::{FulfillmentStatus, LineProgress, PaymentStatus, ReturnStatus};
pub use process::stuck::Wait;
pub use process::subscribe::{ChangeEventSubscription, CreateEventSubscription, SubscriptionChange};
pub use process::timeline::lines::timeline;
pub use process::timeline::steps::{Step, StepLine, StepState};
pub use process::unavailable::UnavailableAction;
pub use returns::create::{CreateReturn, ReturnedUnits};
pub use returns::decide::{DecideReturn, ReturnDecision};
pub use returns::papers::return_paper;
pub use returns::receive::{ArrivedUnits, InspectReturn, InspectedUnits, ReceiveReturn};
pub use returns::resolve::ResolveReturn;
pub use returns::simulate::{ExchangeQuote, ReturnQuote, SimulateReturn};
pub use shipping::assign::AssignCourier;
pub use shipping::carrier_label::{NewCarrierLabel, RecordCarrierLabel};
pub use shipping::carriers::{CARRYING, Carriers, Seen};
pub use shipping::check::{LineCheck, RecordQualityCheck};
pub use shipping::deliver::{ConfirmDelivery, Delivery};
pub use shipping::documents::{WantedDocument, paper_warnings, shipment_paper};
pub use shipping::hand_over::ConfirmPickup;
pub use shipping::label::{CreateShippingLabel, VoidShippingLabel};
pub use shipping::lots::PickedLot;
pub(crate) use shipping::manifest::HANDED_OVER_MAX;
pub use shipping::manifest::{ConfirmManifest, HandedOver, manifest};
pub use shipping::pack::PackShipment;
pub use shipping::pick::{LineUnits, RecordPick, StartPicking};
pub use shipping::quote::{Decline, Offers, QuoteCouriers};
pub use shipping::track::{RecordTracking, RecordedTracking, ReportOutcome};
pub use shipping::weight::package_warning;
pub use unit::callers::count_open;
#[cfg(test)]
pub(crate) use unit::command::conclude;
pub use unit::command::{Command, OnOrder, OrderCommand, Target};
pub use unit::unit_of_work::{ChangeSet, Lease, Loaded, Part, ReadSet, Snapshot, UnitOfWork};
pub use unit::warm_up::WarmUp;
