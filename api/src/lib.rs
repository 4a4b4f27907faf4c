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

/// A message of answers that has fields which not every caller is shown, or that leads to one that has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardedMessage {
    /// `consign.v1.Order`
    pub name: &'static str,
    /// The number of its field `hidden`, which says for want of what fields were left out; 0: it has none.
    pub hidden: u32,
    /// Its other fields are shown to everybody.
    pub fields: &'static [GuardedField],
}

/// A field that not every caller is shown, or that leads to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardedField {
    pub number: u32,
    /// A caller that lacks one of these is not shown it.
    pub shown_to: &'static [Permission],
    /// Where the message that it holds stands in [`GUARDED_MESSAGES`]; None: nothing in it is guarded.
    pub message: Option<usize>,
}

/// Who is shown what of answers, as the options of fields in `proto/` say; messages in the order of their names.
pub const GUARDED_MESSAGES: &[GuardedMessage] = include!(concat!(env!("OUT_DIR"), "/guarded_messages.rs"));

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
