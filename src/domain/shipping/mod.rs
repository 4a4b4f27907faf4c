//! Shipments: from the pick list to the proof of delivery.

pub(super) mod assign;
pub(super) mod book;
pub(super) mod carrier_label;
pub(super) mod carriers;
pub(super) mod check;
mod choose;
pub(super) mod deliver;
pub(super) mod documents;
mod follow_service;
pub(super) mod hand_over;
pub(super) mod label;
pub(super) mod lots;
pub(super) mod manifest;
pub(super) mod pack;
pub(super) mod pick;
mod picked_lots;
mod plan;
pub(super) mod progress;
pub(super) mod quote;
pub(super) mod reallocate;
mod record;
mod release_units;
mod send_rest;
pub(super) mod track;
pub(super) mod tracking_number;
pub(super) mod tracking_state;
pub(super) mod weight;
