//! What leaves first of goods that expire; and goods that come back, once for others and once for credit.

use std::collections::BTreeMap;

use super::Demo;
use super::client::words::money;
use super::error::DemoError;
use super::sample::{Order as Wish, Parcel, Product, Sample, Story};
use crate::pb;

/// Where all of it is, and where it comes back to.
const LOCATION: &str = "DE-LEIPZIG";

/// Units of the glass on the shelf at first.
const GLASSES: i64 = 6;

/// Lots of honey: units, and the year in which they may no longer be used. The later one came first.
const LOTS: [(&str, i64, i32); 2] = [("LATER", 4, 2061), ("SOONER", 2, 2060)];

impl Demo {
    /// An order of glasses and honey; then one glass is exchanged, and another one given back for credit.
    pub(super) async fn serve_again(&mut self, sample: &Sample) -> Result<(), DemoError> {
        let [first_buyer, other_buyer, ..] = sample.trial.parcels.as_slice() else {
            return Err(DemoError::Wrong("a sample with too few customers".to_owned()));
        };
        self.heading(
            "What expires first leaves first; and glasses come back, for another one and for credit",
        );
        let (glass, honey) = (self.sku("GLASS"), self.sku("HONEY"));
        self.shelve(&glass, &honey).await?;

        let wish = wish_of(first_buyer, [(glass.clone(), 2), (honey, 3)].into(), "");
        let reference = format!("DEMO-{}-AGAIN-1", self.run);
        let placed = self.client.create_order(&wish, &reference).await?;
        let first = self.bring_to_the_door(&placed).await?;
        let line = first.lines.iter().find(|it| it.sku == glass).map(|it| it.number);
        let line = line.ok_or_else(|| DemoError::Wrong("an order without its glasses".to_owned()))?;
        self.exchange(&first, line).await?;
        self.give_credit(&first, line, other_buyer, &glass).await
    }

    async fn shelve(&mut self, glass: &str, honey: &str) -> Result<(), DemoError> {
        for (sku, name, minor) in [(glass, "Glass, 0.2 l", 1_200), (honey, "Honey, 500 g", 800)] {
            let product = Product {
                sku: sku.to_owned(),
                name: name.to_owned(),
                tax_category: "STANDARD".to_owned(),
                weight_grams: 500,
                prices: [("EUR".to_owned(), minor)].into(),
            };
            self.client.create_product(&product, sku).await?;
            self.weights.insert(sku.to_owned(), product.weight_grams);
        }
        self.client.receive_stock(glass, LOCATION, GLASSES).await?;
        self.client.track_lots(honey).await?;
        let mut received = Vec::new();
        for (lot, units, year) in LOTS {
            self.client.receive_lot(honey, LOCATION, (lot, units), year).await?;
            received.push(format!("{units} × {lot}, until {year}"));
        }
        self.tell("ReceiveStock", &format!("{honey} at {LOCATION}: {}", received.join("; ")));
        Ok(())
    }

    /// Pays by card what is due, and brings every parcel.
    async fn bring_to_the_door(&mut self, order: &pb::Order) -> Result<pb::Order, DemoError> {
        let due = order.totals.as_ref().and_then(|it| it.amount_due.as_ref());
        if due.is_some_and(|it| it.units > 0 || it.nanos > 0) {
            self.client.capture(&order.id, "CARD").await?;
        }
        let order = self.client.order(&order.id).await?;
        for id in &order.shipment_ids {
            let shipment = self.make_ready(id).await?;
            self.tell_lots(&shipment);
            let shipment = self.client.assign_courier(&shipment.id, None).await?;
            self.client.pick_up(&shipment).await?;
            self.client.deliver(id).await?;
        }
        self.tell("delivered", &format!("order {}", order.number));
        self.client.order(&order.id).await
    }

    /// The lots that a pick list took.
    fn tell_lots(&mut self, shipment: &pb::Shipment) {
        let lots = shipment.items.iter().flat_map(|it| &it.lots);
        let lots: Vec<String> = lots.map(|it| format!("{} × {}", it.quantity, it.lot)).collect();
        if !lots.is_empty() {
            let text = format!("{} of {}", lots.join(", "), shipment.location);
            self.tell("picked by lots", &text);
            self.shown.picked_by_lots = text;
        }
    }

    /// A glass comes back, and another one goes.
    async fn exchange(&mut self, first: &pb::Order, line: i32) -> Result<(), DemoError> {
        let back = self.back_on_the_shelf(first, line).await?;
        let answered = self.client.exchange_return(&back, line).await?;
        let [exchange] = answered.exchanges.as_slice() else {
            return Err(DemoError::Wrong("an exchange without its order".to_owned()));
        };
        let worth = exchange.value.as_ref().map(money).unwrap_or_default();
        let made = self.client.order(&exchange.order_id).await?;
        let text =
            format!("order {} is made for order {}, with {worth} of its value", made.number, first.number);
        self.tell("ResolveReturn", &text);
        self.bring_to_the_door(&made).await?;
        self.shown.exchanged = text;
        Ok(())
    }

    /// Another one comes back for credit, with which somebody pays.
    async fn give_credit(
        &mut self,
        first: &pb::Order,
        line: i32,
        buyer: &Parcel,
        glass: &str,
    ) -> Result<(), DemoError> {
        let back = self.back_on_the_shelf(first, line).await?;
        let answered = self.client.credit_return(&back, line).await?;
        let [code] = answered.store_credit_codes.as_slice() else {
            return Err(DemoError::Wrong("a return without its store credit".to_owned()));
        };
        self.tell("ResolveReturn", &format!("a store credit for one glass of order {}", first.number));
        let wish = wish_of(buyer, [(glass.to_owned(), 1)].into(), code);
        let reference = format!("DEMO-{}-AGAIN-2", self.run);
        let placed = self.client.create_order(&wish, &reference).await?;
        let paid = placed.store_credit.as_ref().map(money).unwrap_or_default();
        let text = format!("order {} is paid with {paid} of store credit", placed.number);
        self.tell("CreateOrder", &text);
        self.bring_to_the_door(&placed).await?;
        if placed.store_credit.is_some() {
            self.shown.paid_with_credit = text;
        }
        Ok(())
    }

    /// One unit, up to the shelf; returns the id of the return.
    async fn back_on_the_shelf(&mut self, order: &pb::Order, line: i32) -> Result<String, DemoError> {
        let back = self.client.create_return(&order.id, line, 1).await?;
        self.client.authorize_return(&back.id).await?;
        self.client.receive_return(&back.id, LOCATION, line, 1).await?;
        self.client.restock_return(&back.id, line, 1).await?;
        self.tell("InspectReturn", &format!("1 of line {line} of order {}: back on the shelf", order.number));
        Ok(back.id)
    }
}

fn wish_of(buyer: &Parcel, lines: BTreeMap<String, i64>, discount_code: &str) -> Wish {
    Wish {
        title: String::new(),
        story: Story::Plain,
        channel: "ONLINE".to_owned(),
        method: "CARD".to_owned(),
        service: "STANDARD".to_owned(),
        currency: "EUR".to_owned(),
        code: None,
        discount_code: discount_code.to_owned(),
        lines,
        instructions: String::new(),
        wanted: None,
        customer: buyer.customer.clone(),
        address: buyer.address.clone(),
    }
}
