//! The contract of a payment provider.

use async_trait::async_trait;

use crate::domain::{
    Money, PaymentId, ProviderAnswer, ProviderPayment, ProviderRequest, RefundId, Timestamp,
};

/// A company that takes and gives back money on our behalf.
///
/// Every call has a key: `request` and `key` together, or a refund's id. The first call with a key may have an effect; every
/// later one has none and gets the same final answer. A call that is not answered in time is [`ProviderAnswer::Unknown`],
/// never a refusal: it is asked again with the same key, at pauses of at most half a minute, until there is a final answer.
/// That may be days later.
///
/// Amounts are minor units of their currency (cents, yen, fils). A token stands for a card or an account; no number
/// of either ever comes here.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Stored with every payment: only the provider that was asked first is asked again.
    fn name(&self) -> &'static str;

    /// Authorises, charges (both at once), captures or voids the payment `key`, always the whole `amount`. `token` is the one
    /// that the payment began with, each time; `payment_reference` is the name in the latest `Done` about the
    /// payment, if there was one, and `refund` gets that too: a capture may give another name than its authorisation.
    async fn request(
        &self,
        request: ProviderRequest,
        key: PaymentId,
        token: &str,
        payment_reference: Option<&str>,
        amount: Money,
    ) -> ProviderAnswer;

    /// Pays `amount` back out of the payment to which the provider gave `payment_reference`. `Done` has the provider's name for
    /// the refund.
    async fn refund(&self, key: RefundId, payment_reference: &str, amount: Money) -> ProviderAnswer;

    /// The payments in which something has happened since then, and perhaps others too. None: it has no list that a
    /// program can ask for. An error says why there is no answer.
    async fn payments_since(&self, _since: Timestamp) -> Result<Option<Vec<ProviderPayment>>, String> {
        Ok(None)
    }
}
