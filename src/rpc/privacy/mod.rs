//! PrivacyService: what is held about a person.

mod export;
mod parse;
mod service;
