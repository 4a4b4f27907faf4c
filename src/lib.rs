//! Consign: the order-fulfilment core that a company's other services call over gRPC.
//!
//! In reading order, from the rules outwards. Down to [`console`] no layer knows one below it in this list, but [`access`] takes
//! its permissions from [`pb`]; the rows from [`settings`] on serve all of them.
//!
//! | module | what lives there |
//! |---|---|
//! | [`domain`] | the rules: pure, synchronous, total |
//! | [`documents`] | papers drawn: PDF, and the language of label printers |
//! | [`store`] | rows and transactions |
//! | [`outside`] | payment providers, mail, couriers, and who is told of events |
//! | [`work`] | what is done without being asked: expiry, messages, closing, archiving |
//! | [`access`] | who calls, and what they may do |
//! | [`pb`] | the API's messages, clients and server traits, generated from `proto/` |
//! | [`rpc`] | the door: parse, change or find, reply |
//! | [`webhook`] | the couriers' door: their reports over HTTP, signed |
//! | [`operations`] | the operators' port: whether the server lives, takes calls, and what it is |
//! | [`console`] | pages for people, made of calls of the API |
//! | [`server`] | all of it, started and stopped as one |
//! | [`client`] | how the programs below call a server |
//! | [`demo`] | the whole process, played over the API |
//! | [`bench`] | a load of many clients, and what it costs |
//! | [`import`] | files of rows, sent to a server |
//! | [`show`] | what a server says of its orders, as tables or JSON |
//! | [`command_line`] | the commands of the program |
//! | [`settings`] | what a company may choose |
//! | [`clock`] | the one place that reads the time |
//! | [`log`] | the log |
//! | `json` | messages of the API as JSON |
//! | [`traces`] | spans for a collector, if the program was built with them |
//! | [`terminal`] | what commands say to people |
//! | [`faults`] | places that fail when a test says so |

pub mod documents;
pub mod domain;

pub mod outside;
pub mod store;
pub mod work;

pub mod access;
pub mod bench;
pub mod client;
pub mod command_line;
pub mod console;
pub mod demo;
pub mod import;
pub mod operations;
pub mod rpc;
pub mod server;
pub mod show;
pub mod webhook;

pub mod clock;
pub mod faults;
mod json;
pub mod log;
pub mod settings;
pub mod terminal;
pub mod traces;

/// The API as generated from `proto/`, a crate of its own.
pub use consign_api as pb;
