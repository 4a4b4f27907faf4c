//! The papers that a shipment or a return can have, each in one format.

use crate::domain::model::scalars::string_enum;

string_enum! {
    pub enum DocumentKind {
        ShippingLabelPdf = "SHIPPING_LABEL_PDF",
        ShippingLabelZpl = "SHIPPING_LABEL_ZPL",
        PackingSlipPdf = "PACKING_SLIP_PDF",
        PickListPdf = "PICK_LIST_PDF",
        ReturnFormPdf = "RETURN_FORM_PDF",
    }
}

string_enum! {
    pub enum ReturnDocumentKind {
        FormPdf = "FORM_PDF",
        LabelPdf = "LABEL_PDF",
        LabelZpl = "LABEL_ZPL",
    }
}
