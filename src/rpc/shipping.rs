//! ShippingService: from the pick list to the doorstep.

use prost::Message;
use tonic::{Request, Response, Status};

use super::from_proto::shipping::{CourierWish, Parcel, Picked, Pickup, Target};
use super::inventory::{command, existing};
use super::layers::Seat;
use super::listing::page_token;
use super::track::Journey;
use super::{
    Api, Call, Reply, found, from_proto, kept, parse, status, to_proto, to_reserve, watch, with_stock,
};
use crate::domain::{
    self, Actor, CourierCode, Desk, Order, OrderId, Recorded, Refusal, Report, Shipment, ShipmentId, Touch,
    TrackingEvent, check_etag,
};
use crate::pb;
use crate::store::{Child, Cursor, Listing, View};

/// What work on a shipment changes besides its order.
#[derive(Debug, Clone, Copy)]
enum Reach {
    Order,
    Stock,
    /// Stock, and the overdue holds on it.
    Reserve,
    Couriers,
}

#[tonic::async_trait]
impl pb::shipping_service_server::ShippingService for Api {
    async fn get_shipment(&self, request: Request<pb::GetShipmentRequest>) -> Reply<pb::GetShipmentResponse> {
        let pb::GetShipmentRequest { shipment_id } = request.into_inner();
        let id = parse(|bad| from_proto::id("shipment_id", &shipment_id, bad))?;
        let order = self.order_with(Child::Shipment(id)).await?;
        Ok(Response::new(pb::GetShipmentResponse { shipment: shown(&order, id) }))
    }

    async fn list_shipments(
        &self,
        request: Request<pb::ListShipmentsRequest>,
    ) -> Reply<pb::ListShipmentsResponse> {
        let listing =
            parse(|bad| from_proto::shipping::list_shipments(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (shipments, next) = found(self.store().list_shipments(&listing).await)?;
            let shipments = shipments.iter().filter_map(|(order, id)| shown(order, *id)).collect();
            Ok(pb::ListShipmentsResponse { shipments, next_page_token: page_token(next) })
        })
        .await
    }

    async fn start_picking(
        &self,
        request: Request<pb::StartPickingRequest>,
    ) -> Reply<pb::StartPickingResponse> {
        let (call, target) = command(request, from_proto::shipping::start_picking)?;
        let act = |order: &mut Order, desk: &mut Desk<'_>, id| order.start_picking(desk, id);
        self.work_on(call, target, Reach::Reserve, act, |shipment| pb::StartPickingResponse { shipment })
            .await
    }

    async fn record_pick(&self, request: Request<pb::RecordPickRequest>) -> Reply<pb::RecordPickResponse> {
        let (call, (target, picked)) = command(request, from_proto::shipping::record_pick)?;
        let Picked { picks, missing } = picked;
        let reach = if missing.is_empty() { Reach::Order } else { Reach::Reserve };
        let act = move |order: &mut Order, desk: &mut Desk<'_>, id| match missing.is_empty() {
            true => order.record_pick(desk, id, &picks),
            false => order.record_short_pick(desk, id, &picks, &missing),
        };
        self.work_on(call, target, reach, act, |shipment| pb::RecordPickResponse { shipment }).await
    }

    async fn record_quality_check(
        &self,
        request: Request<pb::RecordQualityCheckRequest>,
    ) -> Reply<pb::RecordQualityCheckResponse> {
        let (call, (target, checks)) = command(request, from_proto::shipping::record_quality_check)?;
        let act =
            move |order: &mut Order, desk: &mut Desk<'_>, id| order.record_quality_check(desk, id, &checks);
        self.work_on(call, target, Reach::Reserve, act, |shipment| pb::RecordQualityCheckResponse {
            shipment,
        })
        .await
    }

    async fn pack_shipment(
        &self,
        request: Request<pb::PackShipmentRequest>,
    ) -> Reply<pb::PackShipmentResponse> {
        let (call, (target, packages)) = command(request, from_proto::shipping::pack_shipment)?;
        let act = move |order: &mut Order, desk: &mut Desk<'_>, id| order.pack(desk, id, packages.clone());
        self.work_on(call, target, Reach::Order, act, |shipment| pb::PackShipmentResponse { shipment }).await
    }

    async fn create_shipping_label(
        &self,
        request: Request<pb::CreateShippingLabelRequest>,
    ) -> Reply<pb::CreateShippingLabelResponse> {
        let (call, target) = command(request, from_proto::shipping::create_label)?;
        let act = |order: &mut Order, desk: &mut Desk<'_>, id| order.create_label(desk, id);
        self.work_on(call, target, Reach::Order, act, |shipment| pb::CreateShippingLabelResponse { shipment })
            .await
    }

    async fn void_shipping_label(
        &self,
        request: Request<pb::VoidShippingLabelRequest>,
    ) -> Reply<pb::VoidShippingLabelResponse> {
        let (call, target) = command(request, from_proto::shipping::void_label)?;
        let act = |order: &mut Order, desk: &mut Desk<'_>, id| order.void_label(desk, id);
        self.work_on(call, target, Reach::Order, act, |shipment| pb::VoidShippingLabelResponse { shipment })
            .await
    }

    async fn quote_couriers(
        &self,
        request: Request<pb::QuoteCouriersRequest>,
    ) -> Reply<pb::QuoteCouriersResponse> {
        let (id, service) = parse(|bad| from_proto::shipping::quote_couriers(request.into_inner(), bad))?;
        let order = self.order_of(Child::Shipment(id)).await?;
        let (reader, touch) = (Actor::system(), touch(order, Reach::Couriers));
        let offers = self.store().ask(&reader, &touch, |desk| {
            let order = desk.order(order)?;
            let (quotes, declines) = order.quotes(desk, id, service)?;
            Ok((order.preferred(&quotes, service), quotes, declines))
        });
        Ok(Response::new(to_proto::shipping::offers(found(offers.await)?)))
    }

    async fn assign_courier(
        &self,
        request: Request<pb::AssignCourierRequest>,
    ) -> Reply<pb::AssignCourierResponse> {
        let (call, (target, wish)) = command(request, from_proto::shipping::assign_courier)?;
        let CourierWish { courier, service } = wish;
        let act = move |order: &mut Order, desk: &mut Desk<'_>, id| {
            order.assign_courier(desk, id, courier.as_ref(), service)
        };
        self.work_on(call, target, Reach::Couriers, act, |shipment| pb::AssignCourierResponse { shipment })
            .await
    }

    async fn confirm_pickup(
        &self,
        request: Request<pb::ConfirmPickupRequest>,
    ) -> Reply<pb::ConfirmPickupResponse> {
        let now = self.store().now();
        let (call, (target, pickup)) =
            command(request, |it, bad| from_proto::shipping::confirm_pickup(it, now, bad))?;
        let Pickup { packages, driver, at } = pickup;
        let act = move |order: &mut Order, desk: &mut Desk<'_>, id| {
            order.confirm_pickup(desk, id, &driver, packages, at)
        };
        self.work_on(call, target, Reach::Stock, act, |shipment| pb::ConfirmPickupResponse { shipment }).await
    }

    async fn record_tracking_events(
        &self,
        request: Request<pb::RecordTrackingEventsRequest>,
    ) -> Reply<pb::RecordTrackingEventsResponse> {
        let now = self.store().now();
        let (call, (parcel, reports)) =
            command(request, |it, bad| from_proto::shipping::record_tracking(it, now, bad))?;
        let (order, id) = self.parcel(&parcel).await?;
        let decide = move |desk: &mut Desk<'_>| record(desk, order, id, &reports);
        let reply = move |new: &News, view: &View<'_>| pb::RecordTrackingEventsResponse {
            shipment: shown(kept(view, order), id),
            recorded: new.recorded.iter().map(|it| to_proto::shipping::tracking_event(id, it)).collect(),
            duplicates: new.duplicates,
            left_out: new.left_out,
        };
        self.change(call, touch(order, Reach::Order), decide, reply).await
    }

    async fn list_tracking_events(
        &self,
        request: Request<pb::ListTrackingEventsRequest>,
    ) -> Reply<pb::ListTrackingEventsResponse> {
        let (id, listing) =
            parse(|bad| from_proto::shipping::list_tracking_events(request.into_inner(), &self.limits, bad))?;
        let order = self.order_with(Child::Shipment(id)).await?;
        let shipment = shipment_of(&order, id)?;
        self.page(listing, |listing| async move { tracking_page(shipment, &listing) }).await
    }

    async fn confirm_delivery(
        &self,
        request: Request<pb::ConfirmDeliveryRequest>,
    ) -> Reply<pb::ConfirmDeliveryResponse> {
        let now = self.store().now();
        let (call, (target, delivery)) =
            command(request, |it, bad| from_proto::shipping::confirm_delivery(it, now, bad))?;
        let act = move |order: &mut Order, desk: &mut Desk<'_>, id| {
            let proof = delivery.proof(desk);
            order.confirm_delivery(desk, id, proof)
        };
        self.work_on(call, target, Reach::Order, act, |shipment| pb::ConfirmDeliveryResponse { shipment })
            .await
    }

    async fn create_courier(
        &self,
        request: Request<pb::CreateCourierRequest>,
    ) -> Reply<pb::CreateCourierResponse> {
        let (call, courier) = command(request, from_proto::shipping::new_courier)?;
        let touch = Touch { couriers: true, ..Touch::default() };
        let decide = move |desk: &mut Desk<'_>| domain::create_courier(desk, &courier);
        let reply = |code: &CourierCode, view: &View<'_>| pb::CreateCourierResponse {
            courier: view.courier(code).map(to_proto::shipping::courier),
        };
        self.change(call, touch, decide, reply).await
    }

    async fn get_courier(&self, request: Request<pb::GetCourierRequest>) -> Reply<pb::GetCourierResponse> {
        let pb::GetCourierRequest { courier } = request.into_inner();
        let code = parse(|bad| from_proto::id("courier", &courier, bad))?;
        let courier = existing("courier", &code, self.store().courier(&code).await)?;
        Ok(Response::new(pb::GetCourierResponse { courier: Some(to_proto::shipping::courier(&courier)) }))
    }

    async fn list_couriers(
        &self,
        request: Request<pb::ListCouriersRequest>,
    ) -> Reply<pb::ListCouriersResponse> {
        let listing =
            parse(|bad| from_proto::shipping::list_couriers(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (couriers, next) = found(self.store().list_couriers(&listing).await)?;
            let couriers = couriers.iter().map(to_proto::shipping::courier).collect();
            Ok(pb::ListCouriersResponse { couriers, next_page_token: page_token(next) })
        })
        .await
    }

    type TrackShipmentStream = watch::Stream<pb::TrackShipmentResponse>;

    async fn track_shipment(
        &self,
        request: Request<pb::TrackShipmentRequest>,
    ) -> Reply<watch::Stream<pb::TrackShipmentResponse>> {
        let seat = Seat::of(&request);
        let (id, after) = parse(|bad| from_proto::shipping::track(request.into_inner(), bad))?;
        let whole = self.order_with(Child::Shipment(id)).await?;
        let last = shipment_of(&whole, id)?.tracking.last().map_or(0, |it| it.sequence);
        if after > last {
            return Err(watch::beyond("after_sequence", "sequence", last));
        }
        let order = whole.id;
        watch::follow(self, seat, after, Journey::new(self.store().clone(), order, id))
    }
}

impl Api {
    async fn parcel(&self, parcel: &Parcel) -> Result<(OrderId, ShipmentId), Status> {
        match parcel {
            Parcel::Shipment(id) => Ok((self.order_of(Child::Shipment(*id)).await?, *id)),
            Parcel::Tracked { courier, number } => {
                let parcel = self.store().shipment_by_tracking_number(number, Some(courier)).await;
                existing("shipment with tracking number", number, parcel)
            }
        }
    }

    /// One command on one shipment: its order is taken, what the caller saw is checked, the order is kept, and the
    /// shipment shown.
    async fn work_on<M: Message + Default + 'static>(
        &self,
        call: Call,
        target: Target,
        reach: Reach,
        act: impl Fn(&mut Order, &mut Desk<'_>, ShipmentId) -> Result<(), Refusal> + Send + 'static,
        reply: fn(Option<pb::Shipment>) -> M,
    ) -> Reply<M> {
        let Target { shipment: id, etag } = target;
        let order = self.order_of(Child::Shipment(id)).await?;
        let decide = move |desk: &mut Desk<'_>| {
            let mut order = desk.take_order(order)?;
            check_etag(&etag, order.shipments[order.shipment_place(id)?].version)?;
            act(&mut order, desk, id)?;
            desk.keep_order(order);
            Ok(())
        };
        self.change(call, touch(order, reach), decide, move |(), view| reply(shown(kept(view, order), id)))
            .await
    }
}

fn touch(order: OrderId, reach: Reach) -> Touch {
    let orders = vec![order];
    match reach {
        Reach::Order => Touch { orders, ..Touch::default() },
        Reach::Stock => Touch { orders, ..with_stock() },
        Reach::Reserve => Touch { orders, ..to_reserve() },
        Reach::Couriers => Touch { orders, couriers: true, locations: true, ..Touch::default() },
    }
}

fn shipment_of(order: &Order, id: ShipmentId) -> Result<&Shipment, Status> {
    let shipment = order.shipments.iter().find(|it| it.id == id);
    shipment.ok_or_else(|| status::not_found("shipment", id))
}

fn shown(order: &Order, id: ShipmentId) -> Option<pb::Shipment> {
    let shipment = order.shipments.iter().find(|it| it.id == id)?;
    Some(to_proto::shipping::shipment(order, shipment))
}

/// What became of a courier's reports.
struct News {
    recorded: Vec<TrackingEvent>,
    duplicates: i32,
    left_out: i32,
}

/// Reports that are all known already leave the order as it is.
fn record(desk: &mut Desk<'_>, order: OrderId, id: ShipmentId, reports: &[Report]) -> Result<News, Refusal> {
    let mut order = desk.take_order(order)?;
    let Recorded { new, left_out } = order.record_tracking(desk, id, reports)?;
    let tracking = &order.shipments[order.shipment_place(id)?].tracking;
    let recorded = tracking[tracking.len() - new..].to_vec();
    if new > 0 {
        desk.keep_order(order);
    }
    let count = |reports: usize| i32::try_from(reports).unwrap_or(i32::MAX);
    Ok(News { recorded, duplicates: count(reports.len() - new - left_out), left_out: count(left_out) })
}

/// A page of the order's own events, so that those of archived orders are there too. They are recorded one after the
/// other: the last sequence of a page is where the next one begins.
fn tracking_page(shipment: &Shipment, listing: &Listing) -> Result<pb::ListTrackingEventsResponse, Status> {
    let after = match &listing.after {
        None => 0,
        Some(Cursor(bytes)) => bytes.as_slice().try_into().map(i64::from_be_bytes).map_err(|_| {
            let why = "is not from a list of tracking events";
            status::of_refusal(&Refusal::invalid("page_token", why))
        })?,
    };
    let size = usize::try_from(listing.size).unwrap_or(usize::MAX);
    let mut page: Vec<&TrackingEvent> = shipment.tracking.iter().filter(|it| it.sequence > after).collect();
    let is_last = page.len() <= size;
    page.truncate(size);
    let next = page.last().filter(|_| !is_last).map(|it| Cursor(it.sequence.to_be_bytes().to_vec()));
    Ok(pb::ListTrackingEventsResponse {
        tracking_events: page
            .into_iter()
            .map(|it| to_proto::shipping::tracking_event(shipment.id, it))
            .collect(),
        next_page_token: page_token(next),
    })
}
