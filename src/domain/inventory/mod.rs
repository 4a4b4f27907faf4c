//! Stock: what is there, what is promised to whom, what is to be bought.

pub(super) mod add_units;
pub(super) mod adjust;
pub(super) mod adjust_many;
pub(super) mod allocate;
pub(super) mod availability;
pub(super) mod cart;
mod cheapest;
pub(super) mod count;
pub(super) mod dates;
pub(super) mod expire;
pub(super) mod extend;
pub(super) mod fewest;
pub(super) mod known;
pub(super) mod ledger;
pub(in crate::domain) mod lots;
mod nearness;
pub(super) mod plan_allocation;
pub(super) mod quality;
pub(super) mod ranking;
pub(super) mod receive;
pub(super) mod redate;
pub(super) mod replenish;
pub(super) mod reserve;
pub(super) mod reserve_for_others;
pub(super) mod rest;
pub(super) mod restock;
pub(super) mod transfer;
