//! The contract of a courier's interface.

use async_trait::async_trait;

use crate::domain::{Booking, Consignment, CourierAnswer, LiveRate, Load, SoldLabel, TrackingReport};

/// A courier that sells labels, and may be told to come, through an interface.
///
/// Every call but `rates` and `track` is about one booking, whose id is its key. The first call with a key may have an effect; every later one
/// has none and gets the same final answer. Where the courier's own interface has no such keys, the implementation looks
/// what there is before it asks. A call that is not answered for certain is [`CourierAnswer::Unknown`], never a refusal:
/// it is asked again with the same key.
#[async_trait]
pub trait CourierInterface: Send + Sync {
    /// What it asks for carrying this, service by service; nothing is ordered by it.
    async fn rates(&self, load: &Load) -> CourierAnswer<Vec<LiveRate>>;

    /// Buys one label for the whole shipment.
    async fn buy_label(&self, consignment: &Consignment) -> CourierAnswer<SoldLabel>;

    /// Has the courier come for what has the label `number`, at the consignment's pickup; gives its own name for it.
    async fn book_pickup(&self, consignment: &Consignment, number: &str) -> CourierAnswer<String>;

    /// What the courier has to report of the shipment with this number, the latest at most; None: it did not answer.
    async fn track(&self, number: &str) -> Option<Vec<TrackingReport>>;

    /// Calls off the pickup, if there is one, and gives the label back. What is called off already is done.
    async fn cancel(&self, booking: &Booking) -> CourierAnswer<()>;
}
