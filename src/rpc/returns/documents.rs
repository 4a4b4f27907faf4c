//! Papers of returns.

use tonic::Status;

use crate::domain::{Part, Problems, ReturnDocumentKind, ReturnId};
use crate::pb;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::api::{Api, existing};
use crate::rpc::enums;
use crate::rpc::parse::{id, required_word};
use crate::rpc::status;
use crate::work::ReturnFile;

pub(super) fn wanted(
    request: pb::GetReturnDocumentRequest,
    bad: &mut Problems,
) -> Option<(ReturnId, ReturnDocumentKind)> {
    let pb::GetReturnDocumentRequest { return_id, kind } = request;
    let id = id("return_id", &return_id, bad);
    let kind = required_word("kind", kind, enums::to_return_document_kind, bad);
    Some((id?, kind?))
}

impl Api {
    pub(super) async fn return_document(
        &self,
        id: ReturnId,
        kind: ReturnDocumentKind,
    ) -> Result<pb::GetReturnDocumentResponse, Status> {
        let order = self.order_with(Part::Return(id)).await?;
        shows_order(&order);
        let destination = order.return_destination(id).map_err(|it| status::of_refusal(&it))?;
        let location = self.store().location(&destination).await;
        let location = existing("location", &destination, location)?;
        let file = ReturnFile::of(&self.app, &order, id, kind, &location);
        let file = file.map_err(|it| status::of_refusal(&it))?;
        let (filename, media_type) = (file.name.clone(), file.media_type.to_owned());
        let mut printed = self.drawn(move || file.print()).await?;
        if location.address.is_none() {
            let lacks = format!("without the address to send it to: stock location {destination} has none");
            printed.warnings.push(lacks);
        }
        let answer = pb::GetReturnDocumentResponse {
            media_type,
            filename,
            content: printed.bytes,
            warnings: printed.warnings,
        };
        self.must_fit(&answer)?;
        Ok(answer)
    }
}
