//! Where letters to a customer may go, and who they come from.

use std::fmt;
use std::str::FromStr;

use email_address::{EmailAddress, Options};

use crate::domain::model::customer::Customer;
use crate::domain::model::message::{Suppression, SuppressionReason};
use crate::domain::model::scalars::Invalid;

/// How long an e-mail address may be, in bytes (RFC 5321).
const ADDRESS_MAX: usize = 254;

/// One e-mail address with nothing around it: no name, no comment, no group, no second address. A character that some
/// mail program could take for the end of the address is refused even between quotes, where RFC 5322 allows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BareAddress(String);

impl BareAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |it| it.1)
    }
}

impl fmt::Display for BareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BareAddress {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let separates = |it: char| it.is_control() || it.is_whitespace() || ",;:<>()[]\\".contains(it);
        if text.contains(separates) || text.matches('@').count() > 1 {
            return Err(Invalid::new(
                "give the bare address, such as anna@example.com: only one, without a name, comment or brackets",
            ));
        }
        let options = Options::default().without_display_text().without_domain_literal();
        if text.len() > ADDRESS_MAX || EmailAddress::parse_with_options(text, options).is_err() {
            return Err(Invalid::new("is not an e-mail address, such as anna@example.com"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The sender of letters: `orders@shop.example` or `The shop <orders@shop.example>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Without the quotes that may stand around it; empty: none.
    pub name: String,
    pub address: BareAddress,
    /// Where answers go. None: to the address.
    pub reply_to: Option<BareAddress>,
}

impl FromStr for Sender {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (name, address) = match text.strip_suffix('>').and_then(|it| it.rsplit_once('<')) {
            Some((name, address)) => (name.trim(), address),
            None => ("", text),
        };
        let name = name.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(name);
        if name.contains(char::is_control) {
            return Err(Invalid::new("contains line breaks or other control characters"));
        }
        Ok(Self { name: name.to_owned(), address: address.parse()?, reply_to: None })
    }
}

impl BareAddress {
    /// Where letters to this customer go, or why there are none. Letters go by e-mail only, and never to an address that
    /// does not pass verification: it may be a stranger's.
    pub(in crate::domain) fn of(customer: &Customer) -> Result<Self, Suppression> {
        let no = |reason, why: &str| Suppression::new(reason, why);
        let email = customer.email.trim();
        match (email.is_empty(), customer.phone.trim().is_empty()) {
            (true, true) => Err(no(SuppressionReason::NoAddress, "the customer left no e-mail address")),
            (true, false) => {
                let why = "the customer left only a phone number, and letters go by e-mail";
                Err(no(SuppressionReason::NoAddress, why))
            }
            (false, _) => {
                let why = "the customer's e-mail address did not pass verification";
                let address = email.parse().ok().filter(|_| is_email(email));
                address.ok_or_else(|| no(SuppressionReason::AddressNotVerified, why))
            }
        }
    }
}

/// A bare address with a full domain: there are no mailboxes at `localhost` or at a top-level domain.
pub(in crate::domain) fn is_email(email: &str) -> bool {
    email.parse::<BareAddress>().is_ok_and(|it| it.domain().contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each of these is read as a letter for `victim@example.org`, too, by some mail program.
    pub(crate) const CROWDED: &[&str] = &[
        "a@example.com (x, victim@example.org)",
        "a@example.com(x,victim@example.org)",
        "g: victim@example.org;",
        "g:victim@example.org;",
        "a@example.com, victim@example.org",
        "a@example.com,victim@example.org",
        "a@example.com;victim@example.org",
        "a@example.com victim@example.org",
        "<victim@example.org> x@example.com",
        "<victim@example.org>x@example.com",
        "Anna <victim@example.org>",
        "<victim@example.org>",
        "\"a,victim@example.org,\"@example.com",
        "\"a\\\",victim\"@example.com",
        "@example.com:victim@example.org",
        "victim@example.org@example.com",
        "a@example.com\nBcc: victim@example.org",
        "a@example.com\u{2028}victim@example.org",
    ];

    fn customer(email: &str, phone: &str) -> Customer {
        Customer {
            name: "Ada Byron".to_owned(),
            email: email.to_owned(),
            phone: phone.to_owned(),
            locale: "en".to_owned(),
            phone_extension: String::new(),
        }
    }

    #[test]
    fn an_unusual_address_is_an_address() {
        for good in [
            "anna@example.com",
            "anna+shop@example.com",
            "o'hara@example.ie",
            "!#$%&'*+-/=?^_`{|}~@example.com",
            "-f@example.com",
            "\"a..b\"@example.com",
            "jörg@müller.de",
            "安@例え.jp",
            "anna@xn--mller-kva.de",
            "orders@localhost",
        ] {
            assert_eq!(good.parse::<BareAddress>().map(|it| it.to_string()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn what_names_more_than_one_address_is_none() {
        for crowded in CROWDED {
            let refused = crowded.parse::<BareAddress>().expect_err(crowded).0;
            assert!(refused.starts_with("give the bare address"), "{crowded}: {refused}");
        }
        for bad in
            ["", "anna", "@example.com", "anna@", "anna@example..com", &format!("{}@a.b", "x".repeat(300))]
        {
            assert!(bad.parse::<BareAddress>().expect_err(bad).0.starts_with("is not an e-mail"), "{bad}");
        }
    }

    #[test]
    fn a_customer_whose_address_is_missing_or_fails_verification_is_sent_nothing() {
        let to = |email: &str, phone: &str| {
            let address = BareAddress::of(&customer(email, phone));
            address.map(|it| it.to_string()).map_err(|it| (it.reason, it.why))
        };
        assert_eq!(to(" anna@example.com ", "call me").as_deref(), Ok("anna@example.com"));
        for email in CROWDED.iter().chain(&["nobody", "a@localhost"]) {
            let why = "the customer's e-mail address did not pass verification".to_owned();
            assert_eq!(to(email, "+4930901820"), Err((SuppressionReason::AddressNotVerified, why)));
        }
        let why = "the customer left only a phone number, and letters go by e-mail".to_owned();
        assert_eq!(to(" ", "+4930901820"), Err((SuppressionReason::NoAddress, why)));
        let why = "the customer left no e-mail address".to_owned();
        assert_eq!(to("", " "), Err((SuppressionReason::NoAddress, why)));
    }

    #[test]
    fn a_sender_may_have_a_name() {
        let read = |text: &str| text.parse::<Sender>().map(|it| (it.name, it.address.to_string()));
        let address = "orders@shop.example".to_owned();
        assert_eq!(read("orders@shop.example"), Ok((String::new(), address.clone())));
        assert_eq!(read("The shop <orders@shop.example>"), Ok(("The shop".to_owned(), address.clone())));
        assert_eq!(read("\"Shop, Inc.\" <orders@shop.example>"), Ok(("Shop, Inc.".to_owned(), address)));
        for bad in ["", "orders", "Sh\nop <orders@shop.example>", "a@b.c, d@e.f", "Shop <orders>"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_address_reads_back_as_it_was_written(text in "[a-c@.,:;<>()\"+ 0-9-]{0,12}|[a-z]{1,3}@[a-z]{1,3}\\.de") {
            if let Ok(read) = text.parse::<BareAddress>() {
                prop_assert_eq!(read.to_string(), text.clone());
                prop_assert!(text.matches('@').count() <= 1 && !text.contains([',', ' ', '<', ':']));
            }
        }
    }
}
