//! When a code may be used.

use crate::domain::model::discount::DiscountCode;
use crate::domain::model::refusal::{Problem, Reason};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// The field of an order that names a code.
const FIELD: &str = "discount_code";

/// In use, begun, and not over.
pub(super) fn must_be_valid(unit: &UnitOfWork, it: &DiscountCode) -> Result<(), Problem> {
    let code = &it.code;
    if !it.active {
        let why = format!("discount code {code} is out of use; ReactivateDiscountCode brings it back");
        return Err(problem(Reason::DiscountCodeInactive, why));
    }
    if let Some(start) = it.starts_at.filter(|it| unit.now < *it) {
        let why = format!("discount code {code} is valid from {start} on");
        return Err(problem(Reason::DiscountCodeNotBegun, why));
    }
    if let Some(end) = it.ends_at.filter(|it| unit.now >= *it) {
        return Err(problem(Reason::DiscountCodeOver, format!("discount code {code} was valid until {end}")));
    }
    Ok(())
}

pub(super) fn problem(reason: Reason, message: String) -> Problem {
    Problem { field: FIELD.to_owned(), message, reason: Some(reason) }
}
