//! A discount code is created, taken out of use and put back.

use crate::domain::model::discount::{DiscountCode, DiscountKey, Gives, StoreCredit};
use crate::domain::model::discount_uses::DiscountUses;
use crate::domain::model::etag::check_etag;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// A code as it then is, and how often it was redeemed.
pub type CountedCode = (DiscountCode, DiscountUses);

#[derive(Debug, Clone)]
pub struct CreateDiscountCode {
    pub discount_code: DiscountCode,
}

impl Command for CreateDiscountCode {
    const NAME: &'static str = "CreateDiscountCode";
    type Output = CountedCode;

    fn reads(&self) -> ReadSet {
        code_alone(&self.discount_code.code)
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<CountedCode, Refusal> {
        let code = &self.discount_code.code;
        if unit.discount_code(code).is_some() {
            return Err(Refusal::exists("discount code", code));
        }
        let (created_at, updated_at) = (unit.now, unit.now);
        let new =
            DiscountCode { version: 1, created_at, updated_at, active: true, ..self.discount_code.clone() };
        unit.changes.discount_codes.insert(code.clone(), new.clone().into());
        Ok((new, unit.discount_uses(code, "")))
    }
}

/// Takes a code out of use: no order can redeem it any more. Orders that did keep what it gave them.
#[derive(Debug, Clone)]
pub struct DeactivateDiscountCode {
    pub code: DiscountKey,
    /// Empty: any version.
    pub etag: String,
}

impl Command for DeactivateDiscountCode {
    const NAME: &'static str = "DeactivateDiscountCode";
    type Output = CountedCode;

    fn reads(&self) -> ReadSet {
        code_alone(&self.code)
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<CountedCode, Refusal> {
        let code = seen(unit, &self.code, &self.etag)?;
        Ok(keep(unit, DiscountCode { active: false, ..code }))
    }
}

/// Puts a code back into use.
#[derive(Debug, Clone)]
pub struct ReactivateDiscountCode {
    pub code: DiscountKey,
    /// Empty: any version.
    pub etag: String,
}

impl Command for ReactivateDiscountCode {
    const NAME: &'static str = "ReactivateDiscountCode";
    type Output = CountedCode;

    fn reads(&self) -> ReadSet {
        code_alone(&self.code)
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<CountedCode, Refusal> {
        let code = seen(unit, &self.code, &self.etag)?;
        if let Gives::Credit(StoreCredit { exchange: Some(order), .. }) = code.gives {
            let why = format!("{} pays for {order} alone, which was made in exchange", self.code);
            return Err(Refusal::unmet(Reason::IllegalTransition, why));
        }
        Ok(keep(unit, DiscountCode { active: true, ..code }))
    }
}

/// The code, and how often all customers redeemed it.
fn code_alone(code: &DiscountKey) -> ReadSet {
    ReadSet { discount_codes: vec![(code.clone(), String::new())], ..ReadSet::default() }
}

/// The code in the version that the caller has seen.
fn seen(unit: &UnitOfWork, code: &DiscountKey, etag: &str) -> Result<DiscountCode, Refusal> {
    let found = unit.discount_code(code).cloned().ok_or_else(|| Refusal::not_found("discount code", code))?;
    check_etag(etag, found.version)?;
    Ok(found)
}

/// One version later, if anything of it is new.
fn keep(unit: &mut UnitOfWork, it: DiscountCode) -> CountedCode {
    let uses = unit.discount_uses(&it.code, "");
    if unit.discount_code(&it.code) == Some(&it) {
        return (it, uses);
    }
    let (version, updated_at) = (it.version + 1, unit.now.max(it.updated_at));
    let it = DiscountCode { version, updated_at, ..it };
    unit.changes.discount_codes.insert(it.code.clone(), it.clone().into());
    (it, uses)
}
