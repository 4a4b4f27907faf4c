//! An order from receipt to archive.
//!
//! | file | what it has |
//! |---|---|
//! | `archive` | step 19: an order goes to the archive, and may be brought back |
//! | `cancel` | an order ends early: cancelled, rejected or expired, with everything undone |
//! | `cancel_lines` | units of an order's lines are cancelled, before they are handed over or after they went astray |
//! | `card_numbers` | card numbers are found in free texts, so that none is ever stored |
//! | `change` | an order is changed: all of it until it is verified, some of it until a courier has any of it |
//! | `change_discount` | another discount, or a code, of an order that was sold |
//! | `change_items` | what a change asks for: checked all at once, and done in one decision |
//! | `change_proposal` | what a change would do: looked at on a copy of the order, and frozen |
//! | `change_service` | another shipping service of an order that was sold; services sold as lines are in `services` |
//! | `checks` | step 2: whether customer and address can be used, how risky the order is, and what makes two orders the same |
//! | `close` | step 18: an order is closed when nothing is open any more |
//! | `evidence` | what outside services and people say of an order is recorded, and acted on |
//! | `exchange` | the order that a customer gets in exchange for goods that came back |
//! | `holds` | holds of an order: placed and released |
//! | `labels` | the labels of an order are set |
//! | `named` | an order that names a customer: what it leaves out is the customer's, and is frozen with it |
//! | `notes` | notes on an order: only added |
//! | `order_change` | changes of an order that was sold: drafted, proposed, and confirmed, declined or cancelled |
//! | `order_wide_change` | what a change sets for all of an order: its shipping service and its discount |
//! | `pricing` | the prices of the lines of an order, when it is received and when it changes |
//! | `receive` | step 1: an order is received, priced and put on its way |
//! | `resolve` | step 15: a person decides about a shipment that went wrong |
//! | `services` | services of an order: they begin once it is paid, and are done by a call of their own |
//! | `verify` | step 2: what verification does to an order |

pub(super) mod archive;
pub(super) mod cancel;
pub(super) mod cancel_lines;
pub(super) mod card_numbers;
pub(super) mod change;
mod change_discount;
mod change_items;
mod change_proposal;
mod change_service;
pub(super) mod checks;
pub(super) mod close;
pub(super) mod evidence;
mod exchange;
pub(super) mod holds;
pub(super) mod labels;
mod named;
pub(super) mod notes;
pub(super) mod order_change;
mod order_wide_change;
mod pricing;
pub(super) mod receive;
pub(super) mod resolve;
pub(super) mod services;
pub(super) mod verify;
