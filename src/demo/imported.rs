//! Rows out of another system: what is wrong with one stops no other.

use futures_util::stream;

use super::Demo;
use super::error::DemoError;
use crate::pb;
use crate::pb::import_products_response::Answer;

impl Demo {
    /// Two good products and one that has no name, in one call.
    pub(super) async fn import_products(&mut self) -> Result<(), DemoError> {
        let row = |number: usize, name: &str| pb::ImportProductsRequest {
            row_key: number.to_string(),
            product: Some(pb::Product {
                sku: self.sku(&format!("IMPORTED-{number}")),
                name: name.to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let options = pb::ImportOptions { import_id: format!("demo-{}", self.run), dry_run: false };
        let first = pb::ImportProductsRequest { options: Some(options), ..row(1, "Sugar bowl") };
        let rows = vec![first, row(2, ""), row(3, "Milk jug")];

        let mut refused = Vec::new();
        let mut summary = None;
        for answer in self.client.import_products(stream::iter(rows)).await? {
            match answer {
                Answer::Summary(it) => summary = Some(it),
                Answer::Result(it) => {
                    let problems = it.refusal.unwrap_or_default().problems;
                    let problems = problems.iter().map(|it| format!("{}: {}", it.field, it.message));
                    refused.extend(problems.map(|problem| format!("row {}: {problem}", it.row_number)));
                }
            }
        }
        let summary = summary.ok_or_else(|| DemoError::Wrong("an import without a summary".to_owned()))?;
        let pb::ImportSummary { rows, created, .. } = summary;
        let text = format!("{rows} rows, {created} created; {}", refused.join("; "));
        self.tell("ImportProducts", &text);
        if created == 2 && refused.len() == 1 {
            self.shown.rows_imported = text;
        }
        Ok(())
    }
}
