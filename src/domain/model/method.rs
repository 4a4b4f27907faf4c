//! How money is handed over.

use crate::domain::model::scalars::string_enum;

string_enum! {
    pub enum Method {
        Card = "CARD",
        Paypal = "PAYPAL",
        BankTransfer = "BANK_TRANSFER",
        Cash = "CASH",
        /// The code that an order names: nobody pays with it by a call of its own.
        StoreCredit = "STORE_CREDIT",
    }
}
