//! Derived state, never stored: how far an order is paid and fulfilled. What comes next is in [`super::timeline`].

use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::line::OrderLine;
use crate::domain::model::order::Order;
use crate::domain::model::payment::PaymentState;
use crate::domain::model::refund::RefundState;
use crate::domain::model::reservation::ReservedItem;
use crate::domain::model::scalars::string_enum;
use crate::domain::model::shipment::{Shipment, ShipmentItem, ShipmentState};

string_enum! {
    pub enum PaymentStatus {
        Unpaid = "UNPAID",
        /// A provider has not answered yet.
        Pending = "PENDING",
        Authorized = "AUTHORIZED",
        PartiallyPaid = "PARTIALLY_PAID",
        Paid = "PAID",
        PartiallyRefunded = "PARTIALLY_REFUNDED",
        Refunded = "REFUNDED",
    }
}

string_enum! {
    pub enum FulfillmentStatus {
        Unfulfilled = "UNFULFILLED",
        InPreparation = "IN_PREPARATION",
        PartiallyShipped = "PARTIALLY_SHIPPED",
        Shipped = "SHIPPED",
        PartiallyDelivered = "PARTIALLY_DELIVERED",
        Delivered = "DELIVERED",
        Cancelled = "CANCELLED",
    }
}

string_enum! {
    pub enum ReturnStatus {
        /// Nothing came back, or is to.
        None = "NONE",
        /// A return is not over.
        InProgress = "IN_PROGRESS",
        PartiallyReturned = "PARTIALLY_RETURNED",
        Returned = "RETURNED",
    }
}

/// How far the units of one line are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineProgress {
    /// Set aside and still here.
    pub reserved: i64,
    /// Left with a courier, delivered ones included.
    pub shipped: i64,
    /// Of a service: done.
    pub delivered: i64,
    /// Not to be sent any more.
    pub cancelled: i64,
}

impl Order {
    pub fn payment_status(&self) -> PaymentStatus {
        let captured = self.captured_minor();
        let succeeded =
            self.payments.iter().flat_map(|it| &it.refunds).filter(|it| it.state == RefundState::Succeeded);
        let refunded: i64 = succeeded.map(|it| it.amount.minor).sum();
        let free_of_charge = self.main_invoice().is_some_and(|it| it.state == InvoiceState::Paid);
        if refunded > 0 && refunded >= captured {
            PaymentStatus::Refunded
        } else if refunded > 0 {
            PaymentStatus::PartiallyRefunded
        } else if (captured > 0 || free_of_charge) && captured >= self.total_minor() {
            PaymentStatus::Paid
        } else if captured > 0 {
            PaymentStatus::PartiallyPaid
        } else if self.payments.iter().any(|it| it.request.is_some()) {
            PaymentStatus::Pending
        } else if self.payments.iter().any(|it| it.state == PaymentState::Authorized) {
            PaymentStatus::Authorized
        } else {
            PaymentStatus::Unpaid
        }
    }

    pub fn fulfillment_status(&self) -> FulfillmentStatus {
        let shipments = self.live_shipments().count();
        let handed_over = self.live_shipments().filter(|it| it.state.is_handed_over()).count();
        let delivered = self.live_shipments().filter(|it| it.state == ShipmentState::Delivered).count();
        let all_planned = self.is_planned_whole();
        if self.ended_early().is_some() {
            FulfillmentStatus::Cancelled
        } else if self.has_only_services() {
            self.status_of_services()
        } else if shipments == 0 {
            FulfillmentStatus::Unfulfilled
        } else if delivered > 0 && delivered == self.wanted_shipments().count() && all_planned {
            FulfillmentStatus::Delivered
        } else if delivered > 0 {
            FulfillmentStatus::PartiallyDelivered
        } else if handed_over == shipments && all_planned {
            FulfillmentStatus::Shipped
        } else if handed_over > 0 {
            FulfillmentStatus::PartiallyShipped
        } else {
            FulfillmentStatus::InPreparation
        }
    }

    pub fn return_status(&self) -> ReturnStatus {
        let came_back: i64 = self.returned_lines().map(|it| it.received).sum();
        let sold: i64 = self.goods().map(OrderLine::remaining_quantity).sum();
        if self.has_open_return() {
            ReturnStatus::InProgress
        } else if came_back == 0 {
            ReturnStatus::None
        } else if came_back < sold {
            ReturnStatus::PartiallyReturned
        } else {
            ReturnStatus::Returned
        }
    }

    /// How far an order without goods is fulfilled.
    fn status_of_services(&self) -> FulfillmentStatus {
        let (all, open) = (self.services().count(), self.open_services().count());
        if open == 0 {
            FulfillmentStatus::Delivered
        } else if open < all {
            FulfillmentStatus::PartiallyDelivered
        } else if self.is_open_to_services() {
            FulfillmentStatus::InPreparation
        } else {
            FulfillmentStatus::Unfulfilled
        }
    }

    /// What is still to be paid; nothing once the order ended early, even if it was never paid.
    pub fn amount_due_minor(&self) -> i64 {
        if self.ended_early().is_some() { 0 } else { self.due_minor() }
    }

    pub fn line_progress(&self, line: i32) -> LineProgress {
        let units_in = |shipment: &Shipment| -> i64 {
            shipment.items.iter().filter(|it| it.line == line).map(ShipmentItem::remaining).sum()
        };
        let shipped: i64 = self.live_shipments().filter(|it| it.state.is_handed_over()).map(units_in).sum();
        let delivered: i64 =
            self.live_shipments().filter(|it| it.state == ShipmentState::Delivered).map(units_in).sum();
        let items = self.current_reservation().map_or(&[][..], |it| &it.items);
        let reserved = items.iter().filter(|it| it.line == line).map(ReservedItem::open).sum();
        let ordered = self.lines.iter().find(|it| it.number == line);
        let done = ordered.filter(|it| it.done.is_some()).map_or(0, OrderLine::remaining_quantity);
        let (quantity, called_off) = ordered.map_or((0, 0), |it| (it.quantity, it.cancelled_quantity));
        let cancelled = if self.ended_early().is_some() { quantity - shipped - done } else { called_off };
        let delivered = delivered + done;
        LineProgress { reserved, shipped, delivered, cancelled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::Arc;

    use crate::domain::billing::pay::NewPayment;
    use crate::domain::model::action::Action;
    use crate::domain::model::address::Address;
    use crate::domain::model::customer::Customer;
    use crate::domain::model::location::Location;
    use crate::domain::model::method::Method;
    use crate::domain::model::money::Currency;
    use crate::domain::model::new_order::{NewLine, NewOrder};
    use crate::domain::model::payment::{ProviderAnswer, ProviderRequest};
    use crate::domain::model::policy::Rules;
    use crate::domain::model::product::Product;
    use crate::domain::model::refusal::Refusal;
    use crate::domain::model::scalars::{
        Actor, Channel, Ids, LocationCode, OnLate, OnShortage, OrderId, ServiceLevel, Sku,
    };
    use crate::domain::model::stock::StockLevel;
    use crate::domain::model::time::Timestamp;
    use crate::domain::ordering::receive::take_in;
    use crate::domain::process::timeline::steps::Step;
    use crate::domain::unit::command::conclude;
    use crate::domain::unit::unit_of_work::{Snapshot, UnitOfWork};

    /// A shop with ten mugs on one shelf.
    struct Scene {
        snapshot: Snapshot,
        rules: Rules,
        seed: u64,
    }

    const NOW: Timestamp = Timestamp::from_unix_micros(1_800_000_000_000_000);

    impl Scene {
        fn open() -> Self {
            let (sku, location): (Sku, LocationCode) =
                ("MUG-1".parse().expect("a sku"), "BER-1".parse().expect("a location"));
            let mut snapshot = Snapshot::default();
            snapshot.products.insert(
                sku.clone(),
                Arc::new(Product {
                    unit_price: Some("EUR".parse::<Currency>().expect("a currency").of(1_000)),
                    weight_grams: 300,
                    ..Product::new(sku.clone(), "Mug", NOW)
                }),
            );
            snapshot.locations.insert(
                location.clone(),
                Arc::new(Location::new(location.clone(), "EUROPE".parse().expect("a region"), "DE", NOW)),
            );
            let level = StockLevel {
                on_hand: 10,
                version: 1,
                ..StockLevel::empty(sku.clone(), location.clone(), NOW)
            };
            snapshot.stock.insert((sku, location), level);
            Self { snapshot, rules: Rules::default(), seed: 0 }
        }

        fn does<T>(&mut self, act: impl FnOnce(&mut UnitOfWork<'_>) -> Result<T, Refusal>) -> T {
            self.seed += 1;
            let ids = Ids::seeded(NOW, self.seed);
            let mut unit =
                UnitOfWork::new(&self.snapshot, &self.rules, NOW, Actor::stored("ann".to_owned()), ids);
            let done = act(&mut unit).expect("a legal step");
            let changes = unit.changes;
            self.snapshot.apply(&changes);
            done
        }

        fn takes(&mut self, quantity: i64) -> OrderId {
            let new = NewOrder {
                channel: Channel::Online,
                external_reference: String::new(),
                customer: Customer {
                    name: "Ada Byron".to_owned(),
                    email: "ada@example.com".to_owned(),
                    phone: String::new(),
                    locale: String::new(),
                    phone_extension: String::new(),
                },
                shipping_address: Address {
                    recipient: String::new(),
                    organization: String::new(),
                    lines: vec!["Main Street 1".to_owned()],
                    city: "Berlin".to_owned(),
                    area: String::new(),
                    postal_code: "10115".to_owned(),
                    country: "DE".to_owned(),
                },
                billing_address: None,
                currency: "EUR".parse().expect("a currency"),
                lines: vec![NewLine {
                    sku: "MUG-1".parse().expect("a sku"),
                    quantity,
                    unit_price: None,
                    discount: None,
                    description: String::new(),
                }],
                discount: None,
                discount_code: None,
                prices_include_tax: true,
                shipping_fee: None,
                special_instructions: String::new(),
                service: ServiceLevel::Standard,
                on_shortage: OnShortage::Refuse,
                allocation: None,
                reservation_lifetime_seconds: None,
                requested_by: None,
                on_late: OnLate::Accept,
                wait_until: None,
                labels: Default::default(),
                named: None,
            };
            self.does(|unit| take_in(unit, &new))
        }

        fn with<T>(
            &mut self,
            id: OrderId,
            act: impl FnOnce(&mut Order, &mut UnitOfWork<'_>) -> Result<T, Refusal>,
        ) -> T {
            self.does(|unit| {
                let mut order = unit.take_order(id)?;
                let done = act(&mut order, unit)?;
                conclude(order, unit)?;
                Ok(done)
            })
        }

        fn order(&self, id: OrderId) -> &Order {
            &self.snapshot.orders[&id]
        }
    }

    fn by_card(request: ProviderRequest) -> NewPayment {
        NewPayment {
            method: Method::Card,
            token: "tok_ok".to_owned(),
            amount: None,
            request,
            provider: "sandbox".to_owned(),
        }
    }

    #[test]
    fn an_order_says_how_far_it_is_paid() {
        let mut scene = Scene::open();
        let id = scene.takes(2);
        let order = scene.order(id);
        assert_eq!(order.next_step().map(|it| it.0), Some(Step::CapturePayment));
        assert_eq!(order.payment_status(), PaymentStatus::Unpaid);
        assert_eq!(order.fulfillment_status(), FulfillmentStatus::Unfulfilled);
        assert_eq!(
            order.line_progress(1),
            LineProgress { reserved: 2, shipped: 0, delivered: 0, cancelled: 0 }
        );
        assert!(order.available_actions().contains(&Action::CapturePayment));

        let payment =
            scene.with(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Authorize)));
        assert_eq!(scene.order(id).payment_status(), PaymentStatus::Pending);

        let done = ProviderAnswer::Done("a-1".to_owned());
        scene.with(id, |order, unit| order.answer_payment(unit, payment, ProviderRequest::Authorize, &done));
        assert_eq!(scene.order(id).payment_status(), PaymentStatus::Authorized);

        scene.with(id, |order, unit| order.begin_capture(unit, payment));
        scene.with(id, |order, unit| order.answer_payment(unit, payment, ProviderRequest::Capture, &done));
        let order = scene.order(id);
        assert_eq!(order.payment_status(), PaymentStatus::Paid);
        assert_eq!(order.fulfillment_status(), FulfillmentStatus::InPreparation);
        assert_eq!(order.next_step().map(|it| it.0), Some(Step::PrepareOrder));
        assert_eq!(order.amount_due_minor(), 0);
    }

    #[test]
    fn a_cancelled_order_is_given_back_and_owes_nothing() {
        let mut scene = Scene::open();
        let id = scene.takes(2);
        let payment =
            scene.with(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge)));
        let done = ProviderAnswer::Done("c-1".to_owned());
        scene.with(id, |order, unit| order.answer_payment(unit, payment, ProviderRequest::Charge, &done));
        scene.with(id, |order, unit| order.cancel(unit, "changed their mind"));
        let order = scene.order(id);
        assert_eq!(order.payment_status(), PaymentStatus::Paid);

        let refund = order.payments[0].refunds[0].id;
        scene.with(id, |order, unit| order.answer_refund(unit, refund, &done));
        let order = scene.order(id);
        assert_eq!(order.payment_status(), PaymentStatus::Refunded);
        assert_eq!(order.fulfillment_status(), FulfillmentStatus::Cancelled);
        assert_eq!(
            order.line_progress(1),
            LineProgress { reserved: 0, shipped: 0, delivered: 0, cancelled: 2 }
        );
        assert_eq!(order.amount_due_minor(), 0);
        assert_eq!(order.next_step(), None);
    }
}
