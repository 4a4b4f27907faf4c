//! What may be done next, by the names of the calls.

use crate::domain::model::scalars::string_enum;

string_enum! {
    /// The RPC to call.
    pub enum Action {
        UpdateOrder = "UpdateOrder",
        VerifyOrder = "VerifyOrder",
        RecordVerification = "RecordVerification",
        RecordRiskAssessment = "RecordRiskAssessment",
        CancelOrder = "CancelOrder",
        CancelOrderLines = "CancelOrderLines",
        PlaceHold = "PlaceHold",
        ReleaseHold = "ReleaseHold",
        ApproveRequest = "ApproveRequest",
        RejectRequest = "RejectRequest",
        AuthorizePayment = "AuthorizePayment",
        CapturePayment = "CapturePayment",
        RecordPayment = "RecordPayment",
        VoidPayment = "VoidPayment",
        RefundPayment = "RefundPayment",
        StartPicking = "StartPicking",
        RecordPick = "RecordPick",
        RecordQualityCheck = "RecordQualityCheck",
        PackShipment = "PackShipment",
        CreateShippingLabel = "CreateShippingLabel",
        VoidShippingLabel = "VoidShippingLabel",
        AssignCourier = "AssignCourier",
        ConfirmPickup = "ConfirmPickup",
        RecordTrackingEvents = "RecordTrackingEvents",
        ConfirmDelivery = "ConfirmDelivery",
        RecordCarrierLabel = "RecordCarrierLabel",
        ResolveException = "ResolveException",
        SubmitFeedback = "SubmitFeedback",
        CompleteServiceLine = "CompleteServiceLine",
        CloseOrder = "CloseOrder",
        ArchiveOrder = "ArchiveOrder",
        RestoreOrder = "RestoreOrder",
        ReserveStock = "ReserveStock",
        ReleaseReservation = "ReleaseReservation",
        ReceiveStock = "ReceiveStock",
        ApproveReplenishment = "ApproveReplenishment",
        RejectReplenishment = "RejectReplenishment",
        PlaceReplenishment = "PlaceReplenishment",
        UpdateReplenishment = "UpdateReplenishment",
        CancelReplenishment = "CancelReplenishment",
    }
}
