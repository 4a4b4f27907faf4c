//! WatchStockLevels over the wire.

use std::collections::BTreeMap;
use std::time::Duration;

use consign::pb;
use consign::pb::watch_stock_levels_response::Update;
use futures_util::future::join_all;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use crate::child::Site;
use crate::server::{Clients, Engine, on_both_engines};
use crate::shop::{LEIPZIG, by, create_order, draft, level, open_location, reason, receive, stocked};

const HALLE: &str = "DE-HALLE";

/// How long a message may take on a machine that has much to do.
const PATIENCE: Duration = Duration::from_secs(60);

type Levels = Streaming<pb::WatchStockLevelsResponse>;

async fn watch(server: &Clients, skus: &[&str], locations: &[&str], after: i64) -> Result<Levels, Status> {
    let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    let request = pb::WatchStockLevelsRequest {
        skus: names(skus),
        locations: names(locations),
        after_position: after,
        history_id: String::new(),
    };
    Ok(server.inventory.clone().watch_stock_levels(request).await?.into_inner())
}

/// The next level with the position after it; heartbeats are passed over.
async fn next(stream: &mut Levels) -> (pb::StockLevel, i64) {
    loop {
        let message = timeout(PATIENCE, stream.message()).await.expect("news in time").expect("no error");
        let message = message.expect("the stream does not end");
        if let Some(Update::StockLevel(level)) = message.update {
            return (level, message.resume_position);
        }
    }
}

on_both_engines!(levels_come_as_they_are_and_then_as_they_change, async |server| {
    stocked(&server, "W-1", 10).await;
    open_location(&server, HALLE, "EUROPE", "DE").await;
    receive(&server, "W-1", HALLE, 5).await;

    let mut all = watch(&server, &["W-1"], &[], 0).await.expect("a stream");
    let mut halle = watch(&server, &["W-1"], &[HALLE], 0).await.expect("a stream");
    let (first, before) = next(&mut all).await;
    let (second, all_known) = next(&mut all).await;
    assert_eq!((first.location.as_str(), first.on_hand), (HALLE, 5));
    assert_eq!((second.location.as_str(), second.on_hand), (LEIPZIG, 10));
    assert_eq!(before, 0, "one that breaks off in between begins again");
    assert_eq!(next(&mut halle).await.0, first);

    receive(&server, "W-1", LEIPZIG, 7).await;
    let (level_now, position) = next(&mut all).await;
    assert_eq!((level_now.location.as_str(), level_now.on_hand), (LEIPZIG, 17));
    assert_eq!(level_now, level(&server, "W-1").await);
    assert!(position > all_known);

    // Nothing has changed since: the first thing that comes is the next change.
    let mut again = watch(&server, &["W-1"], &[], position).await.expect("a stream");
    receive(&server, "W-1", HALLE, 1).await;
    let (changed, position) = next(&mut again).await;
    assert_eq!((changed.location.as_str(), changed.on_hand), (HALLE, 6));
    assert_eq!(next(&mut halle).await.0, changed, "and the change elsewhere was nothing to this one");

    // Something has changed since: every level is sent.
    let mut late = watch(&server, &["W-1"], &[], all_known).await.expect("a stream");
    assert_eq!(next(&mut late).await.0.on_hand, 6);
    assert!(next(&mut late).await.1 >= position);
});

on_both_engines!(what_cannot_be_followed_is_refused, async |server| {
    stocked(&server, "W-1", 10).await;
    let refused = |skus: &'static [&str], locations: &'static [&str], after| {
        let server = &server;
        async move { watch(server, skus, locations, after).await.expect_err("refused") }
    };
    assert_eq!(refused(&[], &[], 0).await.code(), Code::InvalidArgument);
    assert_eq!(refused(&["W-1", "W-1"], &["nowhere ?"], -1).await.code(), Code::InvalidArgument);
    let unknown = refused(&["W-1", "W-2", "W-3"], &[], 0).await;
    assert_eq!((unknown.code(), reason(&unknown)), (Code::NotFound, "NOT_FOUND".to_owned()));
    assert!(unknown.message().contains("W-2, W-3"), "{}", unknown.message());
    assert_eq!(refused(&["W-1"], &[HALLE], 0).await.code(), Code::NotFound);
    let beyond = refused(&["W-1"], &[], i64::MAX).await;
    assert_eq!((beyond.code(), reason(&beyond)), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
});

on_both_engines!(a_reader_of_a_crowd_ends_with_what_is_there, async |server| {
    const BUYERS: i64 = 24;
    for sku in ["W-1", "W-2"] {
        stocked(&server, sku, BUYERS).await;
    }
    let mut stream = watch(&server, &["W-1", "W-2"], &[], 0).await.expect("a stream");
    let buy = |buyer: i64| {
        let server = &server;
        async move {
            let sku = if buyer % 2 == 0 { "W-1" } else { "W-2" };
            create_order(server, draft(&format!("buyer{buyer}"), sku, 1)).await.expect("an order");
        }
    };
    join_all((0..BUYERS).map(buy)).await;

    let there = [level(&server, "W-1").await, level(&server, "W-2").await];
    let mut known = BTreeMap::new();
    let mut last = 0;
    while there.iter().any(|it| known.get(&it.sku) != Some(it)) {
        let (level, position) = next(&mut stream).await;
        assert!(position >= last, "positions never fall");
        last = position;
        known.insert(level.sku.clone(), level);
    }
});

/// A change that one process makes reaches the streams of another, where no bell rings.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_changes_is_seen() {
    let Some(site) = Site::prepare(Engine::Postgres).await else { return };
    let (here, there) = (site.start().await, site.start().await);
    let (here, there) = (Clients::over(here.channel()), Clients::over(there.channel()));
    stocked(&here, "W-1", 10).await;
    let mut stream = watch(&here, &["W-1"], &[], 0).await.expect("a stream");
    assert_eq!(next(&mut stream).await.0.on_hand, 10);
    let request = pb::AdjustStockRequest {
        sku: "W-1".to_owned(),
        location: LEIPZIG.to_owned(),
        reason: pb::AdjustmentReason::Lost as i32,
        delta: -3,
        note: "broken".to_owned(),
        ..Default::default()
    };
    there.inventory.clone().adjust_stock(by("clerk", request)).await.expect("adjusted");
    assert_eq!(next(&mut stream).await.0.on_hand, 7);
}
