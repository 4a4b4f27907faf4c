//! Commands about an order as a whole, from receipt to archive.

use super::{Command, OnOrder, OrderCommand, Target, conclude, to_reserve, with_stock};
use crate::domain::receive::{fingerprint_of, receive};
use crate::domain::{
    Correction, Currency, Desk, HoldId, HoldReason, NewOrder, Order, OrderId, Refusal, Touch, Waive,
};

/// Takes an order in: steps 1 to 4, and on to the first gate that needs somebody.
#[derive(Debug, Clone)]
pub struct CreateOrder {
    pub new: NewOrder,
}

impl Command for CreateOrder {
    const NAME: &'static str = "CreateOrder";
    type Output = OnOrder<()>;

    fn reads(&self) -> Touch {
        let NewOrder { channel, external_reference, customer, shipping_address, lines, .. } = &self.new;
        let named = !external_reference.is_empty();
        Touch {
            skus: lines.iter().map(|it| it.sku.clone()).collect(),
            fingerprints: vec![fingerprint_of(customer, shipping_address, lines)],
            external_reference: named.then(|| (*channel, external_reference.clone())),
            ..Touch::default()
        }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<OnOrder<()>, Refusal> {
        let order = take_in(desk, &self.new).map_err(|it| it.under("order"))?;
        Ok(OnOrder { order, output: () })
    }
}

pub(in crate::domain) fn take_in(desk: &mut Desk<'_>, new: &NewOrder) -> Result<OrderId, Refusal> {
    let order = receive(desk, new)?;
    let id = order.id;
    conclude(order, desk)?;
    Ok(id)
}

/// Changes an order that has nothing reserved yet.
#[derive(Debug, Clone)]
pub struct UpdateOrder {
    pub target: Target,
    pub correction: Correction,
    /// The currency that the new lines are in; it has to be the order's.
    pub currency: Option<Currency>,
}

impl OrderCommand for UpdateOrder {
    const NAME: &'static str = "UpdateOrder";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        let products = self.correction.lines.iter().flatten().map(|it| it.sku.clone()).collect();
        Touch { products, ..Touch::default() }
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let own = order.amounts.currency;
        if self.currency.is_some_and(|it| it != own) {
            return Err(Refusal::invalid("order.currency", format!("the order is in {own}")));
        }
        order.correct(desk, &self.correction).map_err(|it| it.under("order"))
    }
}

/// Step 2 again, after a correction.
#[derive(Debug, Clone)]
pub struct VerifyOrder {
    pub target: Target,
    pub waive: Waive,
}

impl OrderCommand for VerifyOrder {
    const NAME: &'static str = "VerifyOrder";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        Touch { order_fingerprints: true, ..to_reserve() }
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.verify_again(desk, self.waive)
    }
}

/// Ends an order before anything was handed over.
#[derive(Debug, Clone)]
pub struct CancelOrder {
    pub target: Target,
    pub reason: String,
}

impl OrderCommand for CancelOrder {
    const NAME: &'static str = "CancelOrder";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        with_stock()
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.cancel(desk, &self.reason)
    }
}

/// Stops every forward move of an order until the hold is released.
#[derive(Debug, Clone)]
pub struct PlaceHold {
    pub target: Target,
    pub reason: HoldReason,
    pub comment: String,
}

impl OrderCommand for PlaceHold {
    const NAME: &'static str = "PlaceHold";
    type Output = HoldId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<HoldId, Refusal> {
        order.place_hold(desk, self.reason, self.comment.clone())
    }
}

/// Releases one hold; without another the order goes on.
#[derive(Debug, Clone)]
pub struct ReleaseHold {
    pub target: Target,
    pub hold: HoldId,
    pub comment: String,
}

impl OrderCommand for ReleaseHold {
    const NAME: &'static str = "ReleaseHold";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.release_hold(desk, self.hold, &self.comment)
    }
}

/// Step 18.
#[derive(Debug, Clone)]
pub struct CloseOrder {
    pub target: Target,
}

impl OrderCommand for CloseOrder {
    const NAME: &'static str = "CloseOrder";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.close(desk)
    }
}

/// Steps 19 and 20.
#[derive(Debug, Clone)]
pub struct ArchiveOrder {
    pub target: Target,
}

impl OrderCommand for ArchiveOrder {
    const NAME: &'static str = "ArchiveOrder";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        with_stock()
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.archive(desk)
    }
}

/// What the customer thought of it.
#[derive(Debug, Clone)]
pub struct SubmitFeedback {
    pub target: Target,
    /// 1 to 5.
    pub delivery_rating: i32,
    /// 1 to 5.
    pub product_rating: i32,
    pub comment: String,
}

impl OrderCommand for SubmitFeedback {
    const NAME: &'static str = "SubmitFeedback";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.submit_feedback(desk, self.delivery_rating, self.product_rating, self.comment.clone())
    }
}
