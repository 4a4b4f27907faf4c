//! Who sells: what invoices say of the shop. An invoice goes on saying what was true when it was issued.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::model::address::Address;
use crate::domain::model::bank_numbers::Iban;
use crate::domain::model::method::Method;
use crate::domain::model::scalars::SellerId;

/// The shop as its invoices name it. It is kept once for all invoices that were issued while it was so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    pub name: String,
    /// None: it is not known, and an invoice is no complete one.
    pub address: Option<Address>,
    /// For taxes across borders: `DE123456789`. Empty: none.
    pub vat_id: String,
    /// The tax office's own number. Empty: none.
    pub tax_number: String,
    /// Court and number of the register, directors: what business letters have to say. Empty: nothing.
    pub registration: String,
    pub email: String,
    pub phone: String,
    pub web: String,
    pub bank: Option<BankAccount>,
    /// The ways in which invoices ask to be paid.
    pub pay_by: Vec<Method>,
    /// The language of papers for customers whose own they are not written in: `de`.
    pub language: String,
    /// A PNG. Empty: none.
    pub logo: Vec<u8>,
}

/// Where bank transfers go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankAccount {
    /// Empty: the seller.
    pub holder: String,
    pub iban: Iban,
    /// Empty: the bank is found by the IBAN.
    pub bic: String,
    /// Name of the bank, if it is to be said.
    pub bank: String,
}

impl Seller {
    /// The same for the same words: the key under which the seller is kept.
    pub fn id(&self) -> SellerId {
        let words = serde_json::to_vec(self).expect("texts and numbers can be written");
        let mut key = [0; 16];
        key.copy_from_slice(&Sha256::digest(words)[..16]);
        Uuid::from_bytes(key).into()
    }

    /// Whether invoices say who sells, so that they can be sent.
    pub fn is_complete(&self) -> bool {
        !self.name.is_empty() && self.address.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seller_has_the_same_key_and_any_other_another() {
        let seller = Seller { name: "North Wind".to_owned(), ..Seller::default() };
        assert_eq!(seller.id(), seller.clone().id());
        let other = Seller { logo: vec![1], ..seller.clone() };
        assert_ne!(seller.id(), other.id());
        assert!(!seller.is_complete());
    }
}
