//! Each call about a transfer in each state that a transfer may be in.

use consign::pb;
use tonic::Code;
use tonic_types::StatusExt;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{LEIPZIG, by, every_law_holds, open_location, reason, stocked};
use crate::walk::calls::{OF_TRANSFERS, Target, nobody};
use crate::walk::{current_etag, legal};

const HALLE: &str = "DE-HALLE";

/// Each state with the call that leads to it from a transfer of three units that just left, and whether it is open then.
const PLACES: &[(&str, Option<&str>, bool)] = &[
    ("IN_TRANSIT", None, true),
    ("PARTIALLY_RECEIVED", Some("one arrives"), true),
    ("RECEIVED", Some("ReceiveTransfer"), false),
    ("CANCELLED", Some("CancelTransfer"), false),
];

on_both_engines!(a_transfer_that_is_over_refuses_every_call_and_stays_as_it_is, async |server| {
    stocked(&server, "MOVE", 40).await;
    open_location(&server, HALLE, "EUROPE", "DE").await;
    for (state, way, is_open) in PLACES {
        let target = Target { transfer: sent(&server).await, ..nobody() };
        match *way {
            None => {}
            Some("one arrives") => one_arrives(&server, &target.transfer).await,
            Some(name) => {
                let call = OF_TRANSFERS.iter().find(|it| it.0 == name).expect("a call of this name").1;
                call(server.clone(), target.clone()).await.expect(name);
            }
        }

        let before = transfer(&server, &target.transfer).await;
        assert_eq!(before.state().as_str_name(), format!("TRANSFER_STATE_{state}"));
        let request = pb::ListTransfersRequest { filter: format!("state = {state}"), ..Default::default() };
        let listed = server.inventory.clone().list_transfers(request).await.expect("a list").into_inner();
        assert_eq!(listed.transfers, std::slice::from_ref(&before));
        for (name, call) in OF_TRANSFERS {
            let only_asked = call(server.clone(), Target { validate_only: true, ..target.clone() }).await;
            let stale = Target { etag: "v0".to_owned(), ..target.clone() };
            let status = call(server.clone(), stale).await.expect_err(name);
            let told = (status.code(), reason(&status));
            assert_eq!(told, (Code::Aborted, "ETAG_MISMATCH".to_owned()), "{name} in {state}: {status:?}");
            assert_eq!(current_etag(&status), before.etag, "{name} in {state}");
            if *is_open {
                only_asked.expect("it is its turn");
                continue;
            }
            let status = call(server.clone(), target.clone()).await.expect_err(name);
            let told = (status.code(), reason(&status));
            let expected = (Code::FailedPrecondition, "ILLEGAL_TRANSITION".to_owned());
            assert_eq!(told, expected, "{name} in {state}: {status:?}");
            assert_eq!(legal(&status), ["TransferStock"], "another one moves what is to be moved then");
            let info = status.get_details_error_info().expect("an ErrorInfo");
            assert_eq!(info.metadata.get("state").map(String::as_str), Some(*state), "{name}");
            let told = only_asked.expect_err("a refusal of what is only asked");
            assert_eq!((told.code(), told.message()), (status.code(), status.message()), "{name} only asked");
        }
        assert_eq!(transfer(&server, &target.transfer).await, before, "{state}");
    }
    every_law_holds(&server).await;
    server.stop().await;
});

async fn sent(server: &TestServer) -> String {
    let request = pb::TransferStockRequest {
        from_location: LEIPZIG.to_owned(),
        to_location: HALLE.to_owned(),
        items: vec![pb::StockLine { sku: "MOVE".to_owned(), quantity: 3 }],
        ..Default::default()
    };
    let answer = server.inventory.clone().transfer_stock(by("walker", request)).await.expect("they are free");
    answer.into_inner().transfer.expect("a transfer").id
}

async fn one_arrives(server: &TestServer, id: &str) {
    let request = pb::ReceiveTransferRequest {
        transfer_id: id.to_owned(),
        items: vec![pb::TransferArrival { sku: "MOVE".to_owned(), received: 1, missing: 0 }],
        ..Default::default()
    };
    server.inventory.clone().receive_transfer(by("walker", request)).await.expect("three are in transit");
}

async fn transfer(server: &TestServer, id: &str) -> pb::Transfer {
    let request = pb::GetTransferRequest { transfer_id: id.to_owned() };
    let answer = server.inventory.clone().get_transfer(request).await.expect("it is there");
    answer.into_inner().transfer.expect("a transfer")
}
