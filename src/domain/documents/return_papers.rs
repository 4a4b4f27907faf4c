//! What the papers of a return say: the form that lies in the parcel, and the label that brings it to us.

use crate::domain::documents::address::{sender, written};
use crate::domain::documents::label::PaperFacts;
use crate::domain::documents::paper::{Goods, GoodsList, LabelPaper, Parcel, SheetKind, SheetPaper};
use crate::domain::documents::text::{kilograms, line};
use crate::domain::model::order::Order;
use crate::domain::model::returns::{Return, ReturnLine, ReturnReason};

/// The label of a parcel with all of a return, from the customer to the location of these facts.
pub(in crate::domain) fn return_label_paper(order: &Order, it: &Return, facts: PaperFacts<'_>) -> LabelPaper {
    let grams = it.lines.iter().fold(0, |sum: i64, line| sum.saturating_add(weight_of(order, line)));
    let weight = if grams > 0 { kilograms(grams) } else { String::new() };
    let parcel = Parcel { number: 1, of: 1, weight, size: String::new(), marks: String::new() };
    LabelPaper {
        tracking_number: it.full_number(order.number),
        courier: it.transit.as_ref().map_or_else(String::new, |it| line(&it.courier)),
        service: "RETURN".to_owned(),
        headline: headline(order, it),
        sender: customer(order),
        recipient: sender(facts.rules, facts.location),
        instructions: String::new(),
        parcels: vec![parcel],
    }
}

/// What comes back and why, for the people who open the parcel.
pub(in crate::domain) fn return_sheet_paper(order: &Order, it: &Return, facts: PaperFacts<'_>) -> SheetPaper {
    let goods = |line: &ReturnLine| {
        let sold = order.lines.iter().find(|it| it.number == line.line);
        Goods {
            quantity: line.quantity,
            sku: sold.map_or_else(String::new, |it| it.sku.to_string()),
            description: sold.map_or_else(String::new, |it| self::line(&it.description)),
            detail: in_words(line.reason).to_owned(),
        }
    };
    let units = it.units();
    SheetPaper {
        kind: SheetKind::Return,
        company: line(&facts.rules.company_name),
        headline: headline(order, it),
        reference: it.full_number(order.number),
        facts: vec![
            ("Order", order.number.to_string()),
            ("Return", it.number.to_string()),
            ("Units", units.to_string()),
        ],
        addresses: vec![("Send it back to", sender(facts.rules, facts.location)), ("From", customer(order))],
        lists: vec![GoodsList { heading: String::new(), goods: it.lines.iter().map(goods).collect() }],
        notes: vec![
            "Put this form into the parcel, and the label on it. Send only what is listed here.".to_owned(),
        ],
    }
}

fn headline(order: &Order, it: &Return) -> String {
    format!("Order {}, return {}", order.number, it.number)
}

fn customer(order: &Order) -> Vec<String> {
    let mut all = written(&order.shipping_address, order);
    if !order.customer.phone.is_empty() {
        all.push(format!("Phone {}", line(&order.customer.phone_in_words())));
    }
    all
}

fn weight_of(order: &Order, line: &ReturnLine) -> i64 {
    let sold = order.lines.iter().find(|it| it.number == line.line);
    sold.map_or(0, |it| it.weight_grams.saturating_mul(line.quantity))
}

fn in_words(reason: ReturnReason) -> &'static str {
    match reason {
        ReturnReason::Damaged => "damaged",
        ReturnReason::Defective => "does not work",
        ReturnReason::WrongItem => "wrong article",
        ReturnReason::NotAsDescribed => "not as described",
        ReturnReason::ArrivedLate => "came too late",
        ReturnReason::ChangedMind => "not wanted",
        ReturnReason::DoesNotFit => "does not fit",
        ReturnReason::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::location::Location;
    use crate::domain::model::policy::Rules;
    use crate::domain::model::returns::ReturnState;
    use crate::domain::tests::returns::one_return;
    use crate::domain::tests::sample::{location, sample};

    fn authorized() -> (Order, Return) {
        let (order, _) = sample();
        let mut it = one_return(&order);
        it.state = ReturnState::Authorized;
        (order, it)
    }

    fn facts<'a>(rules: &'a Rules, location: &'a Location) -> PaperFacts<'a> {
        PaperFacts { rules, location, courier: "" }
    }

    #[test]
    fn the_label_goes_from_the_customer_to_the_location_under_the_number_of_the_return() {
        let (order, it) = authorized();
        let (rules, location) = (Rules::default(), location());
        let label = return_label_paper(&order, &it, facts(&rules, &location));
        assert_eq!(label.tracking_number, format!("{}-R{}", order.number, it.number));
        assert_eq!(label.recipient, sender(&rules, &location));
        assert_eq!(label.sender, customer(&order));
        assert_eq!(label.parcels.len(), 1);
    }

    #[test]
    fn the_form_lists_what_comes_back_and_why() {
        let (order, it) = authorized();
        let (rules, location) = (Rules::default(), location());
        let form = return_sheet_paper(&order, &it, facts(&rules, &location));
        let goods = &form.lists[0].goods[0];
        assert_eq!((goods.quantity, goods.detail.as_str()), (1, "damaged"));
        assert_eq!(goods.sku, order.lines[0].sku.to_string());
        assert_eq!(form.reference, it.full_number(order.number));
    }
}
