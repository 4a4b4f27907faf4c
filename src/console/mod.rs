//! The console: pages for people who look after orders, on the operators' port. It is a client of the API inside the
//! process: each page is made of calls in the visitor's name, and has no rules of its own.
//!
//! | file | what it does |
//! |---|---|
//! | `visitors` | who signed in, until when, and what they are told next |
//! | `api` | the API in a visitor's name, and its answers as templates read them |
//! | `templates` | the pages' templates, and how they write money, times and words |
//! | `desk` | what all pages work with; answers and their headers |
//! | `entrance` | signing in and out |
//! | `today` | what is waiting and how much of it |
//! | `trends` | how the last weeks went |
//! | `charts` | drawings of names and numbers |
//! | `lists` | lists with the API's filters |
//! | `order` | one order; one letter |
//! | `papers` | papers of a shipment, and invoices |
//! | `acts` | what the buttons do |
//! | `live` | telling an open page that something of it has changed |
//! | `routes` | which page is where |

mod acts;
mod api;
mod charts;
mod desk;
mod entrance;
mod lists;
mod live;
mod order;
mod papers;
mod routes;
mod templates;
#[cfg(test)]
mod tests;
mod today;
mod trends;
mod visitors;

pub use desk::{Desk, Facts};
pub use routes::routes;
