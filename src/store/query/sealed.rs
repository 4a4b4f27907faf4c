//! The law of sealed orders: each opens under its key, in its own row, and says in the open what it says sealed.

use crate::domain::{Order, OrderId, Violation};
use crate::store::archive_keys::{ArchiveKeys, SealFault};
use crate::store::connection::error::StoreError;
use crate::store::rows::document;

pub(super) const SEALED: &str = "P2";

/// What was found of the seal of an order.
pub(super) enum Seal {
    /// It is not sealed.
    None,
    /// All of the order.
    Opened(Box<Order>),
    /// Its key is not here: nothing is known but what stands in the open.
    NotLookedInto(Violation),
}

/// The order in the document of a row, as columns and tables are to have it, and its seal. The inner error: the seal is broken,
/// so that nothing of it can be believed.
pub(super) fn look_into(
    id: OrderId,
    bytes: &[u8],
    keys: &ArchiveKeys,
) -> Result<Result<(Order, Seal), Violation>, StoreError> {
    if !document::is_sealed(bytes) {
        let order = document::order(bytes)?;
        return Ok(match order.sealed {
            None => Ok((order, Seal::None)),
            Some(_) => Err(violation(id, "it has lost its sealed part".to_owned())),
        });
    }
    let looked = || -> Result<(Order, Seal), StoreError> {
        let order = document::order(bytes)?;
        let whole = match document::opened(id, bytes, keys)? {
            Ok(whole) => whole,
            Err(SealFault::NoKey(version)) => {
                let number = order.number;
                let why = format!(
                    "not looked into: order {number} is sealed under version {version} of the master key, which is not \
                    here"
                );
                return Ok((order, Seal::NotLookedInto(violation(id, why))));
            }
            // Or all of them were sealed under another key of this version.
            Err(SealFault::Broken) => {
                let why = format!("the seal of {id} is broken, or another order's or key's");
                return Err(StoreError::corrupt("orders", why));
            }
        };
        if *document::in_columns(&whole, keys)? != order {
            return Err(StoreError::corrupt("orders", format!("something else is sealed in {id}")));
        }
        Ok((order, Seal::Opened(Box::new(whole))))
    };
    Ok(looked().map_err(|why| violation(id, why.to_string())))
}

fn violation(id: OrderId, actual: String) -> Violation {
    let expected = "what stands in the open, sealed".to_owned();
    Violation { law: SEALED, key: id.to_string(), expected, actual }
}
