//! `reconcile`: what the payment provider knows and the database does not.

use std::fmt::Display;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::command_line::{open_database, shown};
use crate::domain::{Discrepancy, Money, Part, ProviderPayment, Timestamp};
use crate::outside::PaymentProvider;
use crate::server;
use crate::settings::{DatabaseFlags, Moment};
use crate::store::Store;
use crate::terminal::say;

/// Payments that were decided on before the copy was made may have been carried out long after it.
const BEFORE_THE_COPY: Duration = Duration::from_secs(86_400);

#[derive(Args)]
pub(super) struct ReconcileOptions {
    #[command(flatten)]
    flags: DatabaseFlags,
    /// Compare payments since this time: 2026-11-30T05:00:00Z [default: a day before the copy that was restored last ends]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Print what differs as JSON
    #[arg(long)]
    json: bool,
}

/// Lists what differs; whether nothing does. It changes nothing.
pub(super) async fn run(options: ReconcileOptions) -> Result<bool, Box<dyn Display>> {
    let ReconcileOptions { flags, since, json } = options;
    let since = since.map(Moment::try_from).transpose().map_err(shown)?.map(|it| it.0);
    let (settings, store) = open_database(&flags).await?;
    let compared = match server::payment_provider(&settings) {
        Ok(provider) => compare(&store, provider.as_ref(), since, json).await,
        Err(why) => Err(shown(why)),
    };
    store.close().await;
    compared
}

async fn compare(
    store: &Store,
    provider: &dyn PaymentProvider,
    since: Option<Timestamp>,
    json: bool,
) -> Result<bool, Box<dyn Display>> {
    let since = match since {
        Some(since) => since,
        None => match store.shared_until().await.map_err(shown)? {
            Some(end) => end.minus(BEFORE_THE_COPY),
            None => Timestamp::from_unix_micros(0),
        },
    };
    let there = provider.payments_since(since).await.map_err(shown)?;
    let there = there.ok_or_else(|| {
        shown(format!("{} gives no list: compare its own pages with ListPayments", provider.name()))
    })?;

    let mut differing = 0;
    for payment in &there {
        let order = match store.order_of(&Part::Payment(payment.id)).await.map_err(shown)? {
            Some(id) => store.order(id).await.map_err(shown)?,
            None => None,
        };
        let here = order.as_ref().and_then(|it| it.payments.iter().find(|it| it.id == payment.id));
        if let Some(discrepancy) = Discrepancy::of(payment, here) {
            differing += 1;
            tell(payment, discrepancy, json);
        }
    }
    if !json {
        say(format_args!("{differing} of {} payments differ", there.len()));
    }
    Ok(differing == 0)
}

fn tell(payment: &ProviderPayment, discrepancy: Discrepancy, json: bool) {
    let ProviderPayment { id, reference, amount, captured_minor, refunded_minor, is_voided } = payment;
    let of = |minor: i64| Money { currency: amount.currency, minor };
    let (captured, refunded, word) = (of(*captured_minor), of(*refunded_minor), discrepancy.as_str());
    if json {
        say(json!({
            "paymentId": id.to_string(),
            "discrepancy": word,
            "reference": reference,
            "amount": amount.to_string(),
            "captured": captured.to_string(),
            "refunded": refunded.to_string(),
            "voided": is_voided,
        }));
        return;
    }
    let voided = if *is_voided { ", voided" } else { "" };
    say(format_args!(
        "{word:<14} {id}  {reference}: {amount}, {captured} captured, {refunded} refunded{voided}"
    ));
}
