//! Why a server does not start, or ends.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tonic::transport;

use crate::domain::{CourierCode, Invalid};
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot use {path}: {source}")]
    Folder { path: PathBuf, source: io::Error },
    #[error("mail.reply_to: {0}")]
    ReplyTo(Invalid),
    #[error("mail.from: {0}")]
    Sender(Invalid),
    #[error("letters.templates: {0}")]
    Templates(String),
    #[error("tls: {0}")]
    Tls(String),
    #[error("access.tokens.jwks_file: {0}")]
    TokenKeys(String),
    #[error("seller.logo: {0}")]
    Logo(String),
    #[error("mail.smtp.ca_file: {0}")]
    Authorities(String),
    #[error("couriers.{0}: its address or token cannot be used")]
    Courier(CourierCode),
    #[error("the database: {0}")]
    Store(#[from] StoreError),
    #[error("the console's pages are not as they have to be")]
    Console,
    #[error("the API's description: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    #[error("serving ended: {0:?}")]
    Serve(#[from] transport::Error),
    #[error("no server answers at {0}")]
    Silent(String),
    #[error("cannot listen for signals: {0}")]
    Signal(io::Error),
}
