//! How money is handed over.

use crate::domain::model::scalars::words;

words! {
    pub enum Method {
        Card = "CARD",
        Paypal = "PAYPAL",
        BankTransfer = "BANK_TRANSFER",
        Cash = "CASH",
    }
}
