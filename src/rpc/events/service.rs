//! EventService.

use prost::Message;
use tonic::{Request, Response, Status};

use crate::domain::{
    ChangeEventSubscription, Command, EventSubscription, Part, Problems, REDELIVERED_AT_ONCE_MAX,
    RedeliverEvents, SigningSecret, SubscriptionId,
};
use crate::pb;
use crate::rpc::api::{Api, Reply, answered, codec, command, existing, parsed};
use crate::rpc::call_gate::StreamSlot;
use crate::rpc::events::{parse, reply};
use crate::rpc::identity::{Call, Mutation};
use crate::rpc::listing::{may_filter, may_search, page_token};
use crate::rpc::ordering;
use crate::rpc::parse::id;
use crate::rpc::status;
use crate::rpc::streams::watch;
use crate::rpc::subject::Subject;
use crate::store::{Changed, Codec, EventFilter, Redeliverable, View};
use crate::work;

const ONLY_ASKED: &str = "the call was only asked: there is no new secret";
const TOLD_BEFORE: &str = "the secret was told in the answer to the first call with this request_id; if it was lost, call \
    RotateSubscriptionSecret";

/// Fields of filters that tell who a customer is.
const PERSONAL_FIELDS: [&str; 1] = ["customer_email"];

#[tonic::async_trait]
impl pb::event_service_server::EventService for Api {
    async fn list_events(&self, request: Request<pb::ListEventsRequest>) -> Reply<pb::ListEventsResponse> {
        let (_, caller, request) = request.into_parts();
        let listing = parsed(|bad| parse::list_events(request, &self.limits, bad))?;
        may_search(&listing, &PERSONAL_FIELDS, &caller)?;
        self.page(listing, |listing| async move {
            // Asked first: a restore in between is noticed one page later at worst.
            let histories = answered(self.store().histories().await)?;
            let (events, next) = answered(self.store().list_events(&listing).await)?;
            Ok(pb::ListEventsResponse {
                events: events.iter().map(|(at, it)| ordering::reply::event(*at, it)).collect(),
                next_page_token: page_token(next),
                history_id: watch::present(&histories),
            })
        })
        .await
    }

    async fn verify_event_chain(
        &self,
        request: Request<pb::VerifyEventChainRequest>,
    ) -> Reply<pb::VerifyEventChainResponse> {
        let (order, listing) =
            parsed(|bad| parse::verify_event_chain(request.into_inner(), &self.limits, bad))?;
        if let Some(order) = order {
            Subject::named(&Part::Order(order));
            let (verified, last_link) = existing("order", order, self.store().verify_chain(order).await)?;
            return Ok(Response::new(reply::verified(verified, Some(last_link), None)));
        }
        self.page(listing, |listing| async move {
            let (verified, next) = answered(self.store().verify_chains(&listing).await)?;
            Ok(reply::verified(verified, None, next))
        })
        .await
    }

    type WatchEventsStream = watch::Stream<pb::WatchEventsResponse>;

    async fn watch_events(&self, request: Request<pb::WatchEventsRequest>) -> Reply<Self::WatchEventsStream> {
        let slot = StreamSlot::of(&request);
        let (_, caller, request) = request.into_parts();
        let (begin, terms) = parsed(|bad| parse::watch_events(request, &self.limits, bad))?;
        may_filter(&terms, &PERSONAL_FIELDS, &caller)?;
        let terms = self.store().and_sealed(terms);
        let filter = EventFilter::of(&terms).map_err(|it| status::of_refusal(&it))?;
        if let Some(order) = filter.order {
            self.order(order).await?;
        }
        let last = answered(self.store().last_position().await)?;
        let histories = answered(self.store().histories().await)?;
        let after = watch::start(begin, last, &histories)?;
        let history = watch::present(&histories);
        watch::follow(self, slot, after, watch::Events { store: self.store().clone(), filter, history })
    }

    async fn list_event_subscribers(
        &self,
        request: Request<pb::ListEventSubscribersRequest>,
    ) -> Reply<pb::ListEventSubscribersResponse> {
        let pb::ListEventSubscribersRequest {} = request.into_inner();
        let followed = answered(self.store().subscribers().await)?;
        let known = &self.app.subscribers;
        let subscribers = followed.into_iter().map(|it| {
            let known = known.get(&it.name);
            reply::subscriber(it, known.as_ref())
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

    async fn create_event_subscription(
        &self,
        request: Request<pb::CreateEventSubscriptionRequest>,
    ) -> Reply<pb::CreateEventSubscriptionResponse> {
        let secret = work::new_secret().ok_or_else(status::internal)?;
        let (call, command) = named(request, |request, bad| {
            parse::create_event_subscription(request, secret.clone(), &self.app.subscribers, bad)
        })?;
        let (subscription, told) = self.with_secret(call, command, secret).await?;
        let (secret, secret_withheld) = told;
        let subscription = Some(subscription);
        Ok(Response::new(pb::CreateEventSubscriptionResponse { subscription, secret, secret_withheld }))
    }

    async fn get_event_subscription(
        &self,
        request: Request<pb::GetEventSubscriptionRequest>,
    ) -> Reply<pb::GetEventSubscriptionResponse> {
        let pb::GetEventSubscriptionRequest { subscription_id } = request.into_inner();
        let id: SubscriptionId = parsed(|bad| id("subscription_id", &subscription_id, bad))?;
        let found = existing("event subscription", id, self.store().subscription(id).await)?;
        let subscription = Some(reply::subscription(&found));
        Ok(Response::new(pb::GetEventSubscriptionResponse { subscription }))
    }

    async fn list_event_subscriptions(
        &self,
        request: Request<pb::ListEventSubscriptionsRequest>,
    ) -> Reply<pb::ListEventSubscriptionsResponse> {
        let listing = parsed(|bad| parse::list_event_subscriptions(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (subscriptions, next) = answered(self.store().list_subscriptions(&listing).await)?;
            Ok(pb::ListEventSubscriptionsResponse {
                subscriptions: subscriptions.iter().map(reply::subscription).collect(),
                next_page_token: page_token(next),
            })
        })
        .await
    }

    async fn update_event_subscription(
        &self,
        request: Request<pb::UpdateEventSubscriptionRequest>,
    ) -> Reply<pb::UpdateEventSubscriptionResponse> {
        let (call, command) = named(request, |request, bad| {
            parse::update_event_subscription(request, &self.app.subscribers, bad)
        })?;
        self.change_subscription(call, command, |it| pb::UpdateEventSubscriptionResponse {
            subscription: Some(it),
        })
        .await
    }

    async fn rotate_subscription_secret(
        &self,
        request: Request<pb::RotateSubscriptionSecretRequest>,
    ) -> Reply<pb::RotateSubscriptionSecretResponse> {
        let secret = work::new_secret().ok_or_else(status::internal)?;
        let (call, command) =
            named(request, |request, bad| parse::rotate_subscription_secret(request, secret.clone(), bad))?;
        let (subscription, told) = self.with_secret(call, command, secret).await?;
        let (secret, secret_withheld) = told;
        let subscription = Some(subscription);
        Ok(Response::new(pb::RotateSubscriptionSecretResponse { subscription, secret, secret_withheld }))
    }

    async fn disable_event_subscription(
        &self,
        request: Request<pb::DisableEventSubscriptionRequest>,
    ) -> Reply<pb::DisableEventSubscriptionResponse> {
        let (call, command) = named(request, parse::disable_event_subscription)?;
        self.change_subscription(call, command, |it| pb::DisableEventSubscriptionResponse {
            subscription: Some(it),
        })
        .await
    }

    async fn enable_event_subscription(
        &self,
        request: Request<pb::EnableEventSubscriptionRequest>,
    ) -> Reply<pb::EnableEventSubscriptionResponse> {
        let (call, command) = named(request, parse::enable_event_subscription)?;
        self.change_subscription(call, command, |it| pb::EnableEventSubscriptionResponse {
            subscription: Some(it),
        })
        .await
    }

    async fn delete_event_subscription(
        &self,
        request: Request<pb::DeleteEventSubscriptionRequest>,
    ) -> Reply<pb::DeleteEventSubscriptionResponse> {
        let (call, command) = named(request, parse::delete_event_subscription)?;
        self.change_subscription(call, command, |it| pb::DeleteEventSubscriptionResponse {
            subscription: Some(it),
        })
        .await
    }
}

/// A call that changes who is told of events, by somebody who says who they are.
fn named<R: Mutation, T>(
    request: Request<R>,
    read: impl FnOnce(R, &mut Problems) -> Option<T>,
) -> Result<(Call, T), Status> {
    let (call, command) = command(request, read)?;
    if call.is_named() { Ok((call, command)) } else { Err(status::actor_required()) }
}

impl Api {
    async fn change_subscription<M: Message + Default + 'static>(
        &self,
        call: Call,
        command: ChangeEventSubscription,
        answer: fn(pb::EventSubscription) -> M,
    ) -> Reply<M> {
        let answer = self.change(call, command, move |it, _| answer(reply::subscription(it))).await?;
        self.know_subscribers().await;
        Ok(answer)
    }

    /// The subscription, its secret, and why that is left out. What is kept for repeats has no secret: that is put into
    /// the one answer to the call that was decided on.
    async fn with_secret<C: Command<Output = EventSubscription>>(
        &self,
        call: Call,
        command: C,
        secret: SigningSecret,
    ) -> Result<(pb::EventSubscription, (String, String)), Status> {
        let codec = Codec { size_max: call.answer_bytes_max(&self.limits), ..codec() };
        let kept = |it: &EventSubscription, _: &View<'_>| reply::subscription(it);
        let changed = answered(self.store().change(call.into_store(), command, kept, codec).await)?;
        Ok(match changed {
            Changed::Decided { answer, output: _, orders: _ } => {
                self.know_subscribers().await;
                (answer, (secret.reveal().to_owned(), String::new()))
            }
            Changed::Validated(answer) => (answer, (String::new(), ONLY_ASKED.to_owned())),
            Changed::Replayed(answer) => (answer, (String::new(), TOLD_BEFORE.to_owned())),
        })
    }

    /// Tells at once whom this process has changed. If it fails, the next look a second later does it.
    async fn know_subscribers(&self) {
        if let Err(error) = self.app.subscribers.know(self.store()).await {
            tracing::warn!(%error, "a change of subscriptions is not known here yet");
        }
    }
}
