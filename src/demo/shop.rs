//! What the shop does around the orders: it stocks the shelves, refuses what cannot be kept, and corrects a price.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tonic_types::StatusExt;

use super::Demo;
use super::client::words::{amount, from_now, money};
use super::error::DemoError;
use super::sample::{Code, Order as Wish, PriceChange, Sample};

/// What the shop's own code takes off: ten percent.
const SPRING_PPM: i32 = 100_000;

impl Demo {
    /// A code as it is called in this run.
    pub(super) fn code(&self, code: Code) -> String {
        match code {
            Code::Spring => format!("SPRING10-{}", self.run),
            Code::Offered => self.offered.clone(),
        }
    }

    pub(super) async fn stock_the_shelves(&mut self, sample: &Sample) -> Result<(), DemoError> {
        self.heading("Three regions are stocked");
        for product in &sample.products {
            let sku = self.sku(&product.sku);
            self.client.create_product(product, &sku).await?;
        }
        for location in &sample.locations {
            self.client.create_location(location).await?;
            let mut stocked = Vec::new();
            for (name, units) in location.stock.iter().filter(|it| *it.1 > 0) {
                let sku = self.sku(name);
                let level = self.client.receive_stock(&sku, &location.code, *units).await?;
                stocked.push(format!("{} × {name}", level.on_hand));
            }
            for (name, [point, up_to]) in &location.reorder {
                let sku = self.sku(name);
                self.client.set_reorder_rule(&sku, &location.code, *point, *up_to).await?;
            }
            self.say(&format!("{:<14} {:<12} {}", location.region, location.code, stocked.join(", ")));
        }
        let mut names = Vec::new();
        for courier in &sample.couriers {
            self.client.create_courier(courier, &sample.locations).await?;
            names.push(self.client.courier(&courier.code).await?.name);
        }
        self.say(&format!("{:<14} {}", "couriers", names.join(", ")));
        let spring = self.code(Code::Spring);
        let spring = self.client.create_discount_code(&spring, SPRING_PPM).await?;
        self.say(&format!(
            "{:<14} {}, ten percent off, once for each customer",
            "discount code", spring.code
        ));
        Ok(())
    }

    /// A promise that nobody can keep is not given; returns the one that can be.
    pub(super) async fn refuse_what_is_too_late(
        &mut self,
        wish: &Wish,
    ) -> Result<prost_types::Timestamp, DemoError> {
        let mut wish = Wish { wanted: Some(from_now(6 * 3_600)), ..wish.clone() };
        wish.lines = wish.lines.iter().map(|(name, units)| (self.sku(name), *units)).collect();
        let refused = match self.client.create_order(&wish, &format!("DEMO-{}-0", self.run)).await {
            Err(DemoError::Refused(refused)) => refused,
            Err(other) => return Err(other),
            Ok(order) => {
                return Err(DemoError::Wrong(format!(
                    "order {} was promised within six hours",
                    order.number
                )));
            }
        };
        let info = refused.status.get_details_error_info().filter(|it| it.reason == "PROMISE_INFEASIBLE");
        let earliest = info.and_then(|mut it| it.metadata.remove("earliest_delivery_time"));
        let earliest = earliest.and_then(|it| OffsetDateTime::parse(&it, &Rfc3339).ok());
        let Some(earliest) = earliest else { return Err(DemoError::Refused(refused)) };

        self.tell("CreateOrder", refused.status.message());
        self.shown.promise_refused = refused.status.message().to_owned();
        Ok(prost_types::Timestamp { seconds: earliest.unix_timestamp(), nanos: 0 })
    }

    pub(super) async fn correct_a_price(&mut self, sample: &Sample) -> Result<(), DemoError> {
        let PriceChange { sku: name, currency, from: _, to } = &sample.price_change;
        self.heading("A price is corrected");
        let sku = self.sku(name);
        for product in sample.products.iter().filter(|it| it.sku == *name) {
            let mut product = product.clone();
            product.prices.insert(currency.clone(), *to);
            let corrected = self.client.correct_prices(&product, &sku).await?;
            let prices = corrected.prices.iter().filter_map(|it| it.price.as_ref());
            let prices: Vec<String> = prices.filter(|it| it.currency_code == *currency).map(money).collect();
            self.tell("UpdateProduct", &format!("{} costs {} from now on", corrected.sku, prices.join(", ")));
        }
        Ok(())
    }

    /// The first order keeps the price that it was placed at, later ones have the corrected one. Returns what is not so.
    pub(super) async fn look_at_prices(
        &mut self,
        change: &PriceChange,
        played: &[String],
    ) -> Result<Vec<String>, DemoError> {
        let PriceChange { sku, currency, from, to } = change;
        self.heading("Every order has the price that was valid when it was placed");
        let sku = self.sku(sku);
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        let mut valid = amount(currency, *from);
        for id in played {
            let order = self.client.order(id).await?;
            let line = order.lines.iter().find(|it| it.sku == sku);
            let price = line.and_then(|it| it.unit_price.as_ref());
            if let Some(price) = price.filter(|it| it.currency_code == *currency) {
                let text = format!("order {} has {sku} at {}", order.number, money(price));
                self.say(&text);
                if *price == valid { right.push(text) } else { wrong.push(text) }
            }
            valid = amount(currency, *to);
        }
        // One before the change and one after it.
        if right.len() > 1 {
            self.shown.price_changed = right.join("; ");
        }
        Ok(wrong)
    }
}
