//! What an invoice is written from, and how its money, dates and addresses are said.

use crate::domain::documents::address::written_to;
use crate::domain::documents::invoice::words::Words;
use crate::domain::documents::letters::countries::in_language;
use crate::domain::documents::letters::locale::Locale;
use crate::domain::model::address::Address;
use crate::domain::model::invoice::Invoice;
use crate::domain::model::order::Order;
use crate::domain::model::seller::Seller;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;

pub(super) struct Writing<'a> {
    pub order: &'a Order,
    pub invoice: &'a Invoice,
    pub seller: &'a Seller,
    pub locale: Locale,
    pub words: &'static Words,
}

impl Writing<'_> {
    /// As its country writes it, the country in the language of the paper.
    pub(super) fn address(&self, address: &Address) -> Vec<String> {
        let name = &self.order.invoiced_customer(self.invoice).name;
        in_language(written_to(address, name), self.locale.language, &address.country)
    }

    pub(super) fn money(&self, minor: i64) -> String {
        self.locale.money(self.invoice.amounts.currency.of(minor))
    }

    /// On the seller's calendar.
    pub(super) fn date(&self, at: Timestamp) -> String {
        let zone = self.seller.address.as_ref().and_then(TimeZone::of_address);
        let clock = zone.unwrap_or_else(TimeZone::utc).clock();
        self.locale.date(clock.day_of(at))
    }
}
