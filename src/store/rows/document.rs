//! Documents: an aggregate as it is, in one column. The first byte names the encoding, so that what was written once is
//! read for ever; from then on it is MessagePack, packed by LZ4.
//!
//! A struct is an array of its fields in their order, without their names, which would be most of the bytes. So a field
//! that is added later comes last in its struct and has `#[serde(default)]`, and none is moved or removed; what has to
//! break with that gets another encoding.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::Order;
use crate::store::connection::error::StoreError;

/// MessagePack, packed by LZ4 with its length before it.
const MESSAGE_PACK_LZ4: u8 = 1;

/// No document is as long unpacked; what claims to be is damaged.
const UNPACKED_MAX: usize = 64 * 1024 * 1024;

pub(in crate::store) fn encode<T: Serialize>(table: &'static str, it: &T) -> Result<Vec<u8>, StoreError> {
    let plain = rmp_serde::to_vec(it).map_err(|it| StoreError::corrupt(table, it.to_string()))?;
    let packed = lz4_flex::block::compress_prepend_size(&plain);
    let mut document = Vec::with_capacity(1 + packed.len());
    document.push(MESSAGE_PACK_LZ4);
    document.extend(packed);
    Ok(document)
}

pub(in crate::store) fn decode<T: DeserializeOwned>(
    table: &'static str,
    bytes: &[u8],
) -> Result<T, StoreError> {
    let damaged = |what: String| StoreError::corrupt(table, what);
    let Some((&MESSAGE_PACK_LZ4, packed)) = bytes.split_first() else {
        return Err(damaged("a document in an unknown encoding".to_owned()));
    };
    let length = packed.first_chunk::<4>().map(|it| u32::from_le_bytes(*it) as usize);
    if length.is_none_or(|it| it > UNPACKED_MAX) {
        return Err(damaged("a document of an impossible length".to_owned()));
    }
    let plain = lz4_flex::block::decompress_size_prepended(packed).map_err(|it| damaged(it.to_string()))?;
    rmp_serde::from_slice(&plain).map_err(|it| damaged(it.to_string()))
}

/// The order in a document.
pub(in crate::store) fn order(bytes: &[u8]) -> Result<Order, StoreError> {
    decode("orders", bytes)
}
