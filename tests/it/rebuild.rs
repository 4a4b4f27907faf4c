//! `consign migrate --rebuild` makes damaged tables anew from documents, killed in the middle and run again.

use futures_util::future::join_all;

use crate::child::{Site, scale};
use crate::server::{Engine, TestServer, patient};
use crate::shop::{create_order, draft, stocked};

/// Orders of one caller under way at once.
const AT_ONCE: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn damaged_tables_are_made_anew_though_the_first_try_was_killed_on_sqlite() {
    damaged_tables_are_made_anew(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_tables_are_made_anew_though_the_first_try_was_killed_on_postgres() {
    damaged_tables_are_made_anew(Engine::Postgres).await;
}

async fn damaged_tables_are_made_anew(engine: Engine) {
    // Pages have 64 orders: there are several.
    let orders = scale(300, 100_000);
    let Some(mut site) = ordered(engine, orders).await else { return };
    assert_eq!(site.broken_laws(), "");
    site.sql("DELETE FROM order_lines; DELETE FROM order_terms; UPDATE orders SET customer_name = 'nobody'")
        .await;
    assert_eq!(broken_orders(&site), orders);

    // The catalogue and stock take some transactions, then each page of orders one.
    site.set("FAILPOINTS", "rebuild.commit.after=6*off->1*return(abort)");
    let killed = site.run(&["migrate", "--rebuild"]);
    assert!(!killed.status.success(), "{killed:?}");
    let left = broken_orders(&site);
    assert!(0 < left && left < orders, "{left} of {orders} are still to be done");

    site.set("FAILPOINTS", "");
    let done = site.run(&["migrate", "--rebuild"]);
    assert!(done.status.success(), "{done:?}");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains(&format!("rebuilt {orders} orders")), "{said}");
    assert_eq!(site.broken_laws(), "");
}

/// Orders whose tables are not as their documents have them, as `consign check` counts them.
fn broken_orders(site: &Site) -> usize {
    let laws = site.broken_laws();
    let law = laws.lines().find(|it| it.starts_with("BROKEN D1 "));
    let Some(law) = law else { return 0 };
    let (_, counts) = law.rsplit_once('(').expect("how many are broken");
    counts.split_once(" of ").and_then(|it| it.0.parse().ok()).expect("a number")
}

/// What is left of a server that has taken in this many orders.
async fn ordered(engine: Engine, orders: usize) -> Option<Site> {
    let server = TestServer::start_with(engine, patient).await?;
    stocked(&server, "R-1", 1_000_000).await;
    for first in (0..orders).step_by(AT_ONCE) {
        let placed =
            (first..orders.min(first + AT_ONCE)).map(|number| {
                let server = server.clone();
                async move {
                    create_order(&server, draft(&format!("r{number}"), "R-1", 1)).await.expect("an order")
                }
            });
        join_all(placed).await;
    }
    Some(Site::of(server.stop().await))
}
