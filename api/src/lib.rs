//! The API of Consign as generated from `proto/`: messages, clients and server traits, with [`Money`] and [`Date`] beside
//! them. A service in Rust that calls Consign needs this crate only.

mod codec;

pub use codec::Wire;
pub use generated::v1::*;
pub use google::r#type::{Date, Money};

/// Everything in `proto/` and what it imports, as reflection shows it.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("consign");

/// The permission that each method asks for: `consign.v1.OrderService/GetOrder`, and what its option in `proto/` says.
pub const PERMISSIONS: &[(&str, Permission)] = include!(concat!(env!("OUT_DIR"), "/permissions.rs"));

/// The permission that is enough for what is in a caller's own scope, of the methods that have one.
pub const SCOPED_PERMISSIONS: &[(&str, Permission)] =
    include!(concat!(env!("OUT_DIR"), "/scoped_permissions.rs"));

#[expect(clippy::allow_attributes, clippy::allow_attributes_without_reason, reason = "generated")]
mod generated {
    pub mod v1 {
        tonic::include_proto!("consign.v1");
    }
}

mod google {
    pub mod r#type {
        tonic::include_proto!("google.r#type");
    }
}
