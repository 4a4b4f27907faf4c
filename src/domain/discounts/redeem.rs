//! An order redeems a discount code, and gives it back when it ends early.

use sha2::{Digest, Sha256};

use crate::domain::model::customer::Customer;
use crate::domain::model::discount::{
    CountedIn, DiscountCode, DiscountKey, Gives, RedeemingCustomer, Redemption, StoreCredit,
};
use crate::domain::model::discount_uses::DiscountUses;
use crate::domain::model::money::Currency;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Problem, Reason};
use crate::domain::model::scalars::CustomerId;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// The field of an order that names a code.
const FIELD: &str = "discount_code";

/// The one who redeems, as the rule about blocked customers tells customers apart: by the e-mail address, whatever its case,
/// or else by the phone number. Orders with neither count as one customer's: such orders are held until they say more.
pub(in crate::domain) fn customer_key(customer: &Customer) -> String {
    let email = customer.email.trim().to_lowercase();
    let is_known_by = if email.is_empty() { customer.phone.trim() } else { &email };
    format!("{:x}", Sha256::digest(is_known_by))
}

/// What an order of this customer keeps of the code, or why it cannot redeem it. Whether its goods are worth enough is
/// known once they have prices: [`Redemption::must_be_worth_it`].
pub(in crate::domain) fn redeem(
    unit: &UnitOfWork,
    code: &DiscountKey,
    customer: &Customer,
    named: Option<CustomerId>,
    currency: Currency,
) -> Result<Redemption, Problem> {
    let Some(found) = unit.discount_code(code) else {
        return Err(problem(Reason::DiscountCodeUnknown, format!("there is no discount code {code}")));
    };
    must_be_valid(unit, found)?;
    let currencies = found.currencies();
    if !currencies.is_empty() && !currencies.contains(&currency) {
        let currencies: Vec<&str> = currencies.iter().map(Currency::as_str).collect();
        let why = format!(
            "discount code {code} is for orders in {}, and this one is in {currency}",
            currencies.join(", ")
        );
        return Err(problem(Reason::DiscountCodeOtherCurrency, why));
    }

    if let Some(credit) = found.credit {
        return draw(unit, found, credit, named);
    }
    let DiscountCode { uses_max, uses_per_customer_max, gives, .. } = *found;
    let key = customer_key(customer);
    if let Some(used) = used_up(unit.discount_uses(code, ""), uses_max) {
        let why = format!("discount code {code} is used up: {used}");
        return Err(problem(Reason::DiscountCodeUsedUp, why));
    }
    if let Some(used) = used_up(unit.discount_uses(code, &key), uses_per_customer_max) {
        let why = format!("discount code {code} is used up for this customer: {used}");
        return Err(problem(Reason::DiscountCodeUsedByCustomer, why));
    }
    Ok(Redemption {
        code: code.clone(),
        gives,
        minimum_minor: found.minimum_in(currency),
        uses_max,
        counted_in: CountedIn::Orders,
        customer: uses_per_customer_max.map(|uses_max| RedeemingCustomer { key, uses_max }),
        given_back_at: None,
    })
}

/// An order draws on a store credit: as much of its balance as the goods are worth.
fn draw(
    unit: &UnitOfWork,
    code: &DiscountCode,
    credit: StoreCredit,
    named: Option<CustomerId>,
) -> Result<Redemption, Problem> {
    let DiscountCode { code, uses_max, gives, .. } = code;
    if credit.customer.is_some() && credit.customer != named {
        let why = format!("store credit {code} is for orders that name the customer whom it was given to");
        return Err(problem(Reason::DiscountCodeOtherCustomer, why));
    }
    let balance = code_balance(*gives, unit.discount_uses(code, ""));
    if matches!(balance, Gives::Amount(left) if left.minor <= 0) {
        return Err(problem(Reason::DiscountCodeUsedUp, format!("nothing is left of store credit {code}")));
    }
    Ok(Redemption {
        code: code.clone(),
        gives: balance,
        minimum_minor: 0,
        uses_max: *uses_max,
        counted_in: CountedIn::MinorUnits,
        customer: None,
        given_back_at: None,
    })
}

/// What is left of a store credit.
fn code_balance(gives: Gives, uses: DiscountUses) -> Gives {
    match gives {
        Gives::Amount(worth) => Gives::Amount(worth.currency.of(worth.minor - uses.held())),
        Gives::Rate(_) => gives,
    }
}

/// In use, begun, and not over.
fn must_be_valid(unit: &UnitOfWork, it: &DiscountCode) -> Result<(), Problem> {
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

/// How often it was redeemed, if that is as often as it may be.
fn used_up(uses: DiscountUses, uses_max: Option<i64>) -> Option<String> {
    let held = uses.held();
    let most = uses_max.filter(|it| held >= *it)?;
    Some(format!("{held} of {most} {}", if most == 1 { "use" } else { "uses" }))
}

fn problem(reason: Reason, message: String) -> Problem {
    Problem { field: FIELD.to_owned(), message, reason: Some(reason) }
}

impl Redemption {
    /// Refuses goods that are worth less than the code asks for.
    pub(in crate::domain) fn must_be_worth_it(
        &self,
        currency: Currency,
        goods_minor: i64,
    ) -> Result<(), Problem> {
        if goods_minor >= self.minimum_minor {
            return Ok(());
        }
        let why = format!(
            "discount code {} needs goods worth at least {}, and these are worth {}",
            self.code,
            currency.of(self.minimum_minor),
            currency.of(goods_minor)
        );
        Err(problem(Reason::DiscountCodeBelowMinimum, why))
    }
}

impl Order {
    /// A store credit gives a corrected order what it has left beside what other orders draw. One that is out of use by now
    /// gives no more than before.
    pub(in crate::domain) fn draw_again(&mut self, unit: &UnitOfWork) {
        let drawn_before = unit.order_before(self.id).map_or(0, Order::credit_held_minor);
        let Some(redemption) = &mut self.redemption else { return };
        if let (CountedIn::MinorUnits, Gives::Amount(amount), Some(worth)) =
            (redemption.counted_in, &mut redemption.gives, redemption.uses_max)
        {
            let by_others = unit.discount_uses(&redemption.code, "").held() - drawn_before;
            let left = (worth - by_others).max(0);
            let found = unit.discount_code(&redemption.code);
            let is_in_use = found.is_some_and(|it| must_be_valid(unit, it).is_ok());
            amount.minor = if is_in_use { left } else { left.min(drawn_before) };
        }
    }

    /// The order ends early: another one may redeem the code.
    pub(in crate::domain) fn give_code_back(&mut self, unit: &UnitOfWork) {
        if let Some(redemption) = &mut self.redemption {
            redemption.given_back_at.get_or_insert(unit.now);
        }
    }
}
