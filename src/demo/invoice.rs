//! An order's invoice, as a page to be looked at.

use crate::demo::Demo;
use crate::demo::error::DemoError;
use crate::domain::Method;
use crate::pb;
use crate::settings::{BankSettings, SellerSettings};

/// Who sells in the demo: a shop that there is not.
pub(super) fn seller() -> SellerSettings {
    SellerSettings {
        name: "Nordwind Handels GmbH".to_owned(),
        street: vec!["Lagerstraße 7".to_owned()],
        postal_code: "20357".to_owned(),
        city: "Hamburg".to_owned(),
        country: "DE".to_owned(),
        vat_id: "DE999999999".to_owned(),
        registration: "Amtsgericht Hamburg, HRB 99999".to_owned(),
        email: "billing@nordwind.example".to_owned(),
        web: "nordwind.example".to_owned(),
        pay_by: vec![Method::BankTransfer, Method::Card],
        bank: BankSettings {
            iban: "DE89 3704 0044 0532 0130 00".to_owned(),
            bic: "COBADEFFXXX".to_owned(),
            ..BankSettings::default()
        },
        ..SellerSettings::default()
    }
}

impl Demo {
    /// Left in a file, where somebody reads what the demo says.
    pub(super) async fn show_invoice(&mut self, order_id: &str) -> Result<(), DemoError> {
        let pb::GetInvoiceDocumentResponse { filename, content, .. } =
            self.client.invoice_document(order_id).await?;
        if !content.starts_with(b"%PDF-") {
            return Err(DemoError::Wrong(format!("{filename} is no PDF")));
        }
        let mut text = format!("{filename}, {} KiB", content.len().div_ceil(1_024));
        if !self.quiet {
            let file = std::env::temp_dir().join(format!("consign-demo-{}-{filename}", self.run));
            std::fs::write(&file, content).map_err(|it| DemoError::Wrong(it.to_string()))?;
            text = format!("{text}: look at {}", file.display());
        }
        self.tell("GetInvoiceDocument", &text);
        self.shown.invoice_as_a_page = text;
        Ok(())
    }
}
