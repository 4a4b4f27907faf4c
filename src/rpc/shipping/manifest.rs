//! Manifests: their requests, the shipments that they are made of, and their answers.

use std::collections::HashSet;

use time::Date;
use time::macros::format_description;
use tonic::Status;

use crate::documents;
use crate::domain::{
    self, ConfirmManifest, Courier, CourierCode, HANDED_OVER_MAX, HandedOver, Location, LocationCode,
    Manifest, ManifestEntry, Paper, Problems, Reason, Refusal, ShipmentId, ShipmentState, Timestamp,
};
use crate::pb;
use crate::rpc::api::{Api, Reply, answered, existing};
use crate::rpc::identity::Call;
use crate::rpc::parse::{NAME_MAX, entries, id, required_line};
use crate::rpc::reply::timestamp;
use crate::rpc::shipping::parse::happened;
use crate::rpc::{enums, status};
use crate::store::{Listing, Term};

/// How many shipments may wait for one courier at one location, whatever their day.
const WAITING_MAX: usize = 5_000;

/// How many of them are read at once.
const READ_AT_ONCE: u64 = 200;

/// The manifest that is meant.
pub(super) struct Wanted {
    courier: CourierCode,
    location: LocationCode,
    /// None: today, by the courier's own clock.
    day: Option<Date>,
}

/// The handover that is meant.
pub(super) struct Confirmation {
    manifest: Wanted,
    /// Empty: all.
    shipments: Vec<ShipmentId>,
    driver: String,
    at: Option<Timestamp>,
}

/// Which one, and whether as PDF too.
pub(super) fn parse(request: pb::GetManifestRequest, bad: &mut Problems) -> Option<(Wanted, bool)> {
    let pb::GetManifestRequest { courier, location, date, with_pdf } = request;
    Some((wanted(&courier, &location, &date, bad)?, with_pdf))
}

fn wanted(courier: &str, location: &str, date: &str, bad: &mut Problems) -> Option<Wanted> {
    let courier = id("courier", courier, bad);
    let location = id("location", location, bad);
    let day = match date {
        "" => None,
        _ => {
            let day = Date::parse(date, format_description!("[year]-[month]-[day]"));
            day.map_err(|_| bad.add("date", "must be a day such as 2026-03-02")).ok()
        }
    };
    Some(Wanted { courier: courier?, location: location?, day })
}

pub(super) fn parse_confirmation(
    request: pb::ConfirmManifestRequest,
    now: Timestamp,
    bad: &mut Problems,
) -> Option<Confirmation> {
    let pb::ConfirmManifestRequest {
        courier,
        location,
        date,
        shipment_ids,
        driver,
        time,
        request_id: _,
        validate_only: _,
    } = request;
    let manifest = wanted(&courier, &location, &date, bad);
    let mut seen = HashSet::new();
    let mut shipments = Vec::new();
    for (index, it) in entries("shipment_ids", shipment_ids, 0..=HANDED_OVER_MAX, bad) {
        let field = format!("shipment_ids[{index}]");
        let Some(shipment) = id::<ShipmentId>(&field, &it, bad) else { continue };
        if !seen.insert(shipment) {
            bad.add(field, "is named twice");
        }
        shipments.push(shipment);
    }
    let driver = required_line("driver", driver, NAME_MAX, bad);
    let at = happened("time", time, now, bad);
    Some(Confirmation { manifest: manifest?, shipments, driver, at })
}

impl Api {
    async fn pickup(&self, wanted: &Wanted) -> Result<(Courier, Location, Date), Status> {
        let Wanted { courier, location, day } = wanted;
        let courier = existing("courier", courier, self.store().courier(courier).await)?;
        let location = existing("stock location", location, self.store().location(location).await)?;
        let day = day.unwrap_or_else(|| courier.day_of(self.store().now()));
        Ok((courier, location, day))
    }

    pub(super) async fn manifest(&self, wanted: &Wanted) -> Result<Manifest, Status> {
        let (courier, location, day) = self.pickup(wanted).await?;
        let filter = vec![
            Term::equal("courier", courier.code.as_str()),
            Term::equal("location", location.code.as_str()),
            Term::equal("state", ShipmentState::CourierAssigned.as_str()),
        ];
        let mut listing = Listing { filter, size: READ_AT_ONCE, ..Listing::default() };
        let mut waiting = Vec::new();
        loop {
            let (page, next) = answered(self.store().list_shipments(&listing).await)?;
            waiting.extend(page);
            if waiting.len() > WAITING_MAX {
                let message = format!("more than {WAITING_MAX} shipments wait for {}", courier.code);
                return Err(status::of_refusal(&Refusal::unmet(Reason::LimitReached, message)));
            }
            match next {
                Some(next) => listing.after = Some(next),
                None => break,
            }
        }
        let waiting = waiting.iter().map(|(order, id)| (order.as_ref(), *id));
        Ok(domain::manifest(&courier, &location, day, waiting))
    }

    pub(super) async fn shown_manifest(
        &self,
        wanted: &Wanted,
        as_pdf: bool,
    ) -> Result<pb::GetManifestResponse, Status> {
        let manifest = self.manifest(wanted).await?;
        let printed = match as_pdf {
            true => {
                let paper = Paper::Sheet(domain::manifest_paper(&manifest, &self.app.rules.company_name));
                Some(self.drawn(move || documents::pdf(&paper)).await?)
            }
            false => None,
        };
        let (pdf, warnings) = printed.map(|it| (it.bytes, it.warnings)).unwrap_or_default();
        let answer = pb::GetManifestResponse { manifest: Some(reply(manifest)), pdf, warnings };
        self.must_fit(&answer)?;
        Ok(answer)
    }

    /// Hands over what is listed, or what is on the manifest now. A repeat of the call gets its stored answer, whatever
    /// is on it by then.
    pub(super) async fn confirm(
        &self,
        call: Call,
        confirmation: Confirmation,
    ) -> Reply<pb::ConfirmManifestResponse> {
        let Confirmation { manifest: mut wanted, mut shipments, driver, at } = confirmation;
        if shipments.is_empty() {
            let Manifest { day, entries, .. } = self.manifest(&wanted).await?;
            shipments = entries.iter().map(|it| it.shipment).take(HANDED_OVER_MAX + 1).collect();
            wanted.day = Some(day);
        }
        let Wanted { courier, location, day } = wanted;
        let command = ConfirmManifest { courier, location, day, shipments, driver, at };
        self.change(call, command, |results, _| confirmed(results)).await
    }
}

fn confirmed(results: &HandedOver) -> pb::ConfirmManifestResponse {
    let handed_over = results.iter().filter(|(_, it)| it.is_ok()).count();
    let result = |(shipment, result): &(ShipmentId, Result<(), Refusal>)| pb::ManifestResult {
        shipment_id: shipment.to_string(),
        handed_over: result.is_ok(),
        reason: result.as_ref().err().map_or(0, |it| status::reason_of(it).into()),
        message: result.as_ref().err().map(ToString::to_string).unwrap_or_default(),
    };
    pb::ConfirmManifestResponse {
        results: results.iter().map(result).collect(),
        handed_over_count: i32::try_from(handed_over).unwrap_or(i32::MAX),
    }
}

fn reply(manifest: Manifest) -> pb::Manifest {
    let text = domain::manifest_text(&manifest);
    let (packages, weight_grams) = (manifest.packages(), manifest.weight_grams());
    let Manifest { courier, courier_name, location, location_name, day, entries } = manifest;
    pb::Manifest {
        courier: courier.into(),
        courier_name,
        location: location.into(),
        location_name,
        date: day.to_string(),
        shipment_count: i32::try_from(entries.len()).unwrap_or(i32::MAX),
        package_count: i32::try_from(packages).unwrap_or(i32::MAX),
        weight_grams,
        text,
        entries: entries.into_iter().map(entry).collect(),
    }
}

fn entry(entry: ManifestEntry) -> pb::ManifestEntry {
    let ManifestEntry {
        shipment,
        order_number,
        number,
        tracking_number,
        service,
        packages,
        weight_grams,
        dangerous,
        town,
        country,
        pickup_at,
    } = entry;
    pb::ManifestEntry {
        shipment_id: shipment.to_string(),
        order_number: order_number.to_string(),
        number,
        tracking_number,
        service_level: enums::service_level(service),
        package_count: packages,
        weight_grams,
        city: town,
        country,
        pickup_time: Some(timestamp(pickup_at)),
        dangerous,
    }
}
