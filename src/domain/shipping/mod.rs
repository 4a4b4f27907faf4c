//! Shipments: from the pick list to the proof of delivery.
//!
//! | file | what it has |
//! |---|---|
//! | `assign` | step 12: a courier is assigned and the pickup is scheduled |
//! | `book` | step 12, with a courier that has an interface: its label is bought, its pickup booked, and both are called off again |
//! | `carrier_label` | step 12: the courier's own labels and numbers are recorded |
//! | `carriers` | what a carrier sees of shipments |
//! | `check` | step 9: the picked units are checked |
//! | `choose` | the choice among couriers' offers |
//! | `deliver` | step 16: delivery is confirmed |
//! | `documents` | which papers a shipment has by now, and what stands on them |
//! | `follow_service` | what has not left of an order follows another shipping service |
//! | `hand_over` | step 13: the courier takes the packages; stock leaves here |
//! | `label` | step 11: the label is made and voided |
//! | `lots` | which lots the units of a shipment are of, the soonest expiring first |
//! | `manifest` | all parcels of one pickup: their list, and their handover in one call |
//! | `pack` | step 10: the checked units are packed |
//! | `pick` | step 9: units are picked; what is missing is replaced or holds the order |
//! | `picked_lots` | units that were picked from other lots than the pick list says |
//! | `plan` | an order is divided into shipments, one per location |
//! | `progress` | the common part of a shipment's steps: its turn, its state, and the effect on the order |
//! | `quote` | couriers' offers for a shipment |
//! | `reallocate` | units that were set aside for an order and are not there: others are set aside elsewhere, or the order waits or is held |
//! | `record` | couriers' records: what an order adds to them, and what they weigh in the choice |
//! | `release_units` | units that are cancelled leave the reservation and the shipments that have not left |
//! | `send_rest` | what waited for stock while the rest of its order was sent: it joins what is not begun yet, or is sent on its own |
//! | `track` | step 15: the reports of couriers are recorded |
//! | `tracking_number` | tracking numbers with a check character |
//! | `tracking_state` | the state of a shipment as a function of the set of its reports |
//! | `weight` | whether a package weighs what is in it: a wrong or missing article is often found on the scales |

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
