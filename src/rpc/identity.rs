//! The caller of an RPC: who it is, under which request id, until when.

use std::sync::Arc;
use std::time::Instant;

use prost::Message;
use sha2::{Digest, Sha256};
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request, Status};

use crate::access::{ACTOR, ANONYMOUS, Denied, Principal, Scope, is_anonymous};
use crate::domain::{Actor, Carriers, Problems};
use crate::pb::Permission;
use crate::rpc::call_gate::Deadline;
use crate::rpc::status;
use crate::settings::Limits;
use crate::{pb, store};

/// A call that changes something.
#[derive(Debug, Clone)]
pub struct Call {
    pub actor: Actor,
    principal: Option<Actor>,
    pub(super) request: Option<store::RequestKey>,
    deadline: Option<Instant>,
    answer: Answer,
    effect: store::Effect,
}

/// How much of the space of an answer a change may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Whole,
    /// An eighth is left free for what comes later.
    LeavesRoom,
}

/// A request that changes something: it may carry an id that makes it safe to repeat.
pub(crate) trait Mutation: Message + Clone {
    const METHOD: &'static str;

    fn request_id(&mut self) -> &mut String;

    /// Whether the caller only wants to know what would come of it.
    fn validate_only(&self) -> bool;
}

macro_rules! mutations {
    ($($request:ident = $method:literal,)+) => { $(
        impl Mutation for pb::$request {
            const METHOD: &'static str = $method;

            fn request_id(&mut self) -> &mut String {
                &mut self.request_id
            }

            fn validate_only(&self) -> bool {
                self.validate_only
            }
        }
    )+ };
}

mutations! {
    CreateOrderRequest = "CreateOrder",
    UpdateOrderRequest = "UpdateOrder",
    VerifyOrderRequest = "VerifyOrder",
    RecordVerificationRequest = "RecordVerification",
    RecordRiskAssessmentRequest = "RecordRiskAssessment",
    CancelOrderRequest = "CancelOrder",
    CancelOrderLinesRequest = "CancelOrderLines",
    CreateOrderChangeRequest = "CreateOrderChange",
    ProposeOrderChangeRequest = "ProposeOrderChange",
    ConfirmOrderChangeRequest = "ConfirmOrderChange",
    DeclineOrderChangeRequest = "DeclineOrderChange",
    CancelOrderChangeRequest = "CancelOrderChange",
    PlaceHoldRequest = "PlaceHold",
    ReleaseHoldRequest = "ReleaseHold",
    AddOrderNoteRequest = "AddOrderNote",
    SetOrderLabelsRequest = "SetOrderLabels",
    CompleteServiceLineRequest = "CompleteServiceLine",
    CloseOrderRequest = "CloseOrder",
    ArchiveOrderRequest = "ArchiveOrder",
    RestoreOrderRequest = "RestoreOrder",
    SubmitFeedbackRequest = "SubmitFeedback",
    OptOutFeedbackRequest = "OptOutFeedback",
    RequestFeedbackRequest = "RequestFeedback",
    CloseFollowUpRequest = "CloseFollowUp",
    ResendMessageRequest = "ResendMessage",
    ResendFailedMessagesRequest = "ResendFailedMessages",
    SetNotificationPreferenceRequest = "SetNotificationPreference",
    CreateCustomerRequest = "CreateCustomer",
    UpdateCustomerRequest = "UpdateCustomer",
    BlockCustomerRequest = "BlockCustomer",
    UnblockCustomerRequest = "UnblockCustomer",
    CreateDiscountCodeRequest = "CreateDiscountCode",
    DeactivateDiscountCodeRequest = "DeactivateDiscountCode",
    ReactivateDiscountCodeRequest = "ReactivateDiscountCode",
    CreateProductRequest = "CreateProduct",
    UpdateProductRequest = "UpdateProduct",
    DeactivateProductRequest = "DeactivateProduct",
    ReactivateProductRequest = "ReactivateProduct",
    CreateStockLocationRequest = "CreateStockLocation",
    UpdateStockLocationRequest = "UpdateStockLocation",
    DeactivateStockLocationRequest = "DeactivateStockLocation",
    ReactivateStockLocationRequest = "ReactivateStockLocation",
    ReceiveStockRequest = "ReceiveStock",
    AdjustStockRequest = "AdjustStock",
    BatchAdjustStockRequest = "BatchAdjustStock",
    ReleaseQualityHoldRequest = "ReleaseQualityHold",
    ScrapStockRequest = "ScrapStock",
    CountStockRequest = "CountStock",
    TransferStockRequest = "TransferStock",
    ReceiveTransferRequest = "ReceiveTransfer",
    CancelTransferRequest = "CancelTransfer",
    SetReorderRuleRequest = "SetReorderRule",
    ReserveStockRequest = "ReserveStock",
    ReleaseReservationRequest = "ReleaseReservation",
    ConfirmReservationRequest = "ConfirmReservation",
    ExtendReservationRequest = "ExtendReservation",
    ApproveReplenishmentRequest = "ApproveReplenishment",
    RejectReplenishmentRequest = "RejectReplenishment",
    PlaceReplenishmentRequest = "PlaceReplenishment",
    UpdateReplenishmentRequest = "UpdateReplenishment",
    CancelReplenishmentRequest = "CancelReplenishment",
    StartPickingRequest = "StartPicking",
    RecordPickRequest = "RecordPick",
    RecordQualityCheckRequest = "RecordQualityCheck",
    PackShipmentRequest = "PackShipment",
    CreateShippingLabelRequest = "CreateShippingLabel",
    VoidShippingLabelRequest = "VoidShippingLabel",
    AssignCourierRequest = "AssignCourier",
    ConfirmPickupRequest = "ConfirmPickup",
    ConfirmManifestRequest = "ConfirmManifest",
    RecordTrackingEventsRequest = "RecordTrackingEvents",
    ConfirmDeliveryRequest = "ConfirmDelivery",
    RecordCarrierLabelRequest = "RecordCarrierLabel",
    ResolveExceptionRequest = "ResolveException",
    CreateCourierRequest = "CreateCourier",
    UpdateCourierRequest = "UpdateCourier",
    DeactivateCourierRequest = "DeactivateCourier",
    ReactivateCourierRequest = "ReactivateCourier",
    AuthorizePaymentRequest = "AuthorizePayment",
    CapturePaymentRequest = "CapturePayment",
    RecordPaymentRequest = "RecordPayment",
    VoidPaymentRequest = "VoidPayment",
    RefundPaymentRequest = "RefundPayment",
    CreateReturnRequest = "CreateReturn",
    AuthorizeReturnRequest = "AuthorizeReturn",
    DeclineReturnRequest = "DeclineReturn",
    CancelReturnRequest = "CancelReturn",
    RecordReturnTransitRequest = "RecordReturnTransit",
    ReceiveReturnRequest = "ReceiveReturn",
    InspectReturnRequest = "InspectReturn",
    ResolveReturnRequest = "ResolveReturn",
    CloseReturnRequest = "CloseReturn",
    ApproveRequestRequest = "ApproveRequest",
    RejectRequestRequest = "RejectRequest",
    CreateApiKeyRequest = "CreateApiKey",
    RevokeApiKeyRequest = "RevokeApiKey",
    RedeliverEventsRequest = "RedeliverEvents",
    CreateEventSubscriptionRequest = "CreateEventSubscription",
    UpdateEventSubscriptionRequest = "UpdateEventSubscription",
    RotateSubscriptionSecretRequest = "RotateSubscriptionSecret",
    DisableEventSubscriptionRequest = "DisableEventSubscription",
    EnableEventSubscriptionRequest = "EnableEventSubscription",
    DeleteEventSubscriptionRequest = "DeleteEventSubscription",
    SetLegalHoldRequest = "SetLegalHold",
    ReleaseLegalHoldRequest = "ReleaseLegalHold",
}

impl Call {
    /// Reads who calls, the request id and whether the call is validated only. The fingerprint is that of the decoded
    /// request without its id, so that a repeat is recognised however it was encoded. A call that is validated only is
    /// decided each time, and its request id stays free.
    pub(super) fn of<R: Mutation>(request: &mut Request<R>, bad: &mut Problems) -> Option<Self> {
        let deadline = request.extensions().get::<Deadline>().map(|it| it.0);
        let actor = actor(request.metadata(), bad);

        let id = std::mem::take(request.get_mut().request_id());
        let printable = id.chars().all(|it| it.is_ascii_graphic() || it == ' ');
        if !id.is_empty() && (!(8..=128).contains(&id.len()) || !printable) {
            bad.add("request_id", "must be 8 to 128 printable ASCII characters");
            return None;
        }
        let actor = actor?;
        let effect = match request.get_ref().validate_only() {
            true => store::Effect::ValidateOnly,
            false => store::Effect::Commit,
        };
        let is_claimed = !id.is_empty() && effect == store::Effect::Commit;
        let owner = owner(request.extensions(), &actor);
        let principal = principal(request.extensions(), &actor);
        let request = is_claimed.then(|| store::RequestKey {
            actor: owner,
            method: R::METHOD,
            id,
            fingerprint: Sha256::digest(request.get_ref().encode_to_vec()).into(),
            mode: store::RequestMode::Claim,
        });
        Some(Self { actor, principal, request, deadline, answer: Answer::Whole, effect })
    }

    /// Whether the caller said who it is.
    pub(crate) fn is_named(&self) -> bool {
        !is_anonymous(self.actor.as_str())
    }

    /// For a call that only adds to an order: its answer leaves an eighth of the size limit free, so that calls that
    /// advance or end the order always fit.
    pub(crate) fn leaving_room(self) -> Self {
        Self { answer: Answer::LeavesRoom, ..self }
    }

    pub(crate) fn answer_bytes_max(&self, limits: &Limits) -> usize {
        let most = response_bytes(limits);
        match self.answer {
            Answer::Whole => most,
            Answer::LeavesRoom => most - most / 8,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether a repeat would get the stored answer.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.request.is_some()
    }

    /// The second change of a call that asked a provider in between: its answer replaces the stored one of the first
    /// change, unless that is final.
    pub(crate) fn amending(&self, is_final: fn(&[u8]) -> bool) -> Self {
        let mut call = self.clone();
        if let Some(request) = &mut call.request {
            request.mode = store::RequestMode::Amend { is_final };
        }
        call
    }

    pub(crate) fn into_store(self) -> store::RequestContext {
        let Self { actor, principal, request, deadline, answer: _, effect } = self;
        store::RequestContext { actor, principal, request, deadline, effect }
    }
}

/// Who a request id belongs to: the holder of the API key, also when it acts for somebody else. Without keys, the actor.
pub(super) fn owner(extensions: &Extensions, actor: &Actor) -> Actor {
    extensions.get::<Arc<Principal>>().map_or_else(|| actor.clone(), |it| it.name.clone())
}

/// The key or certificate by which a trusted service named the actor; None: nobody but the actor called, in whatever spelling.
pub(super) fn principal(extensions: &Extensions, actor: &Actor) -> Option<Actor> {
    extensions.get::<Arc<Principal>>().map(|it| it.name.clone()).filter(|it| !it.is_same_person(actor))
}

/// The couriers whose shipments a call is about; None: all, ours too.
pub(crate) fn carriers(extensions: &Extensions) -> Option<Carriers> {
    match extensions.get::<Scope>() {
        Some(Scope::Carried(carriers)) => Some(carriers.clone()),
        Some(Scope::Everything) | None => None,
    }
}

/// Refuses a caller without `permission`, for what a call asks beyond its method. Without keys everybody is let in.
pub(crate) fn permitted(extensions: &Extensions, permission: Permission) -> Result<(), Status> {
    match extensions.get::<Arc<Principal>>() {
        Some(it) if !it.permissions.contains(&permission) => {
            Err(status::denied(&Denied::Lacks(it.name.clone(), permission)))
        }
        Some(_) | None => Ok(()),
    }
}

/// Who calls, as the metadata says.
pub(super) fn actor(metadata: &MetadataMap, bad: &mut Problems) -> Option<Actor> {
    let Some(value) = metadata.get(ACTOR) else {
        return Some(Actor::stored(ANONYMOUS.to_owned()));
    };
    let parsed = value.to_str().map_err(|_| crate::domain::Invalid::new("must be printable ASCII"));
    bad.take(ACTOR, parsed.and_then(str::parse))
}

/// How large an answer may be.
pub(crate) fn response_bytes(limits: &Limits) -> usize {
    usize::try_from(limits.response_bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_service_that_names_itself_in_another_spelling_names_nobody() {
        let actor = |name: &str| Actor::stored(name.to_owned());
        let service = Principal {
            name: actor("storefront"),
            permissions: BTreeSet::new(),
            names_persons: true,
            carriers: Carriers::default(),
        };
        let mut extensions = Extensions::new();
        extensions.insert(Arc::new(service));
        for own in ["storefront", "Storefront", "STOREFRONT.", "st0refront"] {
            assert_eq!(principal(&extensions, &actor(own)), None, "{own}");
        }
        assert_eq!(principal(&extensions, &actor("alice")), Some(actor("storefront")));
        assert_eq!(principal(&Extensions::new(), &actor("alice")), None, "callers are believed");
    }
}
