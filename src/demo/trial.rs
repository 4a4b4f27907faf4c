//! A courier on trial: the record that it makes for itself, and what comes of it.

use super::client::words::{event_word, money};
use super::error::DemoError;
use super::sample::{Courier, Order as Wish, Parcel, Sample, Story, Trial};
use super::{Demo, road};

impl Demo {
    /// The cheapest courier gets a few parcels and damages some. Returns the ids of the orders.
    pub(super) async fn put_on_trial(&mut self, sample: &Sample) -> Result<Vec<String>, DemoError> {
        let Trial { courier, sku, currency, parcels } = &sample.trial;
        self.heading("The cheapest courier is given a few parcels on trial");
        self.client.create_courier(courier, &sample.locations).await?;
        // An earlier run has parted with it.
        self.client.reactivate_courier(&courier.code).await?;
        let mut orders = Vec::new();
        for (parcel, number) in parcels.iter().zip(1..) {
            let wish = Wish {
                title: String::new(),
                story: Story::Plain,
                channel: "ONLINE".to_owned(),
                method: "CARD".to_owned(),
                service: "STANDARD".to_owned(),
                currency: currency.clone(),
                code: None,
                discount_code: String::new(),
                lines: [(self.sku(sku), 1)].into(),
                instructions: String::new(),
                wanted: None,
                customer: parcel.customer.clone(),
                address: parcel.address.clone(),
            };
            let reference = format!("DEMO-{}-TRIAL-{number}", self.run);
            orders.push(self.try_one(&wish, parcel, &reference, &courier.code).await?);
        }
        let judged = self.client.courier(&courier.code).await?;
        let record = judged.record.unwrap_or_default();
        let text = format!(
            "{}: {} carried, {} delivered, {} late, {} damaged; rated {:.2} by {} customers",
            judged.courier,
            record.carried,
            record.delivered,
            record.late,
            record.damaged,
            record.average_rating,
            record.rated
        );
        self.tell("GetCourier", &text);
        Ok(orders)
    }

    /// One parcel to the door, in one line; returns the order's id.
    async fn try_one(
        &mut self,
        wish: &Wish,
        parcel: &Parcel,
        reference: &str,
        courier: &str,
    ) -> Result<String, DemoError> {
        let order = self.client.create_order(wish, reference).await?;
        self.client.capture(&order.id, &wish.method).await?;
        let order = self.client.order(&order.id).await?;
        let mut price = String::new();
        let mut words = Vec::new();
        for id in &order.shipment_ids {
            let shipment = self.make_ready(id).await?;
            let shipment = self.client.assign_courier(&shipment.id, Some(courier)).await?;
            let assignment = shipment.assignment.clone().unwrap_or_default();
            price = assignment.price.as_ref().map(money).unwrap_or_default();
            self.client.pick_up(&shipment).await?;
            let number = shipment.label.map(|it| it.tracking_number).unwrap_or_default();
            let reports = if parcel.damaged { road::rough_road() } else { road::quiet_road() };
            for batch in reports {
                let answer = self.client.record(&assignment.courier, &number, batch).await?;
                words.extend(answer.recorded.iter().map(|it| match it.incident.as_str() {
                    "" => event_word(it),
                    incident => format!("{} {incident}", event_word(it)),
                }));
            }
            let delivered = self.client.deliver(id).await?;
            words.push(delivered.state().as_str_name().trim_start_matches("SHIPMENT_STATE_").to_owned());
        }
        let comment = match (parcel.damaged, parcel.rating) {
            (true, _) => "The mug is in pieces.",
            (false, ..=2) => "It was thrown over the fence.",
            (false, _) => "",
        };
        let said = self.client.feedback(&order.id, parcel.rating, comment).await?;
        self.client.close(&order.id).await?;

        let city = order.shipping_address.as_ref().map(|it| it.city.clone()).unwrap_or_default();
        let rating = said.delivery_rating;
        let text = format!("order {} for {price}: {}; rated {rating} of 5", order.number, words.join(" → "));
        self.tell(&city, &text);
        if let Some(done) = self.client.follow_up(&order.id, "sent a new mug").await? {
            let text = format!(
                "order {}, rated {rating} of 5: {} by {}",
                done.order_number, done.result, done.closed_by
            );
            self.tell("CloseFollowUp", &text);
        }
        Ok(order.id)
    }

    /// The courier gets no more parcels.
    pub(super) async fn part_with(&mut self, courier: &Courier) -> Result<(), DemoError> {
        let gone = self.client.deactivate_courier(&courier.code).await?;
        let state = if gone.active { "still in use" } else { "out of use" };
        self.tell("DeactivateCourier", &format!("{} is {state}", gone.courier));
        Ok(())
    }

    pub(super) async fn archive_trial(&mut self, orders: &[String]) -> Result<(), DemoError> {
        let mut numbers = Vec::new();
        for id in orders {
            numbers.push(self.client.archive(id).await?.number);
        }
        if let (Some(first), Some(last)) = (numbers.first(), numbers.last()) {
            let text = format!("orders {first} to {last}, which were the courier's trial");
            self.tell("ArchiveOrder", &text);
        }
        Ok(())
    }
}
