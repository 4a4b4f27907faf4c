//! ImportService: products, counted stock and orders out of another system.

use tonic::{Request, Streaming};

use crate::pb;
use crate::rpc::api::{Api, Reply};
use crate::rpc::imports::run::import;
use crate::rpc::streams::watch::Stream;

#[tonic::async_trait]
impl pb::import_service_server::ImportService for Api {
    type ImportProductsStream = Stream<pb::ImportProductsResponse>;

    async fn import_products(
        &self,
        request: Request<Streaming<pb::ImportProductsRequest>>,
    ) -> Reply<Self::ImportProductsStream> {
        import(self, request)
    }

    type ImportStockStream = Stream<pb::ImportStockResponse>;

    async fn import_stock(
        &self,
        request: Request<Streaming<pb::ImportStockRequest>>,
    ) -> Reply<Self::ImportStockStream> {
        import(self, request)
    }

    type ImportOrdersStream = Stream<pb::ImportOrdersResponse>;

    async fn import_orders(
        &self,
        request: Request<Streaming<pb::ImportOrdersRequest>>,
    ) -> Reply<Self::ImportOrdersStream> {
        import(self, request)
    }
}
