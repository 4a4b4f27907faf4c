//! Enums of the domain and of the wire, mapped to each other: one entry per enum, exhaustive both ways.

/// Maps an enum of the domain to the enum of the same meaning on the wire; with a second name, back as well. A value
/// that only the domain has does not compile; a value that only the wire has fails a test.
macro_rules! enum_map {
    ($($to:ident $(, $from:ident)?: $domain:ident = $wire:ident { $($value:ident = $twin:ident),+ $(,)? })+) => { $(
        pub(crate) fn $to(value: $crate::domain::$domain) -> i32 {
            let twin = match value { $($crate::domain::$domain::$value => $crate::pb::$wire::$twin,)+ };
            twin.into()
        }

        $(
            /// `None` for UNSPECIFIED and for numbers that are no value of the enum.
            pub(crate) fn $from(number: i32) -> Option<$crate::domain::$domain> {
                let all = $crate::domain::$domain::ALL.iter().copied();
                all.filter(|_| number != 0).find(|it| $to(*it) == number)
            }
        )?

        #[cfg(test)]
        mod $to {
            #[test]
            fn wire_and_domain_have_the_same_values() {
                let twins = $crate::domain::$domain::ALL.iter().map(|it| (super::$to(*it), it.as_str()));
                $crate::rpc::enums::assert_twins(
                    &twins.collect::<Vec<_>>(),
                    |number| $crate::pb::$wire::try_from(number).ok().map(|it| it.as_str_name()),
                );
            }
        }
    )+ };
}
enum_map! {
    channel, to_channel: Channel = Channel { Online = Online, Phone = Phone, InPerson = InPerson }
    service_level, to_service_level: ServiceLevel = ServiceLevel {
        Standard = Standard, Express = Express, Overnight = Overnight,
    }
    document_kind, to_document_kind: DocumentKind = DocumentKind {
        ShippingLabelPdf = ShippingLabelPdf, ShippingLabelZpl = ShippingLabelZpl, PackingSlipPdf = PackingSlipPdf,
        PickListPdf = PickListPdf, ReturnFormPdf = ReturnFormPdf,
    }
    return_document_kind, to_return_document_kind: ReturnDocumentKind = ReturnDocumentKind {
        FormPdf = FormPdf, LabelPdf = LabelPdf, LabelZpl = LabelZpl,
    }
    on_shortage, to_on_shortage: OnShortage = OnShortage {
        Refuse = Refuse, Wait = Wait, ShipAvailable = ShipAvailable,
    }
    allocation, to_allocation: Allocation = AllocationStrategy {
        FewestShipments = FewestShipments, Priority = Priority, Nearest = Nearest, LeastCost = LeastCost,
        Fefo = Fefo,
    }
    consent_purpose, to_consent_purpose: ConsentPurpose = ConsentPurpose { Feedback = Feedback, Offers = Offers }
    on_late, to_on_late: OnLate = OnLate { Accept = Accept, Refuse = Refuse, Hold = Hold }
    method, to_method: Method = PaymentMethod {
        Card = Card, Paypal = Paypal, BankTransfer = BankTransfer, Cash = Cash, StoreCredit = StoreCredit,
    }
    hold_reason, to_hold_reason: HoldReason = HoldReason {
        VerificationFailed = VerificationFailed, IncorrectAddress = IncorrectAddress,
        HighRiskOfFraud = HighRiskOfFraud, UnknownDeliveryDate = UnknownDeliveryDate, QualityFailure = QualityFailure,
        InventoryOutOfStock = InventoryOutOfStock, CustomerRequest = CustomerRequest, Compliance = Compliance,
        Other = Other,
    }

    order_state: OrderState = OrderState {
        Received = Received, Verified = Verified, AwaitingStock = AwaitingStock, Reserved = Reserved,
        ReservationApproved = ReservationApproved, Invoiced = Invoiced, PaymentCaptured = PaymentCaptured,
        PaymentApproved = PaymentApproved, Fulfilling = Fulfilling, PartiallyShipped = PartiallyShipped,
        Shipped = Shipped, PartiallyDelivered = PartiallyDelivered, Delivered = Delivered, Closed = Closed,
        Archived = Archived, Rejected = Rejected, Cancelled = Cancelled, Expired = Expired,
    }
    payment_status: PaymentStatus = PaymentStatus {
        Unpaid = Unpaid, Pending = Pending, Authorized = Authorized, PartiallyPaid = PartiallyPaid, Paid = Paid,
        PartiallyRefunded = PartiallyRefunded, Refunded = Refunded,
    }
    fulfillment_status: FulfillmentStatus = FulfillmentStatus {
        Unfulfilled = Unfulfilled, InPreparation = InPreparation, PartiallyShipped = PartiallyShipped,
        Shipped = Shipped, PartiallyDelivered = PartiallyDelivered, Delivered = Delivered, Cancelled = Cancelled,
    }
    risk, to_risk: Risk = RiskLevel { Low = Low, Medium = Medium, High = High }
    rule, to_rule: Rule = VerificationRule {
        Contact = Contact, ContactDetails = ContactDetails, Address = Address, AddressDetails = AddressDetails,
        RegionServed = RegionServed, DuplicateOrder = DuplicateOrder, BlockedCustomer = BlockedCustomer,
    }
    verdict: Verdict = VerificationOutcome {
        Passed = Passed, Warned = Warned, Failed = Failed, Attested = Attested,
    }
    finding, to_finding: Finding = VerificationFinding { Passed = Passed, Failed = Failed }
    hold_state: HoldState = HoldState { Active = Active, Released = Released }
    step: Step = Step {
        ReceiveOrder = ReceiveOrder, VerifyCustomer = VerifyCustomer, CheckAvailability = CheckAvailability,
        ReserveInventory = ReserveInventory, ApproveReservation = ApproveReservation,
        GenerateInvoice = GenerateInvoice, CapturePayment = CapturePayment, ApprovePayment = ApprovePayment,
        PrepareOrder = PrepareOrder, PackageProducts = PackageProducts, CreateLabel = CreateLabel,
        AssignCourier = AssignCourier, ConfirmPickup = ConfirmPickup, NotifyShipment = NotifyShipment,
        TrackShipment = TrackShipment, ConfirmDelivery = ConfirmDelivery, ConfirmToCustomer = ConfirmToCustomer,
        CloseOrder = CloseOrder, ArchiveOrder = ArchiveOrder, PrepareNextOrder = PrepareNextOrder,
    }
    step_state: StepState = StepState {
        Pending = Pending, Ready = Ready, InProgress = InProgress, Blocked = Blocked, Done = Done, Skipped = Skipped,
        Failed = Failed, Compensated = Compensated,
    }
    message_kind, to_message_kind: MessageKind = MessageKind {
        OrderReceived = OrderReceived, OnHold = OnHold, AwaitingStock = AwaitingStock, InvoiceIssued = InvoiceIssued,
        PaymentReceived = PaymentReceived, Shipped = Shipped, OutForDelivery = OutForDelivery,
        DeliveryDelayed = DeliveryDelayed, DeliveryException = DeliveryException,
        DeliveryAttempted = DeliveryAttempted, ReadyForPickup = ReadyForPickup,
        DeliveryConfirmed = DeliveryConfirmed, OrderCancelled = OrderCancelled, OrderExpired = OrderExpired,
        OrderRejected = OrderRejected, RefundIssued = RefundIssued, LocationChanged = LocationChanged,
        DeliveryRearranged = DeliveryRearranged,
        EstimateMoved = EstimateMoved, PromiseMissed = PromiseMissed, HoldReleased = HoldReleased,
        OrderUpdated = OrderUpdated, PromiseChanged = PromiseChanged, FeedbackRequested = FeedbackRequested,
        OrderLinesCancelled = OrderLinesCancelled, ReturnAuthorized = ReturnAuthorized,
        ReturnDeclined = ReturnDeclined, ReturnReceived = ReturnReceived, ReturnResolved = ReturnResolved,
        ChangeProposed = ChangeProposed,
    }
    message_state: MessageState = MessageState {
        Queued = Queued, Sent = Sent, Suppressed = Suppressed, Failed = Failed,
    }
    suppression_reason: SuppressionReason = SuppressionReason {
        NoAddress = NoAddress, AddressNotVerified = AddressNotVerified, Outdated = Outdated, NotWanted = NotWanted,
    }
    feedback_state: FeedbackState = FeedbackState {
        Requested = Requested, Submitted = Submitted, Expired = Expired, OptedOut = OptedOut,
    }
    feedback_reason, to_feedback_reason: FeedbackReason = FeedbackReason {
        Late = Late, Damaged = Damaged, WrongItem = WrongItem, MissingItem = MissingItem,
        NotAsDescribed = NotAsDescribed, Quality = Quality, Packaging = Packaging, CourierConduct = CourierConduct,
        Price = Price, CustomerService = CustomerService, Other = Other,
    }
    follow_up_state: FollowUpState = FollowUpState { Open = Open, Closed = Closed }

    product_kind, to_product_kind: ProductKind = ProductKind { Goods = Goods, Service = Service }
    adjust_reason, to_adjust_reason: AdjustReason = AdjustmentReason {
        Count = Count, Found = Found, Lost = Lost, Damage = Damage, Scrap = Scrap, QualityHold = QualityHold,
        Restock = Restock, SafetyStock = SafetyStock,
    }
    movement_kind: MovementKind = MovementKind {
        Receipt = Receipt, Reserve = Reserve, Release = Release, Expire = Expire, Ship = Ship, Adjust = Adjust,
        Damage = Damage, QualityHold = QualityHold, Restock = Restock, Count = Count,
        TransferOut = TransferOut, TransferIn = TransferIn,
    }
    reservation_state: ReservationState = ReservationState {
        Held = Held, Confirmed = Confirmed, PartiallyConsumed = PartiallyConsumed, Consumed = Consumed,
        Released = Released, Expired = Expired,
    }
    return_state: ReturnState = ReturnState {
        Requested = Requested, Authorized = Authorized, InTransit = InTransit,
        PartiallyReceived = PartiallyReceived, Received = Received, Inspected = Inspected, Resolved = Resolved,
        Closed = Closed, Declined = Declined, Cancelled = Cancelled,
    }
    return_reason, to_return_reason: ReturnReason = ReturnReason {
        Damaged = Damaged, Defective = Defective, WrongItem = WrongItem, NotAsDescribed = NotAsDescribed,
        ArrivedLate = ArrivedLate, ChangedMind = ChangedMind, DoesNotFit = DoesNotFit, Other = Other,
    }
    return_disposition, to_return_disposition: ReturnDisposition = ReturnDisposition {
        Restock = Restock, Quarantine = Quarantine, Scrap = Scrap, Missing = Missing,
        BackToCustomer = BackToCustomer,
    }
    return_resolution, to_return_resolution: ReturnResolution = ReturnResolution {
        Refund = Refund, StoreCredit = StoreCredit, Repair = Repair, Reject = Reject, Exchange = Exchange,
    }
    return_status: ReturnStatus = ReturnStatus {
        None = None, InProgress = InProgress, PartiallyReturned = PartiallyReturned, Returned = Returned,
    }
    transfer_state: TransferState = TransferState {
        InTransit = InTransit, PartiallyReceived = PartiallyReceived, Received = Received, Cancelled = Cancelled,
    }
    replenishment_state: ReplenishmentState = ReplenishmentState {
        Proposed = Proposed, Approved = Approved, Rejected = Rejected, Ordered = Ordered,
        PartiallyReceived = PartiallyReceived, Received = Received, Cancelled = Cancelled,
    }

    shipment_state: ShipmentState = ShipmentState {
        Planned = Planned, Picking = Picking, Picked = Picked, QcPassed = QcPassed, QcFailed = QcFailed,
        Packed = Packed, Labelled = Labelled, CourierAssigned = CourierAssigned, PickedUp = PickedUp,
        InTransit = InTransit, OutForDelivery = OutForDelivery, DeliveryAttempted = DeliveryAttempted,
        AvailableForPickup = AvailableForPickup, Exception = Exception, Returning = Returning, Returned = Returned,
        Lost = Lost, Delivered = Delivered, Cancelled = Cancelled,
    }
    tracking_status, to_tracking_status: TrackingStatus = TrackingStatus {
        InfoReceived = InfoReceived, PickedUp = PickedUp, InTransit = InTransit, CustomsHold = CustomsHold,
        Delayed = Delayed, OutForDelivery = OutForDelivery, DeliveryAttempted = DeliveryAttempted,
        AvailableForPickup = AvailableForPickup, Delivered = Delivered, Exception = Exception,
        Returning = Returning, Returned = Returned, Lost = Lost, Unknown = Unknown,
    }
    resolution_kind: ResolutionKind = ResolutionKind {
        Redeliver = Redeliver, NewAddress = NewAddress, Refund = Refund,
    }

    slip_kind: SlipKind = SlipKind {
        EstimateMoved = EstimateMoved, PromiseAtRisk = PromiseAtRisk, PromiseMissed = PromiseMissed,
        PickupMissed = PickupMissed, NoScan = NoScan, ApprovalExpiring = ApprovalExpiring,
        PaymentUnknown = PaymentUnknown,
    }
    stuck_gate, to_stuck_gate: StuckGate = StuckGate {
        Verification = Verification, Hold = Hold, Stock = Stock, ReservationApproval = ReservationApproval,
        Payment = Payment, Provider = Provider, PaymentApproval = PaymentApproval, Picking = Picking,
        Packing = Packing, Label = Label, Courier = Courier, Pickup = Pickup, Letter = Letter, Delivery = Delivery,
        Exception = Exception, Service = Service, Settlement = Settlement,
    }
    opener: Opener = Opener {
        Customer = Customer, Approver = Approver, Warehouse = Warehouse, Courier = Courier, Finance = Finance,
        Support = Support,
    }

    delivery_state, to_delivery_state: DeliveryState = EventDeliveryState { Waiting = Waiting, GivenUp = GivenUp }
    subscription_state: SubscriptionState = EventSubscriptionState {
        Enabled = Enabled, Disabled = Disabled, Deleted = Deleted,
    }
    gate: Gate = Gate { Reservation = Reservation, Payment = Payment }
    approval_state: ApprovalState = ApprovalState {
        Pending = Pending, Approved = Approved, Rejected = Rejected, Expired = Expired, Withdrawn = Withdrawn,
        AutoApproved = AutoApproved,
    }
    order_change_state: OrderChangeState = OrderChangeState {
        Draft = Draft, Proposed = Proposed, Confirmed = Confirmed, Declined = Declined, Cancelled = Cancelled,
        Lapsed = Lapsed,
    }
    invoice_state: InvoiceState = InvoiceState { Open = Open, Paid = Paid, Void = Void }
    payment_state: PaymentState = PaymentState {
        Pending = Pending, Authorized = Authorized, Captured = Captured, Failed = Failed, Voided = Voided,
    }
    provider_request: ProviderRequest = PaymentAction { Authorize = Authorize, Charge = Charge, Capture = Capture, Void = Void }
    refund_state: RefundState = RefundState { Pending = Pending, Succeeded = Succeeded, Failed = Failed }
}

/// Every value has a twin of the same name on the wire, and the wire has no further value but UNSPECIFIED.
#[cfg(test)]
pub(crate) fn assert_twins(twins: &[(i32, &str)], name_of: impl Fn(i32) -> Option<&'static str>) {
    let unspecified = name_of(0).expect("every enum of the wire begins with UNSPECIFIED");
    let prefix =
        unspecified.strip_suffix("UNSPECIFIED").expect("every enum of the wire begins with UNSPECIFIED");
    for (number, name) in twins {
        assert_eq!(name_of(*number).and_then(|it| it.strip_prefix(prefix)), Some(*name));
    }
    let on_the_wire = (1..1_000).filter(|it| name_of(*it).is_some()).count();
    assert_eq!(on_the_wire, twins.len(), "{prefix}… has values that the domain has not");
}
