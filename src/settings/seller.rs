//! Who sells: what invoices say of the shop.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Address, BankAccount, BareAddress, Iban, Method, Problems, STREET_LINES_MAX, Seller, is_bic,
};

/// The shop as invoices name it. What is left out is not said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SellerSettings {
    /// The name in the register, as the law wants it on an invoice. Empty: `rules.company_name`.
    pub name: String,
    /// 1 to 4 lines. Without an address, letters about invoices go without the invoice.
    pub street: Vec<String>,
    pub postal_code: String,
    pub city: String,
    /// State, province or the like.
    pub area: String,
    /// ISO 3166-1 alpha-2: `DE`.
    pub country: String,
    /// The number for value added tax: `DE123456789`.
    pub vat_id: String,
    /// The tax office's own number.
    pub tax_number: String,
    /// Court and number of the register, directors: what business letters have to say.
    pub registration: String,
    pub email: String,
    pub phone: String,
    pub web: String,
    /// A PNG file: at most 256 KiB, and 1,200 pixels on each side.
    pub logo: Option<PathBuf>,
    /// How invoices ask to be paid: BANK_TRANSFER, CARD, PAYPAL, CASH; the account comes last. Empty: BANK_TRANSFER, if there
    /// is an account.
    pub pay_by: Vec<Method>,
    pub bank: BankSettings,
}

/// Where bank transfers go to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BankSettings {
    /// Empty: the seller.
    pub holder: String,
    /// `DE89 3704 0044 0532 0130 00`. Empty: no account.
    pub iban: String,
    pub bic: String,
    /// Name of the bank.
    pub name: String,
}

/// Characters of each text.
const TEXT_MAX: usize = 200;

impl SellerSettings {
    pub(super) fn check(&self, bad: &mut Problems) {
        let Self {
            name,
            street,
            postal_code,
            city,
            area,
            country,
            vat_id,
            tax_number,
            registration,
            email,
            phone,
            web,
            logo: _,
            pay_by,
            bank,
        } = self;
        for (key, text) in [
            ("name", name),
            ("postal_code", postal_code),
            ("city", city),
            ("area", area),
            ("vat_id", vat_id),
            ("tax_number", tax_number),
            ("registration", registration),
            ("phone", phone),
            ("web", web),
        ] {
            check_text(&format!("seller.{key}"), text, bad);
        }
        for (index, text) in street.iter().enumerate() {
            check_text(&format!("seller.street.{index}"), text, bad);
        }
        if street.len() > STREET_LINES_MAX {
            bad.add("seller.street", format!("must have at most {STREET_LINES_MAX} lines"));
        }
        let is_country = country.len() == 2 && country.bytes().all(|it| it.is_ascii_uppercase());
        let has_address = !street.is_empty() || [postal_code, city, area].iter().any(|it| !it.is_empty());
        if !is_country && (has_address || !country.is_empty()) {
            bad.add("seller.country", "must be two capital letters, such as DE");
        }
        if is_country && street.is_empty() && city.is_empty() {
            bad.add("seller.street", "has to be set with seller.country, or seller.city");
        }
        if !email.is_empty() && email.parse::<BareAddress>().is_err() {
            bad.add("seller.email", "must be an e-mail address");
        }
        for (index, method) in pay_by.iter().enumerate() {
            if pay_by[..index].contains(method) {
                bad.add("seller.pay_by", format!("names {method} twice"));
            }
        }
        if pay_by.contains(&Method::StoreCredit) {
            bad.add("seller.pay_by", "must be BANK_TRANSFER, CARD, PAYPAL or CASH");
        }
        if pay_by.contains(&Method::BankTransfer) && bank.iban.is_empty() {
            bad.add("seller.bank.iban", "has to be set for seller.pay_by BANK_TRANSFER");
        }
        bank.check(bad);
    }

    /// Who sells, with this file for a logo; None: nothing is known of them.
    pub(super) fn seller(&self, company_name: &str, language: String, logo: Vec<u8>) -> Option<Seller> {
        let name = if self.name.is_empty() { company_name } else { self.name.as_str() };
        let bank = self.bank.account();
        let by_transfer = bank.iter().map(|_| Method::BankTransfer);
        let pay_by = if self.pay_by.is_empty() { by_transfer.collect() } else { self.pay_by.clone() };
        let seller = Seller {
            name: name.to_owned(),
            address: self.address(),
            vat_id: self.vat_id.clone(),
            tax_number: self.tax_number.clone(),
            registration: self.registration.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            web: self.web.clone(),
            bank,
            pay_by,
            language,
            logo,
        };
        (!name.is_empty() || self.address().is_some()).then_some(seller)
    }

    fn address(&self) -> Option<Address> {
        let Self { street, postal_code, city, area, country, .. } = self.clone();
        (!country.is_empty()).then(|| Address {
            recipient: String::new(),
            organization: String::new(),
            lines: street,
            city,
            area,
            postal_code,
            country,
        })
    }
}

impl BankSettings {
    fn check(&self, bad: &mut Problems) {
        let Self { holder, iban, bic, name } = self;
        check_text("seller.bank.holder", holder, bad);
        check_text("seller.bank.name", name, bad);
        if !iban.is_empty()
            && let Err(why) = iban.parse::<Iban>()
        {
            bad.add("seller.bank.iban", why.to_string());
        }
        if !bic.is_empty() && !is_bic(bic) {
            bad.add("seller.bank.bic", "must be a BIC, such as COBADEFFXXX");
        }
        if iban.is_empty() && [holder, bic, name].iter().any(|it| !it.is_empty()) {
            bad.add("seller.bank.iban", "has to be set with the rest of seller.bank");
        }
    }

    fn account(&self) -> Option<BankAccount> {
        let Self { holder, iban, bic, name } = self.clone();
        Some(BankAccount { holder, iban: iban.parse().ok()?, bic, bank: name })
    }
}

fn check_text(key: &str, text: &str, bad: &mut Problems) {
    if text.chars().count() > TEXT_MAX || text.chars().any(char::is_control) {
        bad.add(key, format!("must have at most {TEXT_MAX} characters, none of them a line break"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(seller: &SellerSettings) -> Vec<String> {
        let mut bad = Problems::default();
        seller.check(&mut bad);
        bad.0.into_iter().map(|it| it.field).collect()
    }

    #[test]
    fn everything_wrong_with_a_seller_is_named_at_once() {
        let seller = SellerSettings {
            name: "North\nWind".to_owned(),
            street: vec!["1 Main Street".to_owned(); 5],
            country: "Germany".to_owned(),
            email: "nobody".to_owned(),
            pay_by: vec![Method::Card, Method::BankTransfer, Method::Card],
            bank: BankSettings { bic: "x".to_owned(), ..BankSettings::default() },
            ..SellerSettings::default()
        };
        assert_eq!(
            faults(&seller),
            [
                "seller.name",
                "seller.street",
                "seller.country",
                "seller.email",
                "seller.pay_by",
                "seller.bank.iban",
                "seller.bank.bic",
                "seller.bank.iban",
            ]
        );
        let bank = BankSettings { iban: "DE88370400440532013000".to_owned(), ..BankSettings::default() };
        let city = SellerSettings { city: "Berlin".to_owned(), bank, ..SellerSettings::default() };
        assert_eq!(faults(&city), ["seller.country", "seller.bank.iban"]);
        let country = SellerSettings { country: "DE".to_owned(), ..SellerSettings::default() };
        assert_eq!(faults(&country), ["seller.street"]);
    }

    #[test]
    fn what_is_left_out_is_not_said_and_an_account_is_asked_to_be_used() {
        let nothing = SellerSettings::default();
        assert_eq!(nothing.seller("", "en".to_owned(), Vec::new()), None);
        let seller = nothing.seller("North Wind", "en".to_owned(), Vec::new()).expect("a seller");
        assert_eq!(
            (seller.name.as_str(), seller.is_complete(), seller.pay_by.len()),
            ("North Wind", false, 0)
        );

        let whole = SellerSettings {
            name: "North Wind GmbH".to_owned(),
            street: vec!["Hauptstraße 1".to_owned()],
            city: "Berlin".to_owned(),
            country: "DE".to_owned(),
            bank: BankSettings { iban: "DE89 3704 0044 0532 0130 00".to_owned(), ..BankSettings::default() },
            ..SellerSettings::default()
        };
        assert!(faults(&whole).is_empty());
        let seller = whole.seller("North Wind", "en".to_owned(), Vec::new()).expect("a seller");
        assert_eq!((seller.name.as_str(), seller.is_complete()), ("North Wind GmbH", true));
        assert_eq!(seller.pay_by, [Method::BankTransfer]);
    }
}
