//! Links in letters: addresses of the shop's pages, from patterns that the settings give.

#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::model::feedback_token::FeedbackToken;
use crate::domain::model::order::Order;
use crate::domain::model::scalars::Invalid;
use crate::domain::model::shipment::Shipment;

/// The pages that letters lead to. A sentence about a page that is not there is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Where a parcel is.
    pub tracking: Option<LinkPattern>,
    /// Where a delivery is rated.
    pub feedback: Option<LinkPattern>,
    /// Where products are reviewed.
    pub review: Option<LinkPattern>,
}

impl Links {
    /// None also where the page asks for a tracking number and there is none.
    pub(super) fn tracking(&self, order: &Order, shipment: &Shipment) -> Option<String> {
        let numbers = shipment.courier_numbers();
        self.tracking.as_ref()?.filled(order, numbers.first().copied())
    }

    pub(super) fn feedback(&self, order: &Order) -> Option<String> {
        let secret = order.feedback.as_ref().map(|it| it.secret);
        let token = secret.map(|it| FeedbackToken::new(order.id, it).expose());
        let filled = self.feedback.as_ref()?.filled(order, None)?;
        match token {
            Some(token) => Some(filled.replace(FEEDBACK_TOKEN, &token)),
            None => Some(filled).filter(|it| !it.contains(FEEDBACK_TOKEN)),
        }
    }

    pub(super) fn review(&self, order: &Order) -> Option<String> {
        self.review.as_ref()?.filled(order, None)
    }
}

/// The address of a page, with places for what it is about: `https://shop.example/track/{order_number}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkPattern(String);

/// What a pattern has a place for.
const ORDER_NUMBER: &str = "{order_number}";
const ORDER_ID: &str = "{order_id}";
const TRACKING_NUMBER: &str = "{tracking_number}";
/// By which the customer may answer without an account.
const FEEDBACK_TOKEN: &str = "{feedback_token}";

const LENGTH_MAX: usize = 500;

impl LinkPattern {
    /// Whether it has a place for the number of a parcel.
    pub fn names_parcel(&self) -> bool {
        self.0.contains(TRACKING_NUMBER)
    }

    /// Whether it has a place for what opens an order's feedback.
    pub fn names_feedback_token(&self) -> bool {
        self.0.contains(FEEDBACK_TOKEN)
    }

    fn filled(&self, order: &Order, tracking_number: Option<&str>) -> Option<String> {
        if tracking_number.is_none() && self.names_parcel() {
            return None;
        }
        let filled = self.0.replace(ORDER_NUMBER, &order.number.to_string());
        let filled = filled.replace(ORDER_ID, &encoded(&order.id.to_string()));
        Some(filled.replace(TRACKING_NUMBER, &encoded(tracking_number.unwrap_or_default())))
    }
}

impl FromStr for LinkPattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refused = |why: &str| Err(Invalid::new(why));
        let host = text.strip_prefix("https://").or(text.strip_prefix("http://"));
        let Some(host) = host.map(|it| it.split(['/', '?', '#']).next().unwrap_or_default()) else {
            return refused("must begin with https:// or http://");
        };
        if host.is_empty() || host.contains(['@', '{', '}']) {
            return refused("must name a host, without a name or password");
        }
        if text.len() > LENGTH_MAX || !text.bytes().all(|it| it.is_ascii_graphic()) {
            return refused("must be at most 500 printable ASCII characters without blanks");
        }
        let rest = [ORDER_NUMBER, ORDER_ID, TRACKING_NUMBER, FEEDBACK_TOKEN]
            .iter()
            .fold(text.to_owned(), |it, of| it.replace(of, ""));
        if rest.contains(['{', '}', '<', '>', '"', '\\', '^', '`', '|']) {
            return refused(
                "may hold {order_number}, {order_id}, {tracking_number} and {feedback_token}, and no other brackets",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for LinkPattern {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<LinkPattern> for String {
    fn from(pattern: LinkPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for LinkPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As a part of an address: RFC 3986's unreserved characters stay.
fn encoded(text: &str) -> String {
    let mut address = String::new();
    for byte in text.bytes() {
        match byte {
            it if it.is_ascii_alphanumeric() || b"-._~".contains(&it) => address.push(char::from(it)),
            it => {
                let _ = write!(address, "%{it:02X}");
            }
        }
    }
    address
}
