//! ShippingService: from the pick list to the doorstep.
//!
//! Some of its methods may be called by a carrier too, a caller with the role `courier:CODE`; in `shipping.proto` they have
//! `PERMISSION_CARRY` as their `scoped_permission`. These, and no others, begin with `Eyes::of`: who looks, and so which
//! shipments there are for the caller and how much of each it is shown. All others are for the company's own callers, and
//! show everything (`Eyes::Ours`).

use std::sync::Arc;

use prost::Message;
use tonic::{Request, Response, Status};

use crate::domain::{
    Actor, Offers, Order, OrderCommand, Part, RecordedTracking, Refusal, ReportOutcome, Seen, Shipment,
    ShipmentId,
};
use crate::pb;
use crate::pb::Permission;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::api::{Api, Reply, answered, command, existing, parsed};
use crate::rpc::call_gate::StreamSlot;
use crate::rpc::identity::{Call, permitted};
use crate::rpc::listing::page_token;
use crate::rpc::parse::id;
use crate::rpc::reply::{open_use, unavailable_action};
use crate::rpc::settlement::{Settlement, stored_answer};
use crate::rpc::shipping::carried::Eyes;
use crate::rpc::shipping::{documents, manifest, parse, reply};
use crate::rpc::streams::track::{self, Journey};
use crate::rpc::streams::watch;
use crate::rpc::{couriers, status};
use crate::store::{Cursor, Listing};
use crate::work::{Pending, live_rates};

#[tonic::async_trait]
impl pb::shipping_service_server::ShippingService for Api {
    async fn get_shipment(&self, request: Request<pb::GetShipmentRequest>) -> Reply<pb::GetShipmentResponse> {
        let eyes = Eyes::of(&request);
        let pb::GetShipmentRequest { shipment_id } = request.into_inner();
        let id = parsed(|bad| id("shipment_id", &shipment_id, bad))?;
        let order = self.order_seen(Part::Shipment(id), &eyes).await?;
        let shipment = looked_at(&eyes, &order, id);
        Ok(Response::new(pb::GetShipmentResponse { shipment }))
    }

    async fn list_shipments(
        &self,
        request: Request<pb::ListShipmentsRequest>,
    ) -> Reply<pb::ListShipmentsResponse> {
        let eyes = Eyes::of(&request);
        let listing = parsed(|bad| parse::list_shipments(request.into_inner(), &self.limits, bad))?;
        let Some(listing) = eyes.narrow(listing)? else {
            return Ok(Response::new(pb::ListShipmentsResponse::default()));
        };
        let eyes = &eyes;
        self.page(listing, |listing| async move {
            let (shipments, next) = answered(self.store().list_shipments(&listing).await)?;
            let shipments = shipments.iter().filter_map(|(order, id)| shown_to(eyes, order, *id)).collect();
            Ok(pb::ListShipmentsResponse { shipments, next_page_token: page_token(next) })
        })
        .await
    }

    async fn start_picking(
        &self,
        request: Request<pb::StartPickingRequest>,
    ) -> Reply<pb::StartPickingResponse> {
        let (call, command) = command(request, parse::start_picking)?;
        self.work_on(call, command, |it| it.shipment, |shipment| pb::StartPickingResponse { shipment }).await
    }

    async fn record_pick(&self, request: Request<pb::RecordPickRequest>) -> Reply<pb::RecordPickResponse> {
        let (call, command) = command(request, parse::record_pick)?;
        self.work_on(call, command, |it| it.shipment, |shipment| pb::RecordPickResponse { shipment }).await
    }

    async fn record_quality_check(
        &self,
        request: Request<pb::RecordQualityCheckRequest>,
    ) -> Reply<pb::RecordQualityCheckResponse> {
        let (call, command) = command(request, parse::record_quality_check)?;
        self.work_on(call, command, |it| it.shipment, |shipment| pb::RecordQualityCheckResponse { shipment })
            .await
    }

    async fn pack_shipment(
        &self,
        request: Request<pb::PackShipmentRequest>,
    ) -> Reply<pb::PackShipmentResponse> {
        let (call, command) = command(request, parse::pack_shipment)?;
        self.work_on(call, command, |it| it.shipment, |shipment| pb::PackShipmentResponse { shipment }).await
    }

    async fn create_shipping_label(
        &self,
        request: Request<pb::CreateShippingLabelRequest>,
    ) -> Reply<pb::CreateShippingLabelResponse> {
        let (call, command) = command(request, parse::create_label)?;
        self.work_on(call, command, |it| it.shipment, |shipment| pb::CreateShippingLabelResponse { shipment })
            .await
    }

    async fn void_shipping_label(
        &self,
        request: Request<pb::VoidShippingLabelRequest>,
    ) -> Reply<pb::VoidShippingLabelResponse> {
        let (call, command) = command(request, parse::void_label)?;
        self.work_on(call, command, |it| it.shipment, |shipment| pb::VoidShippingLabelResponse { shipment })
            .await
    }

    async fn get_shipment_document(
        &self,
        request: Request<pb::GetShipmentDocumentRequest>,
    ) -> Reply<pb::GetShipmentDocumentResponse> {
        // Every paper of a shipment says who it is for, or what they wish.
        permitted(request.extensions(), Permission::ReadPersonalData)?;
        let wanted = parsed(|bad| documents::wanted(request.into_inner(), bad))?;
        Ok(Response::new(self.document(wanted).await?))
    }

    async fn quote_couriers(
        &self,
        request: Request<pb::QuoteCouriersRequest>,
    ) -> Reply<pb::QuoteCouriersResponse> {
        let mut query = parsed(|bad| parse::quote_couriers(request.into_inner(), bad))?;
        query.live = answered(live_rates(&self.app, query.shipment, None).await)?;
        let offers = answered(self.store().preview(&Actor::system(), &query).await)?;
        let Offers { preferred, quotes, declines } = offers;
        Ok(Response::new(reply::offers((preferred, quotes, declines))))
    }

    async fn assign_courier(
        &self,
        request: Request<pb::AssignCourierRequest>,
    ) -> Reply<pb::AssignCourierResponse> {
        let (call, mut command) = command(request, parse::assign_courier)?;
        command.live = answered(live_rates(&self.app, command.shipment, command.courier.as_ref()).await)?;
        let assigned = self.settled(call, command, &LABEL).await?;
        match assigned.shipment.as_ref().filter(|it| !it.courier_refusal.is_empty()) {
            Some(shipment) => Err(status::courier_refused(shipment)),
            None => Ok(Response::new(assigned)),
        }
    }

    async fn confirm_pickup(
        &self,
        request: Request<pb::ConfirmPickupRequest>,
    ) -> Reply<pb::ConfirmPickupResponse> {
        let now = self.store().now();
        let (call, command) = command(request, |it, bad| parse::confirm_pickup(it, now, bad))?;
        self.work_on(call, command, |it| it.shipment, |shipment| pb::ConfirmPickupResponse { shipment }).await
    }

    async fn get_manifest(&self, request: Request<pb::GetManifestRequest>) -> Reply<pb::GetManifestResponse> {
        let (_, caller, request) = request.into_parts();
        let (wanted, as_pdf) = parsed(|bad| manifest::parse(request, bad))?;
        if as_pdf {
            permitted(&caller, Permission::ReadPersonalData)?;
        }
        Ok(Response::new(self.shown_manifest(&wanted, as_pdf).await?))
    }

    async fn confirm_manifest(
        &self,
        request: Request<pb::ConfirmManifestRequest>,
    ) -> Reply<pb::ConfirmManifestResponse> {
        let now = self.store().now();
        let (call, wanted) = command(request, |it, bad| manifest::parse_confirmation(it, now, bad))?;
        self.confirm(call, wanted).await
    }

    async fn record_tracking_events(
        &self,
        request: Request<pb::RecordTrackingEventsRequest>,
    ) -> Reply<pb::RecordTrackingEventsResponse> {
        let eyes = Eyes::of(&request);
        let now = self.store().now();
        let (call, command) = command(request, |it, bad| parse::record_tracking(it, now, bad))?;
        let command = Seen { command, carriers: eyes.clone().carriers() };
        self.change_order(call, command, move |news, order| recorded_tracking(&eyes, news, order)).await
    }

    async fn list_tracking_events(
        &self,
        request: Request<pb::ListTrackingEventsRequest>,
    ) -> Reply<pb::ListTrackingEventsResponse> {
        let eyes = Eyes::of(&request);
        let (id, listing) =
            parsed(|bad| parse::list_tracking_events(request.into_inner(), &self.limits, bad))?;
        let order = self.order_seen(Part::Shipment(id), &eyes).await?;
        let (order, shipment, eyes) = (&order, shipment_of(&order, id)?, &eyes);
        self.page(listing, |listing| async move {
            shows_order(order);
            tracking_page(eyes, shipment, &listing)
        })
        .await
    }

    async fn confirm_delivery(
        &self,
        request: Request<pb::ConfirmDeliveryRequest>,
    ) -> Reply<pb::ConfirmDeliveryResponse> {
        let eyes = Eyes::of(&request);
        let now = self.store().now();
        let (call, command) = command(request, |it, bad| parse::confirm_delivery(it, now, bad))?;
        let id = command.shipment;
        let command = Seen { command, carriers: eyes.clone().carriers() };
        self.change_order(call, command, move |(), order| pb::ConfirmDeliveryResponse {
            shipment: shown_to(&eyes, order, id),
        })
        .await
    }

    async fn record_carrier_label(
        &self,
        request: Request<pb::RecordCarrierLabelRequest>,
    ) -> Reply<pb::RecordCarrierLabelResponse> {
        let eyes = Eyes::of(&request);
        let (call, command) = command(request, parse::record_carrier_label)?;
        let id = command.shipment;
        eyes.must_be(&command.courier, &Part::Shipment(id))?;
        let command = Seen { command, carriers: eyes.clone().carriers() };
        self.change_order(call, command, move |(), order| pb::RecordCarrierLabelResponse {
            shipment: shown_to(&eyes, order, id),
        })
        .await
    }

    async fn get_carrier_label(
        &self,
        request: Request<pb::GetCarrierLabelRequest>,
    ) -> Reply<pb::GetCarrierLabelResponse> {
        let eyes = Eyes::of(&request);
        if eyes == Eyes::Ours {
            permitted(request.extensions(), Permission::ReadPersonalData)?;
        }
        let (id, package) = parsed(|bad| parse::get_carrier_label(request.into_inner(), bad))?;
        let order = self.order_seen(Part::Shipment(id), &eyes).await?;
        let label = shipment_of(&order, id)?.carrier_labels.iter().find(|it| it.package == package);
        let what = "courier's label for package";
        let label = label.ok_or_else(|| status::not_found(what, package))?;
        let file = existing(what, package, self.store().label_file(&label.sha256).await)?;
        shows_order(&order);
        let label = Some(eyes.label(reply::carrier_label(label.clone())));
        Ok(Response::new(pb::GetCarrierLabelResponse { label, file }))
    }

    async fn resolve_exception(
        &self,
        request: Request<pb::ResolveExceptionRequest>,
    ) -> Reply<pb::ResolveExceptionResponse> {
        let (call, command) = command(request, parse::resolve_exception)?;
        self.work_on(call, command, |it| it.shipment, |shipment| pb::ResolveExceptionResponse { shipment })
            .await
    }

    async fn create_courier(
        &self,
        request: Request<pb::CreateCourierRequest>,
    ) -> Reply<pb::CreateCourierResponse> {
        let (call, command) = command(request, couriers::parse::new_courier)?;
        self.change(call, command, |courier, _| pb::CreateCourierResponse {
            courier: Some(couriers::reply::courier(courier)),
        })
        .await
    }

    async fn update_courier(
        &self,
        request: Request<pb::UpdateCourierRequest>,
    ) -> Reply<pb::UpdateCourierResponse> {
        let (call, command) = command(request, couriers::parse::update_courier)?;
        self.change(call, command, |courier, _| pb::UpdateCourierResponse {
            courier: Some(couriers::reply::courier(courier)),
        })
        .await
    }

    async fn deactivate_courier(
        &self,
        request: Request<pb::DeactivateCourierRequest>,
    ) -> Reply<pb::DeactivateCourierResponse> {
        let (call, command) = command(request, couriers::parse::deactivate_courier)?;
        self.change(call, command, |(courier, uses), _| pb::DeactivateCourierResponse {
            courier: Some(couriers::reply::courier(courier)),
            still_open: uses.told.iter().map(open_use).collect(),
            more_open: uses.more,
        })
        .await
    }

    async fn reactivate_courier(
        &self,
        request: Request<pb::ReactivateCourierRequest>,
    ) -> Reply<pb::ReactivateCourierResponse> {
        let (call, command) = command(request, couriers::parse::reactivate_courier)?;
        self.change(call, command, |courier, _| pb::ReactivateCourierResponse {
            courier: Some(couriers::reply::courier(courier)),
        })
        .await
    }

    async fn get_courier(&self, request: Request<pb::GetCourierRequest>) -> Reply<pb::GetCourierResponse> {
        let pb::GetCourierRequest { courier } = request.into_inner();
        let code = parsed(|bad| id("courier", &courier, bad))?;
        let courier = existing("courier", &code, self.store().courier_with_record(&code).await)?;
        Ok(Response::new(pb::GetCourierResponse {
            courier: Some(couriers::reply::courier_with_record(&courier)),
        }))
    }

    async fn list_couriers(
        &self,
        request: Request<pb::ListCouriersRequest>,
    ) -> Reply<pb::ListCouriersResponse> {
        let listing = parsed(|bad| couriers::parse::list_couriers(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (couriers, next) = answered(self.store().list_couriers(&listing).await)?;
            let couriers = couriers.iter().map(couriers::reply::courier_with_record).collect();
            Ok(pb::ListCouriersResponse { couriers, next_page_token: page_token(next) })
        })
        .await
    }

    type TrackShipmentStream = watch::Stream<pb::TrackShipmentResponse>;

    async fn track_shipment(
        &self,
        request: Request<pb::TrackShipmentRequest>,
    ) -> Reply<watch::Stream<pb::TrackShipmentResponse>> {
        let slot = StreamSlot::of(&request);
        let eyes = Eyes::of(&request);
        let (part, after, history) = parsed(|bad| parse::track(request.into_inner(), bad))?;
        let whole = self.order_seen(part.clone(), &eyes).await?;
        let id = whole.shipment_named(&part).map_err(|it| status::of_refusal(&it))?;
        let histories = answered(self.store().histories().await)?;
        track::start(shipment_of(&whole, id)?, after, history, &histories)?;
        let history = watch::present(&histories);
        // Once for all that is to come.
        shows_order(&whole);
        let journey = Journey::new(self.store().clone(), whole.id, id, history);
        watch::follow(self, slot, after, journey.seen_by(eyes))
    }
}

fn recorded_tracking(
    eyes: &Eyes,
    news: &RecordedTracking,
    order: &Order,
) -> pb::RecordTrackingEventsResponse {
    let RecordedTracking { shipment: id, recorded, outcomes } = news;
    let count =
        |outcome| i32::try_from(outcomes.iter().filter(|it| **it == outcome).count()).unwrap_or(i32::MAX);
    let shipment = order.shipments.iter().find(|it| it.id == *id);
    pb::RecordTrackingEventsResponse {
        shipment: shown_to(eyes, order, *id),
        recorded: recorded.iter().filter_map(|it| eyes.event(shipment?, it)).collect(),
        duplicates: count(ReportOutcome::Known),
        left_out: count(ReportOutcome::LeftOut),
        updated: count(ReportOutcome::Updated),
    }
}

/// The courier's label, which AssignCourier waits for where the courier is booked through an interface.
const LABEL: Settlement<ShipmentId, pb::AssignCourierResponse> = Settlement {
    part: Part::Shipment,
    pending: Pending::Label,
    answer: |id, order| pb::AssignCourierResponse { shipment: shown(order, id) },
    key: |it| it.0,
    is_final: is_booked,
    is_final_stored: |stored| {
        stored_answer::<pb::AssignCourierResponse>(stored).is_some_and(|it| is_booked(&it))
    },
};

fn is_booked(answer: &pb::AssignCourierResponse) -> bool {
    let booking = answer.shipment.as_ref().and_then(|it| it.booking.as_ref());
    booking.is_none_or(|it| it.state() != pb::BookingState::LabelRequested)
}

impl Api {
    /// The order that has this part, if who asks may see the part; otherwise there is none for it.
    async fn order_seen(&self, part: Part, eyes: &Eyes) -> Result<Arc<Order>, Status> {
        let order = self.order_with(part.clone()).await?;
        eyes.must_see(&order, &part)?;
        Ok(order)
    }

    /// One command on one shipment, which is shown as it then is.
    async fn work_on<C, M>(
        &self,
        call: Call,
        command: C,
        subject: fn(&C) -> ShipmentId,
        reply: fn(Option<pb::Shipment>) -> M,
    ) -> Reply<M>
    where
        C: OrderCommand<Output = ()>,
        M: Message + Default + 'static,
    {
        let id = subject(&command);
        self.change_order(call, command, move |(), order| reply(shown(order, id))).await
    }
}

fn shipment_of(order: &Order, id: ShipmentId) -> Result<&Shipment, Status> {
    let shipment = order.shipments.iter().find(|it| it.id == id);
    shipment.ok_or_else(|| status::not_found("shipment", id))
}

/// What who looks at one shipment gets: beside what may be done, what may not and why.
fn looked_at(eyes: &Eyes, order: &Order, id: ShipmentId) -> Option<pb::Shipment> {
    let shipment = order.shipments.iter().find(|it| it.id == id)?;
    let unavailable_actions =
        order.unavailable_actions_of(shipment).into_iter().map(unavailable_action).collect();
    let whole = pb::Shipment { unavailable_actions, ..reply::shipment(order, shipment) };
    Some(eyes.see(shipment, whole))
}

fn shown(order: &Order, id: ShipmentId) -> Option<pb::Shipment> {
    shown_to(&Eyes::Ours, order, id)
}

fn shown_to(eyes: &Eyes, order: &Order, id: ShipmentId) -> Option<pb::Shipment> {
    let shipment = order.shipments.iter().find(|it| it.id == id)?;
    Some(eyes.see(shipment, reply::shipment(order, shipment)))
}

/// A page of the order's own events, so that those of archived orders are there too. They are recorded one after the
/// other: the last sequence of a page is where the next one begins.
fn tracking_page(
    eyes: &Eyes,
    shipment: &Shipment,
    listing: &Listing,
) -> Result<pb::ListTrackingEventsResponse, Status> {
    let after = match &listing.after {
        None => 0,
        Some(Cursor(bytes)) => bytes.as_slice().try_into().map(i64::from_be_bytes).map_err(|_| {
            let why = "is not from a list of tracking events";
            status::of_refusal(&Refusal::invalid("page_token", why))
        })?,
    };
    let size = usize::try_from(listing.size).unwrap_or(usize::MAX);
    let later = shipment.tracking.iter().filter(|it| it.sequence > after);
    let seen = later.filter_map(|it| eyes.event(shipment, it));
    let mut page: Vec<pb::TrackingEvent> = seen.take(size.saturating_add(1)).collect();
    let is_last = page.len() <= size;
    page.truncate(size);
    let next = page.last().filter(|_| !is_last).map(|it| Cursor(it.sequence.to_be_bytes().to_vec()));
    Ok(pb::ListTrackingEventsResponse { tracking_events: page, next_page_token: page_token(next) })
}
