//! Tests of `sheets`.

use crate::domain::documents::label::PaperFacts;
use crate::domain::documents::paper::SheetPaper;
use crate::domain::documents::sheets::{packing_slip_paper, pick_list_paper, return_form_paper};
use crate::domain::model::day::Day;
use crate::domain::model::lot::LotUnits;
use crate::domain::model::policy::Rules;
use crate::domain::tests::sample::{location, sample};

#[test]
fn a_packing_slip_lists_each_package_and_no_price() {
    let (order, shipment) = sample();
    let (rules, location) = (Rules::default(), location());
    let paper =
        packing_slip_paper(&order, &shipment, PaperFacts { rules: &rules, location: &location, courier: "" });
    let listed: Vec<_> = paper
        .lists
        .iter()
        .map(|it| (it.heading.as_str(), it.goods[0].quantity, it.goods[0].sku.as_str()))
        .collect();
    let expected = [
        ("Package 1 of 2: 1.250 kg, 300 x 200 x 100 mm", 2, "MUG-1"),
        ("Package 2 of 2: 0.080 kg, 300 x 200 x 100 mm", 1, "PEN-1"),
    ];
    assert_eq!(listed, expected);
    assert!(paper.facts.contains(&("Units", "3".to_owned())));
    assert!(!format!("{paper:?}").contains("EUR"));
}

#[test]
fn a_pick_list_has_what_is_still_to_be_picked_by_product() {
    let (order, mut shipment) = sample();
    let (rules, location) = (Rules::default(), location());
    let facts = PaperFacts { rules: &rules, location: &location, courier: "" };
    assert_eq!(pick_list_paper(&order, &shipment, facts).notes[0], "Every unit is picked.");

    for item in &mut shipment.items {
        item.picked = 0;
    }
    shipment.items[0].picked = 1;
    shipment.items.reverse();
    let paper = pick_list_paper(&order, &shipment, facts);
    let goods: Vec<_> = paper.lists[0].goods.iter().map(|it| (it.sku.as_str(), it.quantity)).collect();
    assert_eq!(goods, [("MUG-1", 1), ("PEN-1", 1)]);
    assert!(paper.facts.contains(&("Units to pick", "2".to_owned())));

    for item in &mut shipment.items {
        item.handling.fragile = item.sku.as_str() == "MUG-1";
        item.handling.dangerous = item.sku.as_str() == "PEN-1";
    }
    let marked = |paper: SheetPaper| {
        let goods = paper.lists.into_iter().flat_map(|it| it.goods);
        goods.map(|it| it.description).collect::<Vec<_>>()
    };
    let expected = ["Mug, blue, FRAGILE", "Pen, DANGEROUS GOODS"];
    assert_eq!(marked(pick_list_paper(&order, &shipment, facts)), expected);
    assert_eq!(marked(packing_slip_paper(&order, &shipment, facts)), expected);
}

#[test]
fn a_pick_list_names_each_lot_and_a_packing_slip_says_what_is_good_until_when() {
    let (order, mut shipment) = sample();
    let (rules, location) = (Rules::default(), location());
    let facts = PaperFacts { rules: &rules, location: &location, courier: "" };
    let lot = |name: &str, day, quantity, picked| LotUnits {
        name: name.parse().expect("a name"),
        expires_on: Day::of(2027, 3, day).expect("a day"),
        expires_at: order.created_at,
        quantity,
        picked,
    };
    shipment.items[0].lots = vec![lot("L-1", 30, 1, 1), lot("L-2", 31, 1, 0)];
    shipment.items[0].picked = 1;
    let paper = pick_list_paper(&order, &shipment, facts);
    let goods = paper.lists[0].goods.iter().map(|it| (it.quantity, it.description.as_str()));
    assert_eq!(goods.collect::<Vec<_>>(), [(1, "Mug, blue; lot L-2, use by 2027-03-31")]);
    let slip = packing_slip_paper(&order, &shipment, facts);
    let told = "Mug, blue; lot L-1, use by 2027-03-30; lot L-2, use by 2027-03-31";
    assert_eq!(slip.lists[0].goods[0].description, told);
}

#[test]
fn a_return_form_names_where_to_send_it_back() {
    let (order, shipment) = sample();
    let (rules, location) = (Rules::default(), location());
    let paper =
        return_form_paper(&order, &shipment, PaperFacts { rules: &rules, location: &location, courier: "" });
    assert_eq!(
        paper.addresses[0],
        ("Send it back to", vec!["Berlin warehouse".to_owned(), "GERMANY (DE)".to_owned()])
    );
    assert_eq!(paper.lists[0].goods.len(), 2);
}
