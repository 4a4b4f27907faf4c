//! The door: parse the request, change or find, reply. Nothing here knows SQL, and no rule of the business is here.

mod accounts;
mod admission;
mod api;
mod approvals;
mod billing;
mod browsers;
mod calendar;
mod call_id;
mod calls;
mod catalogue;
mod changes;
mod connections;
mod couriers;
mod customers;
mod discounts;
pub(crate) mod enums;
mod feedback;
mod greeting;
mod identity;
mod imports;
mod inventory;
mod labels;
#[cfg(test)]
mod largest;
mod layers;
mod listing;
mod ordering;
mod parse;
mod reply;
mod returns;
mod routes;
mod settlement;
pub(crate) mod shipping;
mod status;
mod streams;
mod tls;
mod unwanted;

pub use api::Api;
pub use browsers::{BrowserLayer, browsers};
pub use calls::Calls;
pub use connections::{Http1, connections};
pub use identity::Call;
pub use layers::{CallGate, Deadline, arrived, protect};
pub use routes::routes;
pub(crate) use status::denied;
pub use tls::Certificates;
