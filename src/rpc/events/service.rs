//! EventService.

use tonic::{Request, Response};

use crate::domain::{REDELIVERED_AT_ONCE_MAX, RedeliverEvents};
use crate::pb;
use crate::rpc::api::{Api, Reply, command, existing, found, parsed};
use crate::rpc::events::{parse, reply};
use crate::rpc::layers::StreamPermit;
use crate::rpc::listing::page_token;
use crate::rpc::ordering;
use crate::rpc::status;
use crate::rpc::streams::watch;
use crate::store::{EventFilter, Redeliverable};

#[tonic::async_trait]
impl pb::event_service_server::EventService for Api {
    async fn list_events(&self, request: Request<pb::ListEventsRequest>) -> Reply<pb::ListEventsResponse> {
        let listing = parsed(|bad| parse::list_events(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (events, next) = found(self.store().list_events(&listing).await)?;
            Ok(pb::ListEventsResponse {
                events: events.iter().map(|(at, it)| ordering::reply::event(*at, it)).collect(),
                next_page_token: page_token(next),
            })
        })
        .await
    }

    type WatchEventsStream = watch::Stream<pb::WatchEventsResponse>;

    async fn watch_events(&self, request: Request<pb::WatchEventsRequest>) -> Reply<Self::WatchEventsStream> {
        let permit = StreamPermit::of(&request);
        let (begin, terms) = parsed(|bad| parse::watch_events(request.into_inner(), &self.limits, bad))?;
        let filter = EventFilter::of(&terms).map_err(|it| status::of_refusal(&it))?;
        if let Some(order) = filter.order {
            self.order(order).await?;
        }
        let last = found(self.store().last_position().await)?;
        let after = watch::start(begin, last)?;
        watch::follow(self, permit, after, watch::Events { store: self.store().clone(), filter })
    }

    async fn list_event_subscribers(
        &self,
        request: Request<pb::ListEventSubscribersRequest>,
    ) -> Reply<pb::ListEventSubscribersResponse> {
        let pb::ListEventSubscribersRequest {} = request.into_inner();
        let followed = found(self.store().subscribers().await)?;
        let known = &self.app.subscribers;
        let subscribers = followed.into_iter().map(|it| {
            let known = known.get(&it.name);
            reply::subscriber(it, known)
        });
        Ok(Response::new(pb::ListEventSubscribersResponse { subscribers: subscribers.collect() }))
    }

    async fn list_event_deliveries(
        &self,
        request: Request<pb::ListEventDeliveriesRequest>,
    ) -> Reply<pb::ListEventDeliveriesResponse> {
        let (subscriber, state, listing) =
            parsed(|bad| parse::list_event_deliveries(request.into_inner(), &self.limits, bad))?;
        let subscriber = &subscriber;
        self.page(listing, |listing| async move {
            let page = self.store().deliveries(subscriber, state, &listing).await;
            let (deliveries, next) = existing("event subscriber", subscriber, page)?;
            Ok(pb::ListEventDeliveriesResponse {
                deliveries: deliveries.into_iter().map(reply::delivery).collect(),
                next_page_token: page_token(next),
            })
        })
        .await
    }

    async fn redeliver_events(
        &self,
        request: Request<pb::RedeliverEventsRequest>,
    ) -> Reply<pb::RedeliverEventsResponse> {
        let (call, (subscriber, wanted)) = command(request, parse::redeliver_events)?;
        if !call.is_named() {
            return Err(status::actor_required());
        }
        let known = self.app.subscribers.get(&subscriber);
        let known = known.ok_or_else(|| status::not_found("event subscriber", &subscriber))?;
        let most = REDELIVERED_AT_ONCE_MAX;
        let found = self.store().events_to_redeliver(&subscriber, &wanted, &known.kinds, most).await;
        let Redeliverable { events, last_position, is_more } =
            existing("event subscriber", &subscriber, found)?;

        let count = events.len();
        self.change(call, RedeliverEvents { subscriber, events }, move |(), _| pb::RedeliverEventsResponse {
            redelivered_count: i32::try_from(count).unwrap_or(i32::MAX),
            last_position,
            more: is_more,
        })
        .await
    }
}
