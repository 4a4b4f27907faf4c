//! Lots on the wire: of stock, shipments and returns alike.

use crate::domain::{LotName, LotNamed, Problems};
use crate::pb;
use crate::rpc::calendar::day;
use crate::rpc::parse::{id, optional_id};

/// The lot of some units, if one is named; `at` is the path of the fields before their names.
pub(crate) fn lot_named(
    at: &str,
    lot: &str,
    expire_date: Option<pb::Date>,
    bad: &mut Problems,
) -> Option<LotNamed> {
    let field = format!("{at}expire_date");
    if lot.is_empty() && expire_date.is_some() {
        bad.add(&*field, "must be left out: no lot is named");
    }
    let expires_on = expire_date.and_then(|it| day(&field, it, bad));
    let name = optional_id(&format!("{at}lot"), lot, bad)?;
    Some(LotNamed { name, expires_on })
}

/// The name of a lot that must be there.
pub(crate) fn lot(at: &str, lot: &str, bad: &mut Problems) -> Option<LotName> {
    id(&format!("{at}lot"), lot, bad)
}
