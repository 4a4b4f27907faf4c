//! InventoryService: the catalogue, the shelves, and what others set aside.

use tonic::{Request, Response, Status};

use crate::domain::{Actor, LocationCode, Posted, ReceivedStock, Refusal, Sku, StockLevel};
use crate::pb;
use crate::rpc::api::{Api, Reply, answered, command, existing, parsed};
use crate::rpc::call_gate::StreamSlot;
use crate::rpc::catalogue;
use crate::rpc::inventory::parse::Shelf;
use crate::rpc::inventory::{parse, reply};
use crate::rpc::listing::page_token;
use crate::rpc::parse::id;
use crate::rpc::reply::open_use;
use crate::rpc::status;
use crate::rpc::streams::levels::{self, Followed, Levels};
use crate::rpc::streams::watch;

#[tonic::async_trait]
impl pb::inventory_service_server::InventoryService for Api {
    async fn create_product(
        &self,
        request: Request<pb::CreateProductRequest>,
    ) -> Reply<pb::CreateProductResponse> {
        let (call, command) = command(request, catalogue::parse::new_product)?;
        self.change(call, command, |product, _| pb::CreateProductResponse {
            product: Some(catalogue::reply::product(product)),
        })
        .await
    }

    async fn update_product(
        &self,
        request: Request<pb::UpdateProductRequest>,
    ) -> Reply<pb::UpdateProductResponse> {
        let (call, command) = command(request, catalogue::parse::update_product)?;
        self.change(call, command, |product, _| pb::UpdateProductResponse {
            product: Some(catalogue::reply::product(product)),
        })
        .await
    }

    async fn deactivate_product(
        &self,
        request: Request<pb::DeactivateProductRequest>,
    ) -> Reply<pb::DeactivateProductResponse> {
        let (call, command) = command(request, catalogue::parse::deactivate_product)?;
        self.change(call, command, |(product, uses), _| pb::DeactivateProductResponse {
            product: Some(catalogue::reply::product(product)),
            still_open: uses.told.iter().map(open_use).collect(),
            more_open: uses.more,
        })
        .await
    }

    async fn reactivate_product(
        &self,
        request: Request<pb::ReactivateProductRequest>,
    ) -> Reply<pb::ReactivateProductResponse> {
        let (call, command) = command(request, catalogue::parse::reactivate_product)?;
        self.change(call, command, |product, _| pb::ReactivateProductResponse {
            product: Some(catalogue::reply::product(product)),
        })
        .await
    }

    async fn get_product(&self, request: Request<pb::GetProductRequest>) -> Reply<pb::GetProductResponse> {
        let pb::GetProductRequest { sku } = request.into_inner();
        let sku = parsed(|bad| id("sku", &sku, bad))?;
        let product = existing("product", &sku, self.store().product(&sku).await)?;
        Ok(Response::new(pb::GetProductResponse { product: Some(catalogue::reply::product(&product)) }))
    }

    async fn list_products(
        &self,
        request: Request<pb::ListProductsRequest>,
    ) -> Reply<pb::ListProductsResponse> {
        let listing = parsed(|bad| catalogue::parse::list_products(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (products, next) = answered(self.store().list_products(&listing).await)?;
            let products = products.iter().map(catalogue::reply::product).collect();
            Ok(pb::ListProductsResponse { products, next_page_token: page_token(next) })
        })
        .await
    }

    async fn create_stock_location(
        &self,
        request: Request<pb::CreateStockLocationRequest>,
    ) -> Reply<pb::CreateStockLocationResponse> {
        let (call, command) = command(request, catalogue::parse::new_location)?;
        self.change(call, command, |location, _| pb::CreateStockLocationResponse {
            stock_location: Some(catalogue::reply::stock_location(location)),
        })
        .await
    }

    async fn update_stock_location(
        &self,
        request: Request<pb::UpdateStockLocationRequest>,
    ) -> Reply<pb::UpdateStockLocationResponse> {
        let (call, command) = command(request, catalogue::parse::update_location)?;
        self.change(call, command, |location, _| pb::UpdateStockLocationResponse {
            stock_location: Some(catalogue::reply::stock_location(location)),
        })
        .await
    }

    async fn deactivate_stock_location(
        &self,
        request: Request<pb::DeactivateStockLocationRequest>,
    ) -> Reply<pb::DeactivateStockLocationResponse> {
        let (call, command) = command(request, catalogue::parse::deactivate_location)?;
        self.change(call, command, |(location, uses), _| pb::DeactivateStockLocationResponse {
            stock_location: Some(catalogue::reply::stock_location(location)),
            still_open: uses.told.iter().map(open_use).collect(),
            more_open: uses.more,
        })
        .await
    }

    async fn reactivate_stock_location(
        &self,
        request: Request<pb::ReactivateStockLocationRequest>,
    ) -> Reply<pb::ReactivateStockLocationResponse> {
        let (call, command) = command(request, catalogue::parse::reactivate_location)?;
        self.change(call, command, |location, _| pb::ReactivateStockLocationResponse {
            stock_location: Some(catalogue::reply::stock_location(location)),
        })
        .await
    }

    async fn get_stock_location(
        &self,
        request: Request<pb::GetStockLocationRequest>,
    ) -> Reply<pb::GetStockLocationResponse> {
        let pb::GetStockLocationRequest { location } = request.into_inner();
        let code = parsed(|bad| id("location", &location, bad))?;
        let location = existing("stock location", &code, self.store().location(&code).await)?;
        let stock_location = Some(catalogue::reply::stock_location(&location));
        Ok(Response::new(pb::GetStockLocationResponse { stock_location }))
    }

    async fn list_stock_locations(
        &self,
        request: Request<pb::ListStockLocationsRequest>,
    ) -> Reply<pb::ListStockLocationsResponse> {
        let listing =
            parsed(|bad| catalogue::parse::list_stock_locations(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (locations, next) = answered(self.store().list_locations(&listing).await)?;
            let stock_locations = locations.iter().map(catalogue::reply::stock_location).collect();
            Ok(pb::ListStockLocationsResponse { stock_locations, next_page_token: page_token(next) })
        })
        .await
    }

    async fn get_stock_level(
        &self,
        request: Request<pb::GetStockLevelRequest>,
    ) -> Reply<pb::GetStockLevelResponse> {
        let pb::GetStockLevelRequest { sku, location } = request.into_inner();
        let shelf = parsed(|bad| parse::shelf(&sku, &location, bad))?;
        let level = self.level_at(shelf).await?;
        Ok(Response::new(pb::GetStockLevelResponse { stock_level: Some(reply::stock_level(&level)) }))
    }

    async fn list_stock_levels(
        &self,
        request: Request<pb::ListStockLevelsRequest>,
    ) -> Reply<pb::ListStockLevelsResponse> {
        let listing = parsed(|bad| parse::list_stock_levels(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (levels, next) = answered(self.store().list_stock_levels(&listing).await)?;
            let stock_levels = levels.iter().map(reply::stock_level).collect();
            Ok(pb::ListStockLevelsResponse { stock_levels, next_page_token: page_token(next) })
        })
        .await
    }

    async fn list_lots(&self, request: Request<pb::ListLotsRequest>) -> Reply<pb::ListLotsResponse> {
        let listing = parsed(|bad| parse::list_lots(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (lots, next) = answered(self.store().list_lots(&listing).await)?;
            let lots = lots.iter().map(|(sku, location, lot)| reply::stock_lot(sku, location, lot)).collect();
            Ok(pb::ListLotsResponse { lots, next_page_token: page_token(next) })
        })
        .await
    }

    async fn check_availability(
        &self,
        request: Request<pb::CheckAvailabilityRequest>,
    ) -> Reply<pb::CheckAvailabilityResponse> {
        let query = parsed(|bad| parse::inquiry(request.into_inner(), bad))?;
        let outlook = answered(self.store().preview(&Actor::system(), &query).await)?;
        Ok(Response::new(reply::outlook(&outlook)))
    }

    type WatchStockLevelsStream = watch::Stream<pb::WatchStockLevelsResponse>;

    async fn watch_stock_levels(
        &self,
        request: Request<pb::WatchStockLevelsRequest>,
    ) -> Reply<Self::WatchStockLevelsStream> {
        let slot = StreamSlot::of(&request);
        let (followed, read) = parsed(|bad| parse::watch_levels(request.into_inner(), bad))?;
        self.all_known(&followed).await?;
        let histories = answered(self.store().histories().await)?;
        let after = levels::start(read, &histories);
        let last = levels::changes(&answered(followed.levels(self.store()).await)?);
        if after > last {
            let message = format!("is beyond the latest change, which has position {last}");
            return Err(status::of_refusal(&Refusal::invalid("after_position", message)));
        }
        let history = watch::present(&histories);
        watch::follow(self, slot, after, Levels::new(self.store().clone(), followed, history))
    }

    async fn plan_allocation(
        &self,
        request: Request<pb::PlanAllocationRequest>,
    ) -> Reply<pb::PlanAllocationResponse> {
        let query = parsed(|bad| parse::plan_allocation(request.into_inner(), bad))?;
        let plan = answered(self.store().preview(&Actor::system(), &query).await)?;
        Ok(Response::new(reply::allocation_plan(plan)))
    }

    async fn receive_stock(
        &self,
        request: Request<pb::ReceiveStockRequest>,
    ) -> Reply<pb::ReceiveStockResponse> {
        let (call, command) = command(request, parse::receipt)?;
        self.change(call, command, |received, _| {
            let ReceivedStock { posted: Posted { level, movement }, replenishments } = received;
            let replenishments: Vec<_> = replenishments.iter().map(reply::replenishment).collect();
            pb::ReceiveStockResponse {
                stock_level: level.as_ref().map(reply::stock_level),
                movement: movement.as_ref().map(reply::stock_movement),
                replenishment: replenishments.first().cloned(),
                replenishments,
            }
        })
        .await
    }

    async fn adjust_stock(&self, request: Request<pb::AdjustStockRequest>) -> Reply<pb::AdjustStockResponse> {
        let (call, command) = command(request, parse::adjustment)?;
        self.change(call, command, |Posted { level, movement }, _| pb::AdjustStockResponse {
            stock_level: level.as_ref().map(reply::stock_level),
            movement: movement.as_ref().map(reply::stock_movement),
        })
        .await
    }

    async fn release_quality_hold(
        &self,
        request: Request<pb::ReleaseQualityHoldRequest>,
    ) -> Reply<pb::ReleaseQualityHoldResponse> {
        let (call, command) = command(request, parse::good)?;
        self.change(call, command, |Posted { level, movement }, _| pb::ReleaseQualityHoldResponse {
            stock_level: level.as_ref().map(reply::stock_level),
            movement: movement.as_ref().map(reply::stock_movement),
        })
        .await
    }

    async fn scrap_stock(&self, request: Request<pb::ScrapStockRequest>) -> Reply<pb::ScrapStockResponse> {
        let (call, command) = command(request, parse::scrapped)?;
        self.change(call, command, |Posted { level, movement }, _| pb::ScrapStockResponse {
            stock_level: level.as_ref().map(reply::stock_level),
            movement: movement.as_ref().map(reply::stock_movement),
        })
        .await
    }

    async fn batch_adjust_stock(
        &self,
        request: Request<pb::BatchAdjustStockRequest>,
    ) -> Reply<pb::BatchAdjustStockResponse> {
        let (call, command) = command(request, parse::adjustments)?;
        self.change(call, command, |posted, _| pb::BatchAdjustStockResponse {
            adjusted: posted.iter().map(reply::adjusted).collect(),
        })
        .await
    }

    async fn count_stock(&self, request: Request<pb::CountStockRequest>) -> Reply<pb::CountStockResponse> {
        let (call, command) = command(request, parse::count)?;
        self.change(call, command, |counted, _| reply::counted(counted)).await
    }

    async fn set_reorder_rule(
        &self,
        request: Request<pb::SetReorderRuleRequest>,
    ) -> Reply<pb::SetReorderRuleResponse> {
        let (call, command) = command(request, parse::reorder_wish)?;
        self.change(call, command, |level, _| pb::SetReorderRuleResponse {
            stock_level: level.as_ref().map(reply::stock_level),
        })
        .await
    }

    async fn list_stock_movements(
        &self,
        request: Request<pb::ListStockMovementsRequest>,
    ) -> Reply<pb::ListStockMovementsResponse> {
        let listing = parsed(|bad| parse::list_stock_movements(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (movements, next) = answered(self.store().list_movements(&listing).await)?;
            let movements = movements.iter().map(reply::stock_movement).collect();
            Ok(pb::ListStockMovementsResponse { movements, next_page_token: page_token(next) })
        })
        .await
    }

    async fn reserve_stock(
        &self,
        request: Request<pb::ReserveStockRequest>,
    ) -> Reply<pb::ReserveStockResponse> {
        let (call, command) = command(request, parse::reservation_wish)?;
        self.change(call, command, |it, _| pb::ReserveStockResponse {
            reservation: Some(reply::reservation(it)),
        })
        .await
    }

    async fn get_reservation(
        &self,
        request: Request<pb::GetReservationRequest>,
    ) -> Reply<pb::GetReservationResponse> {
        let pb::GetReservationRequest { reservation_id } = request.into_inner();
        let id = parsed(|bad| id("reservation_id", &reservation_id, bad))?;
        let reservation = existing("reservation", id, self.store().reservation(id).await)?;
        let reservation = Some(reply::reservation(&reservation));
        Ok(Response::new(pb::GetReservationResponse { reservation }))
    }

    async fn list_reservations(
        &self,
        request: Request<pb::ListReservationsRequest>,
    ) -> Reply<pb::ListReservationsResponse> {
        let listing = parsed(|bad| parse::list_reservations(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (reservations, next) = answered(self.store().list_reservations(&listing).await)?;
            let reservations = reservations.iter().map(reply::reservation).collect();
            Ok(pb::ListReservationsResponse { reservations, next_page_token: page_token(next) })
        })
        .await
    }

    async fn release_reservation(
        &self,
        request: Request<pb::ReleaseReservationRequest>,
    ) -> Reply<pb::ReleaseReservationResponse> {
        let (call, command) = command(request, parse::release)?;
        self.change(call, command, |it, _| pb::ReleaseReservationResponse {
            reservation: Some(reply::reservation(it)),
        })
        .await
    }

    async fn confirm_reservation(
        &self,
        request: Request<pb::ConfirmReservationRequest>,
    ) -> Reply<pb::ConfirmReservationResponse> {
        let (call, command) = command(request, parse::confirmation)?;
        self.change(call, command, |it, _| pb::ConfirmReservationResponse {
            reservation: Some(reply::reservation(it)),
        })
        .await
    }

    async fn extend_reservation(
        &self,
        request: Request<pb::ExtendReservationRequest>,
    ) -> Reply<pb::ExtendReservationResponse> {
        let (call, command) = command(request, parse::extension)?;
        self.change(call, command, |it, _| pb::ExtendReservationResponse {
            reservation: Some(reply::reservation(it)),
        })
        .await
    }

    async fn transfer_stock(
        &self,
        request: Request<pb::TransferStockRequest>,
    ) -> Reply<pb::TransferStockResponse> {
        let (call, command) = command(request, parse::transfer)?;
        self.change(call, command, |it, _| pb::TransferStockResponse { transfer: Some(reply::transfer(it)) })
            .await
    }

    async fn receive_transfer(
        &self,
        request: Request<pb::ReceiveTransferRequest>,
    ) -> Reply<pb::ReceiveTransferResponse> {
        let (call, command) = command(request, parse::arrival)?;
        self.change(call, command, |it, _| pb::ReceiveTransferResponse {
            transfer: Some(reply::transfer(it)),
        })
        .await
    }

    async fn cancel_transfer(
        &self,
        request: Request<pb::CancelTransferRequest>,
    ) -> Reply<pb::CancelTransferResponse> {
        let (call, command) = command(request, parse::turn_back)?;
        self.change(call, command, |it, _| pb::CancelTransferResponse { transfer: Some(reply::transfer(it)) })
            .await
    }

    async fn get_transfer(&self, request: Request<pb::GetTransferRequest>) -> Reply<pb::GetTransferResponse> {
        let pb::GetTransferRequest { transfer_id } = request.into_inner();
        let id = parsed(|bad| id("transfer_id", &transfer_id, bad))?;
        let transfer = existing("transfer", id, self.store().transfer(id).await)?;
        Ok(Response::new(pb::GetTransferResponse { transfer: Some(reply::transfer(&transfer)) }))
    }

    async fn list_transfers(
        &self,
        request: Request<pb::ListTransfersRequest>,
    ) -> Reply<pb::ListTransfersResponse> {
        let listing = parsed(|bad| parse::list_transfers(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (transfers, next) = answered(self.store().list_transfers(&listing).await)?;
            let transfers = transfers.iter().map(reply::transfer).collect();
            Ok(pb::ListTransfersResponse { transfers, next_page_token: page_token(next) })
        })
        .await
    }

    async fn get_replenishment(
        &self,
        request: Request<pb::GetReplenishmentRequest>,
    ) -> Reply<pb::GetReplenishmentResponse> {
        let pb::GetReplenishmentRequest { replenishment_id } = request.into_inner();
        let id = parsed(|bad| id("replenishment_id", &replenishment_id, bad))?;
        let replenishment = existing("replenishment", id, self.store().replenishment(id).await)?;
        let replenishment = Some(reply::replenishment(&replenishment));
        Ok(Response::new(pb::GetReplenishmentResponse { replenishment }))
    }

    async fn list_replenishments(
        &self,
        request: Request<pb::ListReplenishmentsRequest>,
    ) -> Reply<pb::ListReplenishmentsResponse> {
        let listing = parsed(|bad| parse::list_replenishments(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (replenishments, next) = answered(self.store().list_replenishments(&listing).await)?;
            let replenishments = replenishments.iter().map(reply::replenishment).collect();
            Ok(pb::ListReplenishmentsResponse { replenishments, next_page_token: page_token(next) })
        })
        .await
    }

    async fn approve_replenishment(
        &self,
        request: Request<pb::ApproveReplenishmentRequest>,
    ) -> Reply<pb::ApproveReplenishmentResponse> {
        let (call, command) = command(request, parse::approve)?;
        self.change(call, command, |it, _| pb::ApproveReplenishmentResponse {
            replenishment: Some(reply::replenishment(it)),
        })
        .await
    }

    async fn reject_replenishment(
        &self,
        request: Request<pb::RejectReplenishmentRequest>,
    ) -> Reply<pb::RejectReplenishmentResponse> {
        let (call, command) = command(request, parse::reject)?;
        self.change(call, command, |it, _| pb::RejectReplenishmentResponse {
            replenishment: Some(reply::replenishment(it)),
        })
        .await
    }

    async fn place_replenishment(
        &self,
        request: Request<pb::PlaceReplenishmentRequest>,
    ) -> Reply<pb::PlaceReplenishmentResponse> {
        let (call, command) = command(request, parse::place_replenishment)?;
        self.change(call, command, |it, _| pb::PlaceReplenishmentResponse {
            replenishment: Some(reply::replenishment(it)),
        })
        .await
    }

    async fn update_replenishment(
        &self,
        request: Request<pb::UpdateReplenishmentRequest>,
    ) -> Reply<pb::UpdateReplenishmentResponse> {
        let (call, command) = command(request, parse::update_replenishment)?;
        self.change(call, command, |it, _| pb::UpdateReplenishmentResponse {
            replenishment: Some(reply::replenishment(it)),
        })
        .await
    }

    async fn cancel_replenishment(
        &self,
        request: Request<pb::CancelReplenishmentRequest>,
    ) -> Reply<pb::CancelReplenishmentResponse> {
        let (call, command) = command(request, parse::cancel)?;
        self.change(call, command, |it, _| pb::CancelReplenishmentResponse {
            replenishment: Some(reply::replenishment(it)),
        })
        .await
    }
}

impl Api {
    /// The level, of zeros if nothing was ever there.
    async fn level_at(&self, shelf: Shelf) -> Result<StockLevel, Status> {
        let Shelf { sku, location } = shelf;
        if let Some(level) = answered(self.store().level(&sku, &location).await)? {
            return Ok(level);
        }
        existing("product", &sku, self.store().product(&sku).await)?;
        existing("stock location", &location, self.store().location(&location).await)?;
        Ok(StockLevel::empty(sku, location, self.store().now()))
    }

    /// Refuses a product or a location that there is none of, and names all of these.
    async fn all_known(&self, followed: &Followed) -> Result<(), Status> {
        let products = answered(self.store().products(&followed.skus).await)?;
        let locations = answered(self.store().locations().await)?;
        let unknown = followed.skus.iter().filter(|sku| products.iter().all(|it| it.sku != **sku));
        let unknown: Vec<&str> = unknown.map(Sku::as_str).collect();
        if !unknown.is_empty() {
            return Err(status::not_found("product", unknown.join(", ")));
        }
        let unknown = followed.locations.iter().filter(|code| locations.iter().all(|it| it.code != **code));
        let unknown: Vec<&str> = unknown.map(LocationCode::as_str).collect();
        match unknown.is_empty() {
            true => Ok(()),
            false => Err(status::not_found("stock location", unknown.join(", "))),
        }
    }
}
