//! Commands about the catalogue, stock, other callers' reservations and buying again.

use std::time::Duration;

use super::Command;
use crate::domain::inventory as rules;
use crate::domain::{
    AdjustReason, Desk, Inquiry, Location, LocationCode, Movement, NewReservation, Outlook, Part, Product,
    Refusal, RegionCode, Replenishment, ReplenishmentId, ReplenishmentState, Reservation, ReservationId, Sku,
    StockLevel, Touch, check_etag,
};

#[derive(Debug, Clone)]
pub struct CreateProduct {
    pub product: Product,
}

impl Command for CreateProduct {
    const NAME: &'static str = "CreateProduct";
    type Output = Product;

    fn reads(&self) -> Touch {
        Touch { products: vec![self.product.sku.clone()], ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Product, Refusal> {
        let sku = rules::create_product(desk, &self.product)?;
        desk.product(&sku).cloned().ok_or_else(|| Refusal::not_found("product", sku))
    }
}

#[derive(Debug, Clone)]
pub struct CreateLocation {
    pub location: Location,
}

impl Command for CreateLocation {
    const NAME: &'static str = "CreateStockLocation";
    type Output = Location;

    fn reads(&self) -> Touch {
        Touch { locations: true, ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Location, Refusal> {
        let code = rules::create_location(desk, &self.location)?;
        desk.location(&code).cloned().ok_or_else(|| Refusal::not_found("stock location", code))
    }
}

/// A level that a command changed, and its entry in the ledger.
#[derive(Debug, Clone)]
pub struct Posted {
    pub level: Option<StockLevel>,
    /// None: no units moved.
    pub movement: Option<Movement>,
}

impl Posted {
    fn of(desk: &Desk<'_>, sku: &Sku, location: &LocationCode) -> Self {
        Self { level: desk.level(sku, location).cloned(), movement: desk.changes.movements.last().cloned() }
    }
}

/// Goods arrive. With a replenishment they count towards it.
#[derive(Debug, Clone)]
pub struct ReceiveStock {
    pub sku: Sku,
    pub location: LocationCode,
    pub quantity: i64,
    pub replenishment: Option<ReplenishmentId>,
    pub note: String,
}

#[derive(Debug, Clone)]
pub struct ReceivedStock {
    pub posted: Posted,
    pub replenishment: Option<Replenishment>,
}

impl Command for ReceiveStock {
    const NAME: &'static str = "ReceiveStock";
    type Output = ReceivedStock;

    fn reads(&self) -> Touch {
        let replenishments = self.replenishment.into_iter().collect();
        Touch { skus: vec![self.sku.clone()], replenishments, ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<ReceivedStock, Refusal> {
        let Self { sku, location, quantity, replenishment, note } = self;
        rules::receive_stock(desk, sku, location, *quantity, note, *replenishment)?;
        let replenishment = replenishment.map(|it| desk.replenishment(it).cloned()).transpose()?;
        Ok(ReceivedStock { posted: Posted::of(desk, sku, location), replenishment })
    }
}

/// Corrects a level, with the reason for it.
#[derive(Debug, Clone)]
pub struct AdjustStock {
    pub sku: Sku,
    pub location: LocationCode,
    pub reason: AdjustReason,
    pub delta: i64,
    pub note: String,
    /// The level's; empty: any version.
    pub etag: String,
}

impl Command for AdjustStock {
    const NAME: &'static str = "AdjustStock";
    type Output = Posted;

    fn reads(&self) -> Touch {
        Touch { skus: vec![self.sku.clone()], ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Posted, Refusal> {
        let Self { sku, location, reason, delta, note, etag } = self;
        rules::adjust_stock(desk, sku, location, *delta, *reason, note, etag)?;
        Ok(Posted::of(desk, sku, location))
    }
}

/// When and how far to buy again; no point switches that off.
#[derive(Debug, Clone)]
pub struct SetReorderRule {
    pub sku: Sku,
    pub location: LocationCode,
    pub point: Option<i64>,
    pub up_to: Option<i64>,
    /// The level's; empty: any version.
    pub etag: String,
}

impl Command for SetReorderRule {
    const NAME: &'static str = "SetReorderRule";
    type Output = Option<StockLevel>;

    fn reads(&self) -> Touch {
        Touch { skus: vec![self.sku.clone()], ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Option<StockLevel>, Refusal> {
        let Self { sku, location, point, up_to, etag } = self;
        rules::set_reorder_rule(desk, sku, location, *point, *up_to, etag)?;
        Ok(desk.level(sku, location).cloned())
    }
}

/// What is available, and when it could be with a customer. It changes nothing.
#[derive(Debug, Clone)]
pub struct CheckAvailability {
    pub inquiry: Inquiry,
}

impl Command for CheckAvailability {
    const NAME: &'static str = "CheckAvailability";
    type Output = Outlook;

    fn reads(&self) -> Touch {
        let skus = self.inquiry.lines.iter().map(|it| it.0.clone()).collect();
        Touch { skus, ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Outlook, Refusal> {
        rules::check_availability(desk, &self.inquiry)
    }
}

/// Where a reservation takes its stock from.
#[derive(Debug, Clone)]
pub enum StockSource {
    Region(RegionCode),
    Location(LocationCode),
}

/// Sets stock aside for another caller, all lines or none.
#[derive(Debug, Clone)]
pub struct ReserveStock {
    pub source: StockSource,
    pub lines: Vec<(Sku, i64)>,
    /// None: as settings say.
    pub lifetime: Option<Duration>,
    /// The caller's own name for it.
    pub reference: String,
}

impl Command for ReserveStock {
    const NAME: &'static str = "ReserveStock";
    type Output = Reservation;

    fn reads(&self) -> Touch {
        Touch { skus: self.lines.iter().map(|it| it.0.clone()).collect(), ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Reservation, Refusal> {
        let Self { source, lines, lifetime, reference } = self.clone();
        // A location serves its own region.
        let (region, location) = match source {
            StockSource::Region(region) => (region, None),
            StockSource::Location(code) => {
                let location =
                    desk.location(&code).ok_or_else(|| Refusal::not_found("stock location", &code))?;
                (location.region.clone(), Some(code))
            }
        };
        let new = NewReservation { region, location, lines, lifetime, reference };
        let id = rules::reserve_stock(desk, &new)?;
        desk.reservation(id).cloned()
    }
}

/// Gives another caller's stock back.
#[derive(Debug, Clone)]
pub struct ReleaseReservation {
    pub reservation: ReservationId,
    /// Empty: any version.
    pub etag: String,
}

impl Command for ReleaseReservation {
    const NAME: &'static str = "ReleaseReservation";
    type Output = Reservation;

    fn reads(&self) -> Touch {
        let parts = vec![Part::Reservation(self.reservation)];
        Touch { reservations: vec![self.reservation], parts, ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Reservation, Refusal> {
        let id = self.reservation;
        if let Ok(order) = desk.order_of(&Part::Reservation(id)) {
            let of_order = desk.order(order)?.reservations.iter().find(|it| it.id == id);
            of_order.map_or(Ok(()), Reservation::must_stand_alone)?;
        }
        check_etag(&self.etag, desk.reservation(id)?.version)?;
        rules::release_reservation(desk, id)?;
        desk.reservation(id).cloned()
    }
}

/// Ends another caller's reservation that is past its end; one that is gone has ended already.
#[derive(Debug, Clone)]
pub struct ExpireReservation {
    pub reservation: ReservationId,
    pub lease: crate::domain::Lease,
}

impl Command for ExpireReservation {
    const NAME: &'static str = "work/expire";
    type Output = ();

    fn reads(&self) -> Touch {
        Touch { reservations: vec![self.reservation], lease: Some(self.lease), ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        match rules::expire_reservation(desk, self.reservation) {
            Err(Refusal::NotFound { .. }) => Ok(()),
            done => done,
        }
    }
}

/// Approves, rejects, orders or cancels what is to be bought again.
#[derive(Debug, Clone)]
pub struct DecideReplenishment {
    pub replenishment: ReplenishmentId,
    pub to: ReplenishmentState,
    /// None: as proposed.
    pub quantity: Option<i64>,
    /// Empty: any version.
    pub etag: String,
}

impl Command for DecideReplenishment {
    const NAME: &'static str = "DecideReplenishment";
    type Output = Replenishment;

    fn reads(&self) -> Touch {
        Touch { replenishments: vec![self.replenishment], ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Replenishment, Refusal> {
        let Self { replenishment, to, quantity, etag } = self;
        rules::decide_replenishment(desk, *replenishment, *to, *quantity, etag)?;
        desk.replenishment(*replenishment).cloned()
    }
}
