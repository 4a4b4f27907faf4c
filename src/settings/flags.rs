//! Settings from the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

/// The flags that say where the settings and the database are.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct DatabaseFlags {
    /// Settings file (TOML)
    #[arg(long, env = "CONSIGN_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Directory of the embedded database and of the messages [default: ./consign-data]
    #[arg(long, value_name = "DIRECTORY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// PostgreSQL instead of the embedded database: postgres://user:password@host/database
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// Accept a PostgreSQL that acknowledges before it is on disk
    #[arg(long)]
    #[serde(skip_serializing_if = "is_off")]
    pub insecure_durability: bool,
}

/// The flags of `serve`.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct ServeFlags {
    #[command(flatten)]
    #[serde(flatten)]
    pub database: DatabaseFlags,
    /// Address to listen on [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Listen beyond loopback although callers are not authenticated
    #[arg(long)]
    #[serde(skip_serializing_if = "is_off")]
    pub insecure_listen: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_off(flag: &bool) -> bool {
    !flag
}
