//! A flash sale: one product, few units, many buyers at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::bench::caller::Caller;
use crate::bench::catalogue::{Catalogue, Reach};
use crate::bench::driver::{Operation, is_for_later};
use crate::bench::tally::Tally;
use crate::pb;

/// How often a buyer tries again after a refusal that asks it to come back later.
const TRIES: u32 = 50;
/// How long they wait before.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Every buyer wants one unit; the refusal that none is left is a good answer too.
pub(in crate::bench) struct Flash {
    pub(in crate::bench) catalogue: Arc<Catalogue>,
    pub(in crate::bench) sku: String,
    pub(in crate::bench) accepted: AtomicU64,
    pub(in crate::bench) refused: AtomicU64,
}

impl Operation for Flash {
    const NAME: &'static str = "flash";

    async fn run(&self, caller: &Caller, _: u64, tally: &Tally) -> Result<(), Status> {
        let request = self.catalogue.order([self.sku.as_str()], Reach::Email);
        let mut tries = 0;
        loop {
            // The same request id makes it safe to ask again.
            let asking = caller.create_order(request.clone());
            match tally.time("CreateOrder", asking).await {
                Ok(order) => {
                    if order.state() == pb::OrderState::Invoiced {
                        self.accepted.fetch_add(1, Ordering::Relaxed);
                        return Ok(());
                    }
                    return Err(crate::bench::caller::unexpected("NOT_INVOICED"));
                }
                Err(status) if is_sold_out(&status) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(status) if is_for_later(&status) && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(status) => return Err(status),
            }
        }
    }
}

fn is_sold_out(status: &Status) -> bool {
    status.code() == Code::FailedPrecondition
        && status.get_details_error_info().is_some_and(|it| it.reason == "INSUFFICIENT_STOCK")
}
