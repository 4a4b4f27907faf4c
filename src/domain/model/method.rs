//! How money is handed over.

use crate::domain::model::scalars::string_enum;

string_enum! {
    pub enum Method {
        Card = "CARD",
        Paypal = "PAYPAL",
        BankTransfer = "BANK_TRANSFER",
        Cash = "CASH",
    }
}
