//! The papers of returns, for the letter that lets a customer send goods and for callers.

use crate::documents;
use crate::domain::{
    Location, Order, Paper, PaperFacts, Refusal, Return, ReturnDocumentKind, ReturnId, Unsent, return_paper,
};
use crate::outside::Attachment;
use crate::work::App;
use crate::work::drawings::DrawError;

/// A paper of a return as a file.
pub struct ReturnFile {
    pub name: String,
    pub media_type: &'static str,
    pub paper: Paper,
    pub kind: ReturnDocumentKind,
}

impl ReturnFile {
    pub fn of(
        app: &App,
        order: &Order,
        id: ReturnId,
        kind: ReturnDocumentKind,
        location: &Location,
    ) -> Result<Self, Refusal> {
        let facts = PaperFacts { rules: &app.rules, location, courier: "" };
        let paper = return_paper(order, id, kind, facts)?;
        let (what, media_type, ending) = match kind {
            ReturnDocumentKind::FormPdf => ("return-form", "application/pdf", "pdf"),
            ReturnDocumentKind::LabelPdf => ("return-label", "application/pdf", "pdf"),
            ReturnDocumentKind::LabelZpl => ("return-label", "application/zpl", "zpl"),
        };
        let number = order.return_of(id)?.full_number(order.number);
        Ok(Self { name: format!("{what}-{number}.{ending}"), media_type, paper, kind })
    }

    pub fn print(&self) -> Result<documents::Printed, documents::PrintError> {
        match (&self.paper, self.kind) {
            (Paper::Label(label), ReturnDocumentKind::LabelZpl) => documents::zpl(label),
            (paper, _) => documents::pdf(paper),
        }
    }
}

/// The form and the label, which go with the letter that a return is authorised. Without them, or without an address on
/// them, it would be of no use: it fails at once, is listed as such, and goes when it is sent again after a correction.
pub(super) async fn papers_of(app: &App, order: &Order, it: &Return) -> Result<Vec<Attachment>, Unsent> {
    // It has gone on since: its papers are not for sending any more.
    let Ok(destination) = order.return_destination(it.id) else { return Ok(Vec::new()) };
    let unread = || Unsent::Later("the location could not be read".to_owned());
    let location = app.store.location(&destination).await.map_err(|_| unread())?.ok_or_else(unread)?;
    if location.address.is_none() {
        let code = &location.code;
        return Err(Unsent::Refused(format!("stock location {code} has no address to send to")));
    }
    let mut files = Vec::new();
    for kind in [ReturnDocumentKind::FormPdf, ReturnDocumentKind::LabelPdf] {
        let Ok(file) = ReturnFile::of(app, order, it.id, kind, &location) else { return Ok(Vec::new()) };
        let (name, media_type) = (file.name.clone(), file.media_type);
        let printed = app.drawings.draw(move || file.print()).await.map_err(|error| match error {
            // The same words make the same paper.
            DrawError::Print(error) => Unsent::Refused(error.to_string()),
            DrawError::BrokenOff => Unsent::Later(error.to_string()),
        })?;
        files.push(Attachment { name, media_type: media_type.to_owned(), bytes: printed.bytes });
    }
    Ok(files)
}
