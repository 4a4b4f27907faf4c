//! Documents: an aggregate as it is, in one column. The first byte names the encoding, so that what was written once is
//! read for ever; from then on it is MessagePack, packed by LZ4.
//!
//! A struct is an array of its fields in their order, without their names, which would be most of the bytes. So a field
//! that is added later comes last in its struct and has `#[serde(default)]`, and none is moved or removed; what has to
//! break with that gets another encoding.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::{Order, OrderId, Reason, Refusal, caseless};
use crate::store::archive_keys::{ArchiveKeys, SealFault};
use crate::store::connection::error::StoreError;

/// MessagePack, packed by LZ4 with its length before it.
const MESSAGE_PACK_LZ4: u8 = 1;

/// Bytes before what is packed: the encoding and the length.
const HEAD: usize = 5;

/// An order that is sealed: the version of the master key; what of the order stands in the open, as a document, with its
/// length before it; the document of all of it, sealed.
const SEALED: u8 = 2;

/// No document is as long unpacked; what claims to be is damaged.
const UNPACKED_MAX: usize = 64 * 1024 * 1024;

/// Most documents are shorter unpacked, in bytes: room for them is taken once.
const UNPACKED_USUALLY: usize = 8 * 1024;

pub(in crate::store) fn encode<T: Serialize>(table: &'static str, it: &T) -> Result<Vec<u8>, StoreError> {
    let faulty = |what: String| StoreError::corrupt(table, what);
    let mut plain = Vec::with_capacity(UNPACKED_USUALLY);
    rmp_serde::encode::write(&mut plain, it).map_err(|it| faulty(it.to_string()))?;
    let length = u32::try_from(plain.len()).map_err(|it| faulty(it.to_string()))?;

    let mut document = vec![0; HEAD + lz4_flex::block::get_maximum_output_size(plain.len())];
    let (head, packed) = document.split_at_mut(HEAD);
    head[0] = MESSAGE_PACK_LZ4;
    head[1..].copy_from_slice(&length.to_le_bytes());
    let packed = lz4_flex::block::compress_into(&plain, packed).map_err(|it| faulty(it.to_string()))?;
    document.truncate(HEAD + packed);
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

/// The order in a document, without opening a seal: of a sealed order only what stands in the open. All of it: [`whole_order`].
pub(in crate::store) fn order(bytes: &[u8]) -> Result<Order, StoreError> {
    match sealed(bytes)? {
        Some(parts) => decode("orders", parts.open),
        None => decode("orders", bytes),
    }
}

/// All of the order in the document of this row. One that its key does not open is refused.
pub(in crate::store) fn whole_order(
    id: OrderId,
    bytes: &[u8],
    keys: &ArchiveKeys,
) -> Result<Order, StoreError> {
    match opened(id, bytes, keys)? {
        Ok(order) => Ok(order),
        Err(SealFault::NoKey(version)) => Err(key_missing(order(bytes)?.number, version)),
        Err(SealFault::Broken) => {
            let open = order(bytes)?;
            let version = open.sealed.unwrap_or_default();
            let message = format!(
                "the key of version {version} does not open order {}: it is not the one that sealed it, or what is \
                stored was changed",
                open.number
            );
            Err(Refusal::unmet(Reason::ArchiveKeyMissing, message).into())
        }
    }
}

/// All of the order in the document of this row. The inner error: why its seal does not open. A seal that names another key
/// than its open part does is damage.
pub(in crate::store) fn opened(
    id: OrderId,
    bytes: &[u8],
    keys: &ArchiveKeys,
) -> Result<Result<Order, SealFault>, StoreError> {
    let Some(parts) = sealed(bytes)? else {
        let order: Order = decode("orders", bytes)?;
        return match order.sealed {
            None => Ok(Ok(order)),
            Some(_) => Err(StoreError::corrupt("orders", format!("{id} has lost its sealed part"))),
        };
    };
    match keys.open(parts.version, &parts.bound_to(id), parts.sealed) {
        Ok(document) => decode("orders", &document).map(Ok),
        Err(fault) => {
            let open: Order = decode("orders", parts.open)?;
            match open.sealed == Some(parts.version) {
                true => Ok(Err(fault)),
                false => Err(StoreError::corrupt("orders", format!("the seal of {id} names no key"))),
            }
        }
    }
}

/// What columns and tables have of an order: all of it, or of one that is to be sealed what stands in the open.
pub(in crate::store) fn in_columns<'o>(
    order: &'o Order,
    keys: &ArchiveKeys,
) -> Result<Cow<'o, Order>, StoreError> {
    let Some(version) = order.sealed else { return Ok(Cow::Borrowed(order)) };
    let index = keys.blind_index(version, &caseless(&order.customer.email));
    let index = index.ok_or_else(|| key_missing(order.number, version))?;
    Ok(Cow::Owned(order.in_the_open(index)))
}

/// The document of an order. `in_columns` is what the function of that name gives for it.
pub(in crate::store) fn of_order(
    order: &Order,
    in_columns: &Order,
    keys: &ArchiveKeys,
) -> Result<Vec<u8>, StoreError> {
    let whole = encode("orders", order)?;
    let Some(version) = order.sealed else { return Ok(whole) };
    let open = encode("orders", in_columns)?;
    let sealed = keys.seal(version, &bound_to(order.id, version, &open), whole);
    let sealed = sealed.map_err(|fault| match fault {
        SealFault::NoKey(version) => key_missing(order.number, version),
        SealFault::Broken => StoreError::Internal(format!("order {} cannot be sealed", order.number)),
    })?;

    let length = u32::try_from(open.len()).map_err(|it| StoreError::corrupt("orders", it.to_string()))?;
    let mut document = beginning_of_sealed(version);
    document.extend(length.to_le_bytes());
    document.extend(open);
    document.extend(sealed);
    Ok(document)
}

/// Whether it is the document of an order that is sealed.
pub(in crate::store) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.first() == Some(&SEALED)
}

/// What every document begins with that is sealed under this version of the master key, and no other: five bytes.
pub(in crate::store) fn beginning_of_sealed(version: u32) -> Vec<u8> {
    let mut beginning = vec![SEALED];
    beginning.extend(version.to_le_bytes());
    beginning
}

/// What the document of a sealed order consists of.
struct SealedParts<'b> {
    version: u32,
    open: &'b [u8],
    sealed: &'b [u8],
}

impl SealedParts<'_> {
    fn bound_to(&self, id: OrderId) -> Vec<u8> {
        bound_to(id, self.version, self.open)
    }
}

/// What a seal is bound to: the row's id, the version of the master key, and all of the open part, which has the order's version.
fn bound_to(id: OrderId, version: u32, open: &[u8]) -> Vec<u8> {
    [&id.0.as_bytes()[..], &version.to_le_bytes()[..], open].concat()
}

fn sealed(bytes: &[u8]) -> Result<Option<SealedParts<'_>>, StoreError> {
    let Some((&SEALED, rest)) = bytes.split_first() else { return Ok(None) };
    let parts = || {
        let (version, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (open, sealed) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        Some(SealedParts { version: u32::from_le_bytes(*version), open, sealed })
    };
    let parts = parts().ok_or_else(|| StoreError::corrupt("orders", "a sealed document that is cut off"))?;
    Ok(Some(parts))
}

fn key_missing(number: i64, version: u32) -> StoreError {
    let message =
        format!("order {number} is sealed under version {version} of the master key, which is not here");
    Refusal::unmet(Reason::ArchiveKeyMissing, message).into()
}
