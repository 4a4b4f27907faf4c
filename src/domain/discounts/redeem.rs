//! An order redeems a discount code, and gives it back when it ends early.

use sha2::{Digest, Sha256};

use crate::domain::discounts::credit::draw;
use crate::domain::discounts::valid::{must_be_valid, problem};
use crate::domain::model::amounts::Discount;
use crate::domain::model::customer::Customer;
use crate::domain::model::discount::{
    CreditDraw, DiscountCode, DiscountKey, Gives, RedeemingCustomer, Redemption,
};
use crate::domain::model::discount_uses::DiscountUses;
use crate::domain::model::money::Currency;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Problem, Reason};
use crate::domain::model::scalars::CustomerId;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// The one who redeems, as the rule about blocked customers tells customers apart: by the e-mail address, whatever its case,
/// or else by the phone number. Orders with neither count as one customer's: such orders are held until they say more.
pub(in crate::domain) fn customer_key(customer: &Customer) -> String {
    let email = customer.email.trim().to_lowercase();
    let is_known_by = if email.is_empty() { customer.phone.trim() } else { &email };
    format!("{:x}", Sha256::digest(is_known_by))
}

/// What an order gets by the code that it names.
pub(in crate::domain) enum Redeemed {
    Discount(Redemption),
    /// The whole balance: the order takes of it what it comes to.
    Credit(CreditDraw),
}

impl Redeemed {
    pub(in crate::domain) fn discount(&self) -> Option<&Redemption> {
        match self {
            Self::Discount(it) => Some(it),
            Self::Credit(_) => None,
        }
    }
}

/// What an order of this customer keeps of the code, or why it cannot redeem it. Whether its goods are worth enough is
/// known once they have prices: [`Redemption::must_be_worth_it`].
pub(in crate::domain) fn redeem(
    unit: &UnitOfWork,
    code: &DiscountKey,
    customer: &Customer,
    named: Option<CustomerId>,
    currency: Currency,
) -> Result<Redeemed, Problem> {
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

    let gives = match found.gives {
        Gives::Credit(credit) => return draw(unit, code, credit, named).map(Redeemed::Credit),
        Gives::Rate(ppm) => Discount::Percent(ppm),
        Gives::Amount(amount) => Discount::Amount(amount.minor),
    };
    let DiscountCode { uses_max, uses_per_customer_max, .. } = *found;
    let key = customer_key(customer);
    if let Some(used) = used_up(unit.discount_uses(code, ""), uses_max) {
        let why = format!("discount code {code} is used up: {used}");
        return Err(problem(Reason::DiscountCodeUsedUp, why));
    }
    if let Some(used) = used_up(unit.discount_uses(code, &key), uses_per_customer_max) {
        let why = format!("discount code {code} is used up for this customer: {used}");
        return Err(problem(Reason::DiscountCodeUsedByCustomer, why));
    }
    Ok(Redeemed::Discount(Redemption {
        code: code.clone(),
        gives,
        minimum_minor: found.minimum_in(currency),
        uses_max,
        customer: uses_per_customer_max.map(|uses_max| RedeemingCustomer { key, uses_max }),
        given_back_at: None,
    }))
}

/// How often it was redeemed, if that is as often as it may be.
fn used_up(uses: DiscountUses, uses_max: Option<i64>) -> Option<String> {
    let held = uses.held();
    let most = uses_max.filter(|it| held >= *it)?;
    Some(format!("{held} of {most} {}", if most == 1 { "use" } else { "uses" }))
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
    /// The order ends early: another one may redeem the code.
    pub(in crate::domain) fn give_code_back(&mut self, unit: &UnitOfWork) {
        if let Some(redemption) = &mut self.redemption {
            redemption.given_back_at.get_or_insert(unit.now);
        }
        self.set_credit_free();
    }
}
