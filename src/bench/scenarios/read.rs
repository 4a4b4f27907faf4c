//! Reading: one order, its timeline, and the newest of filtered lists.

use std::sync::Arc;

use tonic::Status;

use crate::bench::caller::{Caller, unexpected};
use crate::bench::driver::Operation;
use crate::bench::tally::Tally;

/// Rows of a page.
const PAGE: i32 = 50;

/// One kind of reading after the other, so that each is measured equally often.
pub(in crate::bench) struct Read {
    /// Ids of orders that are there.
    pub(in crate::bench) orders: Vec<String>,
    /// E-mail addresses of customers who have ordered.
    pub(in crate::bench) customers: Vec<String>,
}

impl Operation for Read {
    const NAME: &'static str = "read";

    async fn run(&self, caller: &Caller, number: u64, tally: &Tally) -> Result<(), Status> {
        let order = fastrand::choice(&self.orders).ok_or_else(|| unexpected("NO_ORDERS"))?;
        let customer = fastrand::choice(&self.customers).ok_or_else(|| unexpected("NO_CUSTOMERS"))?;
        let found = match number % 6 {
            0 => tally.time("GetOrder", caller.order(order)).await.map(|_| 1),
            1 => tally.time("GetOrderTimeline", caller.timeline(order)).await.map(|it| it.steps.len()),
            2 => {
                let asking = caller.orders("state = FULFILLING".to_owned(), PAGE);
                tally.time("ListOrders by state", asking).await.map(|it| it.len())
            }
            3 => {
                let asking = caller.orders(format!("customer_email = \"{customer}\""), PAGE);
                tally.time("ListOrders by customer_email", asking).await.map(|it| it.len())
            }
            4 => {
                let asking = caller.shipments("state = PLANNED".to_owned(), PAGE);
                tally.time("ListShipments by state", asking).await.map(|it| it.len())
            }
            _ => {
                let asking = caller.invoices("state = PAID".to_owned(), PAGE);
                tally.time("ListInvoices by state", asking).await.map(|it| it.len())
            }
        };
        // What is asked for is there, so that an empty answer is a wrong one.
        if found? == 0 { Err(unexpected("NOTHING_FOUND")) } else { Ok(()) }
    }
}

impl Read {
    pub(in crate::bench) fn of(orders: Vec<String>, customers: Vec<String>) -> Arc<Self> {
        Arc::new(Self { orders, customers })
    }
}
