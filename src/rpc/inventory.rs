//! InventoryService: the catalogue, the shelves, and what others set aside.

use prost::Message;
use tonic::{Request, Response, Status};

use super::call::Mutation;
use super::from_proto::inventory::{
    Adjustment, Receipt, ReorderWish, ReplenishmentWord, ReservationWish, Shelf, Source,
};
use super::listing::page_token;
use super::{Api, Call, Reply, found, from_proto, parse, status, to_proto};
use crate::domain::{
    self, Actor, Desk, Movement, NewReservation, Problems, Refusal, ReplenishmentState, StockLevel, Touch,
    check_etag,
};
use crate::pb;
use crate::store::{StoreError, View};

#[tonic::async_trait]
impl pb::inventory_service_server::InventoryService for Api {
    async fn create_product(
        &self,
        request: Request<pb::CreateProductRequest>,
    ) -> Reply<pb::CreateProductResponse> {
        let (call, product) = command(request, from_proto::inventory::new_product)?;
        let touch = Touch { products: vec![product.sku.clone()], ..Touch::default() };
        let decide = move |desk: &mut Desk<'_>| domain::create_product(desk, &product);
        let reply = |sku: &domain::Sku, view: &View<'_>| pb::CreateProductResponse {
            product: view.product(sku).map(to_proto::inventory::product),
        };
        self.change(call, touch, decide, reply).await
    }

    async fn get_product(&self, request: Request<pb::GetProductRequest>) -> Reply<pb::GetProductResponse> {
        let pb::GetProductRequest { sku } = request.into_inner();
        let sku = parse(|bad| from_proto::id("sku", &sku, bad))?;
        let product = existing("product", &sku, self.store().product(&sku).await)?;
        Ok(Response::new(pb::GetProductResponse { product: Some(to_proto::inventory::product(&product)) }))
    }

    async fn list_products(
        &self,
        request: Request<pb::ListProductsRequest>,
    ) -> Reply<pb::ListProductsResponse> {
        let listing =
            parse(|bad| from_proto::inventory::list_products(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (products, next) = found(self.store().list_products(&listing).await)?;
            let products = products.iter().map(to_proto::inventory::product).collect();
            Ok(pb::ListProductsResponse { products, next_page_token: page_token(next) })
        })
        .await
    }

    async fn create_stock_location(
        &self,
        request: Request<pb::CreateStockLocationRequest>,
    ) -> Reply<pb::CreateStockLocationResponse> {
        let (call, location) = command(request, from_proto::inventory::new_location)?;
        let touch = Touch { locations: true, ..Touch::default() };
        let decide = move |desk: &mut Desk<'_>| domain::create_location(desk, &location);
        let reply = |code: &domain::LocationCode, view: &View<'_>| pb::CreateStockLocationResponse {
            stock_location: view.location(code).map(to_proto::inventory::stock_location),
        };
        self.change(call, touch, decide, reply).await
    }

    async fn get_stock_location(
        &self,
        request: Request<pb::GetStockLocationRequest>,
    ) -> Reply<pb::GetStockLocationResponse> {
        let pb::GetStockLocationRequest { location } = request.into_inner();
        let code = parse(|bad| from_proto::id("location", &location, bad))?;
        let location = existing("stock location", &code, self.store().location(&code).await)?;
        let stock_location = Some(to_proto::inventory::stock_location(&location));
        Ok(Response::new(pb::GetStockLocationResponse { stock_location }))
    }

    async fn list_stock_locations(
        &self,
        request: Request<pb::ListStockLocationsRequest>,
    ) -> Reply<pb::ListStockLocationsResponse> {
        let listing = parse(|bad| {
            from_proto::inventory::list_stock_locations(request.into_inner(), &self.limits, bad)
        })?;
        self.page(listing, |listing| async move {
            let (locations, next) = found(self.store().list_locations(&listing).await)?;
            let stock_locations = locations.iter().map(to_proto::inventory::stock_location).collect();
            Ok(pb::ListStockLocationsResponse { stock_locations, next_page_token: page_token(next) })
        })
        .await
    }

    async fn get_stock_level(
        &self,
        request: Request<pb::GetStockLevelRequest>,
    ) -> Reply<pb::GetStockLevelResponse> {
        let pb::GetStockLevelRequest { sku, location } = request.into_inner();
        let shelf = parse(|bad| from_proto::inventory::shelf(&sku, &location, bad))?;
        let level = self.level_at(shelf).await?;
        Ok(Response::new(pb::GetStockLevelResponse {
            stock_level: Some(to_proto::inventory::stock_level(&level)),
        }))
    }

    async fn list_stock_levels(
        &self,
        request: Request<pb::ListStockLevelsRequest>,
    ) -> Reply<pb::ListStockLevelsResponse> {
        let listing =
            parse(|bad| from_proto::inventory::list_stock_levels(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (levels, next) = found(self.store().list_stock_levels(&listing).await)?;
            let stock_levels = levels.iter().map(to_proto::inventory::stock_level).collect();
            Ok(pb::ListStockLevelsResponse { stock_levels, next_page_token: page_token(next) })
        })
        .await
    }

    async fn check_availability(
        &self,
        request: Request<pb::CheckAvailabilityRequest>,
    ) -> Reply<pb::CheckAvailabilityResponse> {
        let inquiry = parse(|bad| from_proto::inventory::inquiry(request.into_inner(), bad))?;
        let touch = Touch { skus: inquiry.lines.iter().map(|it| it.0.clone()).collect(), ..Touch::default() };
        let ask = |desk: &mut Desk<'_>| domain::check_availability(desk, &inquiry);
        let outlook = self.store().ask(&Actor::system(), &touch, ask).await;
        Ok(Response::new(to_proto::inventory::outlook(&found(outlook)?)))
    }

    async fn receive_stock(
        &self,
        request: Request<pb::ReceiveStockRequest>,
    ) -> Reply<pb::ReceiveStockResponse> {
        let (call, receipt) = command(request, from_proto::inventory::receipt)?;
        let replenishments = receipt.replenishment.into_iter().collect();
        let touch = Touch { skus: vec![receipt.shelf.sku.clone()], replenishments, ..Touch::default() };
        let decide = move |desk: &mut Desk<'_>| {
            let Receipt { shelf: Shelf { sku, location }, quantity, replenishment, note } = &receipt;
            domain::receive_stock(desk, sku, location, *quantity, note, *replenishment)?;
            let replenishment = replenishment.map(|it| desk.replenishment(it).cloned()).transpose()?;
            Ok((posted(desk, &receipt.shelf), replenishment))
        };
        self.change(call, touch, decide, |((level, movement), replenishment), _| pb::ReceiveStockResponse {
            stock_level: level.as_ref().map(to_proto::inventory::stock_level),
            movement: movement.as_ref().map(to_proto::inventory::stock_movement),
            replenishment: replenishment.as_ref().map(to_proto::inventory::replenishment),
        })
        .await
    }

    async fn adjust_stock(&self, request: Request<pb::AdjustStockRequest>) -> Reply<pb::AdjustStockResponse> {
        let (call, adjustment) = command(request, from_proto::inventory::adjustment)?;
        let touch = Touch { skus: vec![adjustment.shelf.sku.clone()], ..Touch::default() };
        let decide = move |desk: &mut Desk<'_>| {
            let Adjustment { shelf: Shelf { sku, location }, reason, delta, note, etag } = &adjustment;
            domain::adjust_stock(desk, sku, location, *delta, *reason, note, etag)?;
            Ok(posted(desk, &adjustment.shelf))
        };
        self.change(call, touch, decide, |(level, movement), _| pb::AdjustStockResponse {
            stock_level: level.as_ref().map(to_proto::inventory::stock_level),
            movement: movement.as_ref().map(to_proto::inventory::stock_movement),
        })
        .await
    }

    async fn set_reorder_rule(
        &self,
        request: Request<pb::SetReorderRuleRequest>,
    ) -> Reply<pb::SetReorderRuleResponse> {
        let (call, wish) = command(request, from_proto::inventory::reorder_wish)?;
        let touch = Touch { skus: vec![wish.shelf.sku.clone()], ..Touch::default() };
        let decide = move |desk: &mut Desk<'_>| {
            let ReorderWish { shelf: Shelf { sku, location }, point, up_to, etag } = &wish;
            domain::set_reorder_rule(desk, sku, location, *point, *up_to, etag)?;
            Ok(desk.level(sku, location).cloned())
        };
        let reply = |level: &Option<StockLevel>, _: &View<'_>| pb::SetReorderRuleResponse {
            stock_level: level.as_ref().map(to_proto::inventory::stock_level),
        };
        self.change(call, touch, decide, reply).await
    }

    async fn list_stock_movements(
        &self,
        request: Request<pb::ListStockMovementsRequest>,
    ) -> Reply<pb::ListStockMovementsResponse> {
        let listing = parse(|bad| {
            from_proto::inventory::list_stock_movements(request.into_inner(), &self.limits, bad)
        })?;
        self.page(listing, |listing| async move {
            let (movements, next) = found(self.store().list_movements(&listing).await)?;
            let movements = movements.iter().map(to_proto::inventory::stock_movement).collect();
            Ok(pb::ListStockMovementsResponse { movements, next_page_token: page_token(next) })
        })
        .await
    }

    async fn reserve_stock(
        &self,
        request: Request<pb::ReserveStockRequest>,
    ) -> Reply<pb::ReserveStockResponse> {
        let (call, wish) = command(request, from_proto::inventory::reservation_wish)?;
        let touch = Touch { skus: wish.lines.iter().map(|it| it.0.clone()).collect(), ..Touch::default() };
        let decide = move |desk: &mut Desk<'_>| {
            let new = new_reservation(desk, &wish)?;
            let id = domain::reserve_stock(desk, &new)?;
            desk.reservation(id).cloned()
        };
        let reply = |it: &domain::Reservation, _: &View<'_>| pb::ReserveStockResponse {
            reservation: Some(to_proto::inventory::reservation(it)),
        };
        self.change(call, touch, decide, reply).await
    }

    async fn get_reservation(
        &self,
        request: Request<pb::GetReservationRequest>,
    ) -> Reply<pb::GetReservationResponse> {
        let pb::GetReservationRequest { reservation_id } = request.into_inner();
        let id = parse(|bad| from_proto::id("reservation_id", &reservation_id, bad))?;
        let reservation = existing("reservation", id, self.store().reservation(id).await)?;
        let reservation = Some(to_proto::inventory::reservation(&reservation));
        Ok(Response::new(pb::GetReservationResponse { reservation }))
    }

    async fn list_reservations(
        &self,
        request: Request<pb::ListReservationsRequest>,
    ) -> Reply<pb::ListReservationsResponse> {
        let listing =
            parse(|bad| from_proto::inventory::list_reservations(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (reservations, next) = found(self.store().list_reservations(&listing).await)?;
            let reservations = reservations.iter().map(to_proto::inventory::reservation).collect();
            Ok(pb::ListReservationsResponse { reservations, next_page_token: page_token(next) })
        })
        .await
    }

    async fn release_reservation(
        &self,
        request: Request<pb::ReleaseReservationRequest>,
    ) -> Reply<pb::ReleaseReservationResponse> {
        let (call, (id, etag)) = command(request, from_proto::inventory::release)?;
        let reservation = existing("reservation", id, self.store().reservation(id).await)?;
        reservation.must_stand_alone().map_err(|it| status::of_refusal(&it))?;

        let touch = Touch { reservations: vec![id], ..Touch::default() };
        let decide = move |desk: &mut Desk<'_>| {
            check_etag(&etag, desk.reservation(id)?.version)?;
            domain::release_reservation(desk, id)?;
            desk.reservation(id).cloned()
        };
        let reply = |it: &domain::Reservation, _: &View<'_>| pb::ReleaseReservationResponse {
            reservation: Some(to_proto::inventory::reservation(it)),
        };
        self.change(call, touch, decide, reply).await
    }

    async fn get_replenishment(
        &self,
        request: Request<pb::GetReplenishmentRequest>,
    ) -> Reply<pb::GetReplenishmentResponse> {
        let pb::GetReplenishmentRequest { replenishment_id } = request.into_inner();
        let id = parse(|bad| from_proto::id("replenishment_id", &replenishment_id, bad))?;
        let replenishment = existing("replenishment", id, self.store().replenishment(id).await)?;
        let replenishment = Some(to_proto::inventory::replenishment(&replenishment));
        Ok(Response::new(pb::GetReplenishmentResponse { replenishment }))
    }

    async fn list_replenishments(
        &self,
        request: Request<pb::ListReplenishmentsRequest>,
    ) -> Reply<pb::ListReplenishmentsResponse> {
        let listing =
            parse(|bad| from_proto::inventory::list_replenishments(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (replenishments, next) = found(self.store().list_replenishments(&listing).await)?;
            let replenishments = replenishments.iter().map(to_proto::inventory::replenishment).collect();
            Ok(pb::ListReplenishmentsResponse { replenishments, next_page_token: page_token(next) })
        })
        .await
    }

    async fn approve_replenishment(
        &self,
        request: Request<pb::ApproveReplenishmentRequest>,
    ) -> Reply<pb::ApproveReplenishmentResponse> {
        let (call, word) = command(request, from_proto::inventory::approve)?;
        let reply = |replenishment| pb::ApproveReplenishmentResponse { replenishment };
        self.decide_replenishment(call, word, ReplenishmentState::Approved, reply).await
    }

    async fn reject_replenishment(
        &self,
        request: Request<pb::RejectReplenishmentRequest>,
    ) -> Reply<pb::RejectReplenishmentResponse> {
        let (call, word) = command(request, from_proto::inventory::reject)?;
        let reply = |replenishment| pb::RejectReplenishmentResponse { replenishment };
        self.decide_replenishment(call, word, ReplenishmentState::Rejected, reply).await
    }

    async fn place_replenishment(
        &self,
        request: Request<pb::PlaceReplenishmentRequest>,
    ) -> Reply<pb::PlaceReplenishmentResponse> {
        let (call, word) = command(request, from_proto::inventory::place)?;
        let reply = |replenishment| pb::PlaceReplenishmentResponse { replenishment };
        self.decide_replenishment(call, word, ReplenishmentState::Ordered, reply).await
    }

    async fn cancel_replenishment(
        &self,
        request: Request<pb::CancelReplenishmentRequest>,
    ) -> Reply<pb::CancelReplenishmentResponse> {
        let (call, word) = command(request, from_proto::inventory::cancel)?;
        let reply = |replenishment| pb::CancelReplenishmentResponse { replenishment };
        self.decide_replenishment(call, word, ReplenishmentState::Cancelled, reply).await
    }
}

impl Api {
    /// The level, of zeros if nothing was ever there.
    async fn level_at(&self, shelf: Shelf) -> Result<StockLevel, Status> {
        let Shelf { sku, location } = shelf;
        if let Some(level) = found(self.store().level(&sku, &location).await)? {
            return Ok(level);
        }
        existing("product", &sku, self.store().product(&sku).await)?;
        existing("stock location", &location, self.store().location(&location).await)?;
        Ok(StockLevel::empty(sku, location, self.store().now()))
    }

    async fn decide_replenishment<M: Message + Default + 'static>(
        &self,
        call: Call,
        word: ReplenishmentWord,
        to: ReplenishmentState,
        reply: fn(Option<pb::Replenishment>) -> M,
    ) -> Reply<M> {
        let touch = Touch { replenishments: vec![word.id], ..Touch::default() };
        let decide = move |desk: &mut Desk<'_>| {
            let ReplenishmentWord { id, quantity, etag } = &word;
            domain::decide_replenishment(desk, *id, to, *quantity, etag)?;
            desk.replenishment(*id).cloned()
        };
        self.change(call, touch, decide, move |it, _| reply(Some(to_proto::inventory::replenishment(it))))
            .await
    }
}

/// Who calls and what it wants; every bad field of both at once.
pub(super) fn command<R: Mutation, T>(
    request: Request<R>,
    read: impl FnOnce(R, &mut Problems) -> Option<T>,
) -> Result<(Call, T), Status> {
    parse(|bad| {
        let (call, request) = Call::opened(request, bad);
        let wish = read(request, bad);
        Some((call?, wish?))
    })
}

/// What the caller named has to be there.
pub(super) fn existing<T>(
    kind: &'static str,
    id: impl ToString,
    read: Result<Option<T>, StoreError>,
) -> Result<T, Status> {
    found(read)?.ok_or_else(|| status::not_found(kind, id))
}

/// What a decision made of a level, and its entry in the ledger, if units moved.
fn posted(desk: &Desk<'_>, shelf: &Shelf) -> (Option<StockLevel>, Option<Movement>) {
    let Shelf { sku, location } = shelf;
    (desk.level(sku, location).cloned(), desk.changes.movements.last().cloned())
}

/// A location serves its own region.
fn new_reservation(desk: &Desk<'_>, wish: &ReservationWish) -> Result<NewReservation, Refusal> {
    let ReservationWish { source, lines, lifetime, reference } = wish.clone();
    let (region, location) = match source {
        Source::Region(region) => (region, None),
        Source::Location(code) => {
            let location = desk.location(&code).ok_or_else(|| Refusal::not_found("stock location", &code))?;
            (location.region.clone(), Some(code))
        }
    };
    Ok(NewReservation { region, location, lines, lifetime, reference })
}
