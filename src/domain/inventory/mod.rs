//! Stock: what is there, what is promised to whom, what is to be bought.
//!
//! | file | what it has |
//! |---|---|
//! | `add_units` | units that a change adds to an order: set aside under its reservation, all or none, or waited for with what it waits for |
//! | `adjust` | corrections of what is on a shelf |
//! | `adjust_many` | many corrections of what is on shelves, in one decision |
//! | `allocate` | how much there is for an order, and which locations it comes from |
//! | `availability` | availability of stock, for a caller that has not ordered yet |
//! | `cart` | a cart's reservation becomes an order's: units go from one to the other, and nobody finds them free in between |
//! | `cheapest` | the locations that have everything together for the lowest sum of couriers' quotes |
//! | `count` | counts: the books say what is there, whatever was promised |
//! | `dates` | when lines leave and arrive: those that are there, and those that are on order |
//! | `expire` | reservations that end: released by their caller or past their time |
//! | `extend` | carts that are kept longer: in checkout, or until a time that their caller names |
//! | `fewest` | the fewest locations that have everything together |
//! | `known` | what a command names has to be there, and in use: regions, products, locations, stock levels |
//! | `ledger` | postings: the only way in which a stock level changes |
//! | `lots` | lots: what is on hand of a product that asks for them, divided by the day on which it expires |
//! | `nearness` | how far a location is from an address, as far as country and postal code tell: nobody's coordinates are kept |
//! | `plan_allocation` | PlanAllocation: where stock would come from, and why from nowhere else |
//! | `quality` | units that failed a check wait in quality hold until a person releases or scraps them |
//! | `ranking` | by what locations are taken before their priority: nearness, carriage, or what expires first |
//! | `receive` | goods that arrive |
//! | `redate` | the dates of orders that wait for stock, when what is on order for them moves |
//! | `replenish` | reorder rules, and the approval or refusal of proposed replenishments |
//! | `reserve` | steps 3 and 4: an order looks for its units and reserves them, waits, or is refused |
//! | `reserve_for_others` | reservations of other callers, without an order |
//! | `rest` | an order that ships what is there: the rest waits, and is set aside together as soon as there is all of it |
//! | `restock` | what is proposed to be bought, so that no shelf stays below its reorder point |
//! | `supply` | the units of a product that a region has, location by location, in the order in which they are taken |
//! | `transfer` | transfers: units leave a location, are in transit, and arrive at another |

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
pub(super) mod supply;
pub(super) mod transfer;
