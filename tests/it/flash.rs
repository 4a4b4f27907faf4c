//! Exactly what is there is sold, however many want it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tonic::Code;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{draft, every_law_holds, level, place, reason, stocked};

const UNITS: usize = 500;
const BUYERS: usize = 2_000;
const CLIENTS: usize = 64;

on_both_engines!(five_hundred_units_go_to_exactly_five_hundred_of_two_thousand_buyers, flash);

async fn flash(server: TestServer) {
    let server = Arc::new(server);
    stocked(&server, "FLASH", UNITS as i64).await;

    let next = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (server, next) = (Arc::clone(&server), Arc::clone(&next));
            tokio::spawn(async move {
                let (mut accepted, mut refused) = (0, 0);
                loop {
                    let buyer = next.fetch_add(1, Ordering::Relaxed);
                    if buyer >= BUYERS {
                        return (accepted, refused);
                    }
                    match place(&server, draft(&format!("buyer{buyer}"), "FLASH", 1)).await {
                        Ok(_) => accepted += 1,
                        Err(status) => {
                            assert_eq!(
                                (status.code(), reason(&status).as_str()),
                                (Code::FailedPrecondition, "INSUFFICIENT_STOCK")
                            );
                            refused += 1;
                        }
                    }
                }
            })
        })
        .collect();
    let (mut accepted, mut refused) = (0, 0);
    for client in clients {
        let (taken, left) = client.await.expect("a client ends well");
        accepted += taken;
        refused += left;
    }

    assert_eq!((accepted, refused), (UNITS, BUYERS - UNITS));
    let level = level(&server, "FLASH").await;
    assert_eq!((level.on_hand, level.reserved, level.available), (UNITS as i64, UNITS as i64, 0));
    every_law_holds(&server).await;
    Arc::into_inner(server).expect("every client is done").stop().await;
}
