//! The rows of each kind of import: read as the single call's request is, and done by its command.

use prost::Message;

use crate::domain::{
    Command, CountStock, Counted, CreateOrder, ImportProduct, Imported, OnOrder, Problems, Product,
};
use crate::pb;
use crate::rpc::api::kept;
use crate::rpc::imports::answer::{Answered, outcome};
use crate::rpc::{catalogue, inventory, ordering};
use crate::store::View;

/// A message of an import.
pub(super) trait Row: Message + Default + Clone + 'static {
    /// The import, as request ids are kept for it.
    const METHOD: &'static str;
    type Command: Command + Clone + Sync;
    type Response: Send + 'static;

    /// Takes the options out of the message.
    fn options(&mut self) -> Option<pb::ImportOptions>;

    fn row_key(&self) -> &str;

    /// Whether there is nothing in the message but options.
    fn is_empty(&self) -> bool;

    fn read(self, bad: &mut Problems) -> Option<Self::Command>;

    /// Rows about the same subject are decided one after the other. Empty: about none of its own.
    fn subject(command: &Self::Command) -> String;

    fn answered(output: &<Self::Command as Command>::Output, view: &View<'_>) -> Answered;

    /// Where the domain's paths of bad fields lie below, as the caller wrote them.
    fn under(refusal: crate::domain::Refusal) -> crate::domain::Refusal {
        refusal
    }

    fn response(answer: Answer) -> Self::Response;
}

/// A message of the answer.
pub(super) enum Answer {
    Result(pb::ImportResult),
    Summary(pb::ImportSummary),
}

/// What the messages of all imports have in common.
macro_rules! messages {
    ($method:literal, $row:ident, $response:ident, $answer:ident) => {
        const METHOD: &'static str = $method;
        type Response = pb::$response;

        fn options(&mut self) -> Option<pb::ImportOptions> {
            self.options.take()
        }

        fn row_key(&self) -> &str {
            &self.row_key
        }

        fn is_empty(&self) -> bool {
            self.row_key.is_empty() && self.$row.is_none()
        }

        fn response(answer: Answer) -> Self::Response {
            let answer = match answer {
                Answer::Result(it) => pb::$answer::Answer::Result(it),
                Answer::Summary(it) => pb::$answer::Answer::Summary(it),
            };
            pb::$response { answer: Some(answer) }
        }
    };
}

impl Row for pb::ImportProductsRequest {
    messages!("ImportProducts", product, ImportProductsResponse, import_products_response);

    type Command = ImportProduct;

    fn read(self, bad: &mut Problems) -> Option<ImportProduct> {
        let Self { options: _, row_key: _, product, update_mask } = self;
        catalogue::parse::import_product(product, update_mask, bad)
    }

    fn subject(command: &ImportProduct) -> String {
        command.sku.to_string()
    }

    fn answered((product, imported): &(Product, Imported), _: &View<'_>) -> Answered {
        let bytes = catalogue::reply::product(product).encoded_len();
        let result = pb::ImportResult {
            outcome: outcome(*imported),
            sku: product.sku.to_string(),
            ..Default::default()
        };
        Answered { result, bytes }
    }
}

impl Row for pb::ImportStockRequest {
    messages!("ImportStock", stock, ImportStockResponse, import_stock_response);

    type Command = CountStock;

    fn read(self, bad: &mut Problems) -> Option<CountStock> {
        let Self { options: _, row_key: _, stock } = self;
        inventory::parse::imported_count(stock, bad)
    }

    fn subject(command: &CountStock) -> String {
        format!("{} {}", command.sku, command.location)
    }

    fn answered(counted: &Counted, _: &View<'_>) -> Answered {
        let reply = inventory::reply::counted(counted);
        let bytes = reply.encoded_len();
        let level = reply.stock_level.unwrap_or_default();
        let imported = match counted.posted.level.as_ref() {
            Some(level) if level.version == 1 => Imported::Created,
            Some(level) if counted.posted.movement.is_some() || level.missing > 0 => Imported::Updated,
            Some(_) | None => Imported::Unchanged,
        };
        let result = pb::ImportResult {
            outcome: outcome(imported),
            sku: level.sku,
            location: level.location,
            affected_order_ids: reply.order_ids,
            ..Default::default()
        };
        Answered { result, bytes }
    }

    fn under(refusal: crate::domain::Refusal) -> crate::domain::Refusal {
        refusal.under("stock")
    }
}

impl Row for pb::ImportOrdersRequest {
    messages!("ImportOrders", order, ImportOrdersResponse, import_orders_response);

    type Command = CreateOrder;

    fn read(self, bad: &mut Problems) -> Option<CreateOrder> {
        let Self { options: _, row_key: _, order } = self;
        let request = pb::CreateOrderRequest { order, ..Default::default() };
        ordering::parse::create_order(request, bad)
    }

    fn subject(command: &CreateOrder) -> String {
        match command.new.external_reference.as_str() {
            "" => String::new(),
            reference => format!("{} {reference}", command.new.channel),
        }
    }

    fn answered(created: &OnOrder<()>, view: &View<'_>) -> Answered {
        let order = ordering::reply::order(kept(view, created.order));
        let bytes = order.encoded_len();
        let result = pb::ImportResult {
            outcome: pb::ImportOutcome::Created.into(),
            order_id: order.id,
            order_number: order.number,
            ..Default::default()
        };
        Answered { result, bytes }
    }
}
