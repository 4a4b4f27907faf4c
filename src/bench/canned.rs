//! A server that answers at once: the two calls of `place`, with prepared answers.
//!
//! It reads each request and writes an answer of the usual size over a real socket, and does nothing in between. So
//! what the clients reach against it is what they can measure at most; it runs in the driver's own process, and the
//! driver's processor time is that of both sides.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, Ready, ready};
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::Service;

use crate::pb;
use crate::server::ServeError;
use crate::terminal::complain;

/// Up until it is dropped.
pub(super) struct CannedServer {
    pub(super) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl CannedServer {
    pub(super) async fn start(order: pb::Order, payment: pb::Payment) -> Result<Self, ServeError> {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let listening = |source| ServeError::Listen { address: any_port, source };
        let listener = TcpListener::bind(any_port).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;

        let routes = Routes::new(Orders(Arc::new(pb::CreateOrderResponse { order: Some(order) })))
            .add_service(Billing(Arc::new(pb::CapturePaymentResponse { payment: Some(payment) })));
        let connections = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = tonic::transport::Server::builder().add_routes(routes);
        let serving = tokio::spawn(async move {
            if let Err(error) = server.serve_with_incoming(connections).await {
                complain(format_args!("the prepared answers are not served any more: {error}"));
            }
        });
        Ok(Self { address, serving })
    }
}

impl Drop for CannedServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[derive(Clone)]
struct Orders(Arc<pb::CreateOrderResponse>);

impl NamedService for Orders {
    const NAME: &'static str = pb::order_service_server::SERVICE_NAME;
}

#[derive(Clone)]
struct Billing(Arc<pb::CapturePaymentResponse>);

impl NamedService for Billing {
    const NAME: &'static str = pb::billing_service_server::SERVICE_NAME;
}

impl Service<http::Request<Body>> for Orders {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(answer::<pb::CreateOrderRequest, _>(request, Arc::clone(&self.0)))
    }
}

impl Service<http::Request<Body>> for Billing {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(answer::<pb::CapturePaymentRequest, _>(request, Arc::clone(&self.0)))
    }
}

async fn answer<Q, A>(
    request: http::Request<Body>,
    prepared: Arc<A>,
) -> Result<http::Response<Body>, Infallible>
where
    Q: Message + Default + 'static,
    A: Message + Clone + 'static,
{
    Ok(Grpc::new(ProstCodec::<A, Q>::default()).unary(Prepared(prepared), request).await)
}

struct Prepared<A>(Arc<A>);

impl<Q, A: Clone> UnaryService<Q> for Prepared<A> {
    type Response = A;
    type Future = Ready<Result<Response<A>, Status>>;

    fn call(&mut self, _: Request<Q>) -> Self::Future {
        ready(Ok(Response::new(A::clone(&self.0))))
    }
}
