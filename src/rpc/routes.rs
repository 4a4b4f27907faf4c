//! The services, each with its limits on the size of messages.

use tonic::codec::CompressionEncoding;
use tonic::service::Routes;

use crate::pb;
use crate::rpc::api::Api;
use crate::rpc::identity::response_bytes;

/// The services, each with its limits on the size of messages.
pub fn routes(api: Api) -> Routes {
    let most = usize::try_from(api.limits.message_bytes).unwrap_or(usize::MAX);
    let back = response_bytes(&api.limits);
    macro_rules! service {
        ($server:path) => {
            <$server>::new(api.clone())
                .max_decoding_message_size(most)
                .max_encoding_message_size(back)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip)
        };
    }
    Routes::new(service!(pb::order_service_server::OrderServiceServer<Api>))
        .add_service(service!(pb::inventory_service_server::InventoryServiceServer<Api>))
        .add_service(service!(pb::shipping_service_server::ShippingServiceServer<Api>))
        .add_service(service!(pb::billing_service_server::BillingServiceServer<Api>))
        .add_service(service!(pb::discount_service_server::DiscountServiceServer<Api>))
        .add_service(service!(pb::order_change_service_server::OrderChangeServiceServer<Api>))
        .add_service(service!(pb::return_service_server::ReturnServiceServer<Api>))
        .add_service(service!(pb::approval_service_server::ApprovalServiceServer<Api>))
        .add_service(service!(pb::feedback_service_server::FeedbackServiceServer<Api>))
        .add_service(service!(pb::customer_service_server::CustomerServiceServer<Api>))
        .add_service(service!(pb::import_service_server::ImportServiceServer<Api>))
        .add_service(service!(pb::access_service_server::AccessServiceServer<Api>))
        .add_service(service!(pb::event_service_server::EventServiceServer<Api>))
        .add_service(service!(pb::privacy_service_server::PrivacyServiceServer<Api>))
}
