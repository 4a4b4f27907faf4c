//! The rules at work: one order through all twenty steps, each refusal by example, each law under random commands.

mod annotations;
pub(crate) mod any_sequence;
mod archived;
mod bench;
mod bookings;
pub(crate) mod bounds;
mod cancel_lines;
mod capacity;
mod counts;
mod couriers;
mod discounts;
mod evidence;
mod exact;
mod feedback;
mod given;
mod instead;
mod invoices;
mod letters;
mod manifests;
mod master_data;
mod noticed;
mod phones;
mod promises;
mod real_orders;
mod refusals;
mod reports;
mod restock;
#[cfg(test)]
pub(crate) mod sample;
mod scans;
mod services;
mod slips;
mod summaries;
mod told;
mod transfers;
mod twenty_steps;
mod waits;
