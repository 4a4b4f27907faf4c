//! Loads the discount codes that a group redeems.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::{DiscountCode, DiscountKey};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::{catalogue, discount, lookup};
use crate::store::writer::loading::{Loading, Reads, Topic};

impl Loading<'_> {
    /// Codes, and how often they were redeemed: read after the code is locked, because every order that redeems it takes that lock first.
    /// Codes are locked after the stock, in whichever round that is.
    pub(super) fn ask_discounts(&self, reads: &mut Reads) {
        let wanted = &self.wanted.discount_codes;
        let codes: BTreeSet<&DiscountKey> = wanted.iter().map(|it| &it.0).collect();
        if codes.is_empty() {
            return;
        }
        let of_all = codes.iter().map(|it| ((*it).clone(), String::new()));
        let uses: BTreeSet<(DiscountKey, String)> = of_all.chain(wanted.iter().cloned()).collect();
        let uses = uses.into_iter().map(|(code, customer)| vec![code.into(), customer.into()]);
        let codes = lookup::keys(codes.into_iter().cloned());
        reads.push((Topic::DiscountCodes, self.statements.discount_codes.about(codes)));
        reads.push((Topic::DiscountUses, lookup::DISCOUNT_USES.about(uses.collect())));
    }

    pub(super) fn read_discounts(&mut self, topic: Topic, rows: &[Row]) -> Result<(), StoreError> {
        let snapshot = &mut self.group.snapshot;
        for row in rows {
            if topic == Topic::DiscountCodes {
                let found: DiscountCode = catalogue::read(row)?;
                snapshot.discount_codes.insert(found.code.clone(), Arc::new(found));
            } else {
                snapshot.discount_uses.extend([discount::uses(row)?]);
            }
        }
        Ok(())
    }
}
