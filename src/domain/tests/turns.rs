//! Whose turn it is where nobody may approve what they had a hand in.

use crate::domain::approvals::decide::Decision;
use crate::domain::model::scalars::OrderId;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::pending;

impl Bench {
    /// The judge approves all that waits for it.
    pub(super) fn approve_all(&mut self, id: OrderId) {
        self.by("judge");
        while let Some(approval) = pending(self.order(id)).map(|it| it.id) {
            self.on(id, |order, unit| order.decide_approval(unit, approval, Decision::Approve, ""))
                .expect("yes");
        }
    }

    /// The judge approves all, and the cashier takes the money; next acts the clerk.
    pub(super) fn approve_and_pay(&mut self, id: OrderId) {
        self.approve_all(id);
        self.by("cashier").pay_cash(id);
        self.by("clerk");
    }
}
