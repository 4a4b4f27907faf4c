//! Messages of the API as JSON.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;

use crate::pb;

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).ok());

/// A message of the API as JSON, with every field by the name that the proto has; `name` is the message's, such as
/// `Order`. None: there is no such message.
pub(crate) fn json_of<M: Message>(name: &str, message: &M) -> Option<Value> {
    let described = POOL.as_ref()?.get_message_by_name(&format!("consign.v1.{name}"))?;
    let message = DynamicMessage::decode(described, message.encode_to_vec().as_slice()).ok()?;
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .skip_default_fields(false)
        .stringify_64_bit_integers(false);
    message.serialize_with_options(serde_json::value::Serializer, &options).ok()
}
