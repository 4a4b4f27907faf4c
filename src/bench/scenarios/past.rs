//! Orders with a past: most are cancelled and paid back, some are delivered and rated; then all go to the archive.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tonic::Status;
use tonic_types::StatusExt;

use crate::bench::caller::{Caller, unexpected};
use crate::bench::catalogue::{Catalogue, Reach};
use crate::bench::driver::Operation;
use crate::bench::scenarios::place::{place, send_off};
use crate::bench::tally::Tally;
use crate::pb;

/// One order of so many is delivered; the customer has letters of it, and rates it.
const DELIVERED_OF: u64 = 10;
/// One of so many deliveries is rated so badly that somebody is to follow it up.
const BAD_OF: u64 = 50;
/// How often the archive is tried while money goes back and letters go out.
const TRIES: u32 = 100;
/// How long it waits before.
const PAUSE: Duration = Duration::from_millis(200);

/// Orders come to their end.
pub(in crate::bench) struct Past {
    catalogue: Arc<Catalogue>,
    ended: Mutex<Ended>,
}

/// Ids of orders that came to their end.
#[derive(Debug, Clone, Default)]
pub(in crate::bench) struct Ended {
    pub(in crate::bench) delivered: Vec<String>,
    pub(in crate::bench) cancelled: Vec<String>,
}

impl Past {
    pub(in crate::bench) fn new(catalogue: &Arc<Catalogue>) -> Arc<Self> {
        Arc::new(Self { catalogue: Arc::clone(catalogue), ended: Mutex::default() })
    }

    pub(in crate::bench) fn ended(&self) -> Ended {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Operation for Past {
    const NAME: &'static str = "past";

    async fn run(&self, caller: &Caller, number: u64, tally: &Tally) -> Result<(), Status> {
        if number.is_multiple_of(DELIVERED_OF) {
            let order = place(&self.catalogue, Reach::Email, caller, tally).await?;
            let shipment = send_off(&order, caller, tally).await?;
            caller.confirm_delivery(&shipment).await?;
            let rating = if number.is_multiple_of(BAD_OF) { 1 } else { 5 };
            caller.submit_feedback(&order, rating).await?;
            caller.close_order(&order).await?;
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).delivered.push(order);
        } else {
            let order = place(&self.catalogue, Reach::PhoneOnly, caller, tally).await?;
            caller.cancel_order(&order).await?;
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).cancelled.push(order);
        }
        Ok(())
    }
}

/// Orders that are over go to the archive, each once.
pub(in crate::bench) struct Archive {
    pub(in crate::bench) orders: Vec<String>,
}

impl Operation for Archive {
    const NAME: &'static str = "archive";

    async fn run(&self, caller: &Caller, number: u64, _: &Tally) -> Result<(), Status> {
        let order = usize::try_from(number).ok().and_then(|it| self.orders.get(it));
        let order = order.ok_or_else(|| unexpected("NO_ORDERS"))?;
        let mut tries = 0;
        loop {
            match caller.archive_order(order).await {
                Ok(archived) if archived.state() == pb::OrderState::Archived => return Ok(()),
                Ok(_) => return Err(unexpected("NOT_ARCHIVED")),
                Err(status) if is_not_over(&status) && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(status) => return Err(status),
            }
        }
    }
}

/// Money or a letter is still under way.
fn is_not_over(status: &Status) -> bool {
    status.get_details_error_info().is_some_and(|it| it.reason == "NOT_ARCHIVABLE")
}
