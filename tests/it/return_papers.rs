//! The papers and letters of a return, from the word that it may be sent to the answer.

use consign::pb::{self, ReturnDocumentKind};
use tonic::{Code, Status};

use crate::letters::letter;
use crate::returns::{ask, authorize, delivered, inspect, receive, resolve};
use crate::server::{Clients, on_both_engines};
use crate::shop::{LEIPZIG, by, create_courier, every_law_holds, reason, stocked};
use crate::warehouse::Warehouse;

async fn document(
    server: &Clients,
    id: &str,
    kind: ReturnDocumentKind,
) -> Result<pb::GetReturnDocumentResponse, Status> {
    let request = pb::GetReturnDocumentRequest { return_id: id.to_owned(), kind: kind.into() };
    Ok(server.returns.clone().get_return_document(request).await?.into_inner())
}

/// The location gets the address that it had none of, and the letter is sent again.
async fn sent_again_with_an_address(server: &Clients, message: &str) {
    let address = pb::Address {
        street: vec!["Handelsweg 1".to_owned()],
        city: "Leipzig".to_owned(),
        postal_code: "04109".to_owned(),
        country: "DE".to_owned(),
        ..Default::default()
    };
    let location =
        pb::StockLocation { location: LEIPZIG.to_owned(), address: Some(address), ..Default::default() };
    let request = pb::UpdateStockLocationRequest {
        stock_location: Some(location),
        update_mask: Some(prost_types::FieldMask { paths: vec!["address".to_owned()] }),
        ..Default::default()
    };
    server.inventory.clone().update_stock_location(by("clerk", request)).await.expect("corrected");
    let request = pb::ResendMessageRequest { message_id: message.to_owned(), ..Default::default() };
    server.orders.clone().resend_message(by("support", request)).await.expect("it had failed");
}

on_both_engines!(
    a_return_has_its_papers_while_it_may_be_sent_and_letters_tell_of_each_step,
    async |server| {
        stocked(&server, "SIX", 20).await;
        create_courier(&server).await;
        let placed = delivered(&server, "ann").await;
        let back = ask(&server, &placed.id, &[(1, 2)], pb::ReturnReason::Damaged).await.expect("six arrived");
        let early = document(&server, &back.id, ReturnDocumentKind::FormPdf).await.expect_err("not yet");
        assert_eq!((early.code(), reason(&early).as_str()), (Code::FailedPrecondition, "ILLEGAL_TRANSITION"));
        let nothing = document(&server, &back.id, ReturnDocumentKind::Unspecified).await.expect_err("which?");
        assert_eq!(nothing.code(), Code::InvalidArgument);

        authorize(&server, &back.id).await.expect("asked for");
        let number = format!("{}-R1", placed.number);
        let form = document(&server, &back.id, ReturnDocumentKind::FormPdf).await.expect("a form");
        assert_eq!(
            (form.filename.clone(), &form.content[..5]),
            (format!("return-form-{number}.pdf"), &b"%PDF-"[..])
        );
        let label = document(&server, &back.id, ReturnDocumentKind::LabelPdf).await.expect("a label");
        assert_eq!((label.media_type.as_str(), &label.content[..5]), ("application/pdf", &b"%PDF-"[..]));
        assert!(
            label.warnings.iter().any(|it| it.contains(LEIPZIG)),
            "it has no address: {:?}",
            label.warnings
        );
        let zpl = document(&server, &back.id, ReturnDocumentKind::LabelZpl).await.expect("a label");
        let text = String::from_utf8(zpl.content).expect("text");
        assert!(text.starts_with("^XA") && text.contains(&number), "{text}");

        let warehouse = Warehouse { server: &server };
        warehouse.until_quiet(&placed.id).await;
        let told = letter(&server, &placed.id, "RETURN_AUTHORIZED").await;
        assert_eq!(told.state(), pb::MessageState::Failed, "a label to nowhere is not sent: {told:?}");
        assert!(told.failure.contains(LEIPZIG) && told.failure.contains("no address"), "{}", told.failure);
        sent_again_with_an_address(&server, &told.id).await;
        warehouse.until_quiet(&placed.id).await;
        let told = letter(&server, &placed.id, "RETURN_AUTHORIZED").await;
        assert_eq!(
            (told.state(), told.subject.contains(&number)),
            (pb::MessageState::Sent, true),
            "{told:?}"
        );
        receive(&server, &back.id, 2).await.expect("both");
        let late = document(&server, &back.id, ReturnDocumentKind::LabelPdf).await.expect_err("it is here");
        assert_eq!(reason(&late), "ILLEGAL_TRANSITION");
        inspect(&server, &back.id, &[(pb::ReturnDisposition::Restock, 2)]).await.expect("looked at");
        let answers = [(pb::ReturnResolution::StoreCredit, 1), (pb::ReturnResolution::Reject, 1)];
        let answered = resolve(&server, &back.id, &answers).await.expect("both");
        warehouse.until_quiet(&placed.id).await;
        assert!(letter(&server, &placed.id, "RETURN_RECEIVED").await.body.contains("2 ×"));
        let told = letter(&server, &placed.id, "RETURN_RESOLVED").await.body;
        let code = &answered.store_credit_codes[0];
        assert!(told.contains(&code[code.len() - 4..]) && !told.contains(code.as_str()), "{told}");

        let more = ask(&server, &placed.id, &[(1, 1)], pb::ReturnReason::Other).await.expect("four are left");
        let request = pb::DeclineReturnRequest {
            return_id: more.id,
            reason: "it was used".to_owned(),
            ..Default::default()
        };
        server.returns.clone().decline_return(by("clerk", request)).await.expect("it is asked for");
        warehouse.until_quiet(&placed.id).await;
        assert!(letter(&server, &placed.id, "RETURN_DECLINED").await.body.contains("it was used"));
        every_law_holds(&server).await;
        server.stop().await;
    }
);
