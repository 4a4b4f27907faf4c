//! Tests of `label`.

use proptest::prelude::*;

use crate::domain::documents::label::{addressee, label_text, wrapped};
use crate::domain::documents::packing_slip::packing_slip;
use crate::domain::documents::zpl::label_zpl;
use crate::domain::model::scalars::{Ids, ShipmentId};
use crate::domain::model::shipment::Shipment;
use crate::domain::model::time::Timestamp;
use crate::domain::ordering::card_numbers::looks_like_card_number;
use crate::domain::shipping::tracking_number::{
    ALPHANUMERIC, check_character, tracking_number, tracking_number_is_valid,
};
use crate::domain::tests::sample::sample;

fn id(seed: u64) -> ShipmentId {
    Ids::seeded(Timestamp::from_unix_micros(1_700_000_000_000_000), seed).fresh()
}

#[test]
fn the_check_character_is_that_of_the_standard() {
    // The example of the Global Release Identifier, which uses ISO 7064 MOD 37,36.
    assert_eq!(check_character("A12425GABC1234002"), Some('M'));
    assert_eq!(check_character("CN-1"), None);
}

#[test]
fn nearly_all_exchanged_neighbours_are_found() {
    let mut missed = 0;
    let mut exchanges = 0;
    for seed in 0..500 {
        let number = tracking_number(id(seed));
        for location in 3..15 {
            let mut exchanged = number.clone().into_bytes();
            exchanged.swap(location - 1, location);
            let exchanged = String::from_utf8(exchanged).expect("ascii");
            exchanges += usize::from(exchanged != number);
            missed += usize::from(exchanged != number && tracking_number_is_valid(&exchanged));
        }
    }
    assert!(missed * 200 < exchanges, "{missed} of {exchanges}");
}

#[test]
fn other_texts_are_no_tracking_numbers() {
    assert!(tracking_number_is_valid("CNK3F07XQ2M91TX"));
    let good = tracking_number(id(1));
    assert!(tracking_number_is_valid(&good), "{good}");
    for bad in ["", "C", "CN", "é", "CNé", &good.to_lowercase(), &good[..14], &format!("{good}0"), &good[2..]]
    {
        assert!(!tracking_number_is_valid(bad), "{bad}");
    }
}

#[test]
fn a_label_says_where_from_where_to_and_how_heavy() {
    let (order, shipment) = sample();
    let text = label_text(&order, &shipment, "CNK3F07XQ2M91TX");
    for part in [
        "Order 100042, shipment 1",
        "CNK3F07XQ2M91TX",
        "EXPRESS",
        "BER-1",
        "Ada Byron",
        "1 Main Street",
        "10115 Berlin",
        "GERMANY (DE)",
        "Phone +4930901820",
        "1 of 2: 1.250 kg, 300 x 200 x 100 mm",
        "2 of 2: 0.080 kg",
        "Total weight: 1.330 kg",
        "Ring twice ^XZ please",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn the_postal_code_stands_where_the_country_writes_it() {
    let (mut order, _) = sample();
    order.shipping_address.country = "US".to_owned();
    order.shipping_address.area = "NY".to_owned();
    assert!(addressee(&order).contains(&"Berlin NY 10115".to_owned()));
}

#[test]
fn there_is_one_zpl_form_per_package_and_no_text_can_end_it() {
    let (order, shipment) = sample();
    let zpl = label_zpl(&order, &shipment, "CNK3F07XQ2M91TX");
    for command in ["^XA", "^XZ", "^CI28", "^PW812", "^LL1218", "^BCN,170,Y,N,N^FH_^FDCNK3F07XQ2M91TX^FS"] {
        assert_eq!(zpl.matches(command).count(), 2, "{command} in:\n{zpl}");
    }
    assert!(zpl.contains("1 / 2") && zpl.contains("2 / 2"));
    assert!(zpl.contains("Ring twice _5EXZ please"));
    assert_eq!(
        zpl.matches("^FD").count(),
        zpl.matches("^FS").count() - 3 * 2,
        "three lines without text per form"
    );
}

#[test]
fn a_long_address_is_set_smaller_and_not_cut() {
    let (mut order, shipment) = sample();
    let long = "W".repeat(190);
    order.shipping_address.lines = vec![long.clone(); 4];
    order.shipping_address.organization = long.clone();
    let zpl = label_zpl(&order, &shipment, "CNK3F07XQ2M91TX");
    let shown = zpl.matches('W').count() - zpl.matches("^PW").count();
    assert_eq!(shown, 190 * 5 * 2);
    let last = zpl
        .lines()
        .filter(|it| it.contains("Phone"))
        .filter_map(|it| it.split([',', '^']).nth(2)?.parse().ok());
    assert!(last.max().is_some_and(|it: usize| it < 790));
}

#[test]
fn a_packing_slip_lists_what_lies_in_each_package_and_no_price() {
    let (order, shipment) = sample();
    let slip = packing_slip(&order, &shipment);
    for part in
        ["PACKAGE 1 of 2", "    2 x  MUG-1  Mug, blue", "PACKAGE 2 of 2", "1 x  PEN-1  Pen", "shipment: 3"]
    {
        assert!(slip.contains(part), "{part} is missing in:\n{slip}");
    }
    assert!(!slip.contains("EUR"));

    let unpacked = Shipment { packages: Vec::new(), ..shipment };
    assert!(packing_slip(&order, &unpacked).contains("    2 x  MUG-1  Mug, blue"));
}

#[test]
fn lines_break_at_blanks_and_long_words_where_they_must() {
    assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
    assert_eq!(wrapped("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
    assert_eq!(wrapped("  ", 4), Vec::<String>::new());
    assert_eq!(wrapped("ab", 0), ["a", "b"]);
}

proptest! {
    #[test]
    fn every_tracking_number_is_valid_and_no_card_number(bits in any::<u128>()) {
        let number = tracking_number(ShipmentId(uuid::Uuid::from_u128(bits)));
        prop_assert_eq!(number.len(), 15);
        prop_assert!(tracking_number_is_valid(&number), "{}", number);
        prop_assert!(!looks_like_card_number(&number), "{}", number);
        prop_assert_eq!(tracking_number(ShipmentId(uuid::Uuid::from_u128(bits))), number);
    }

    #[test]
    fn different_random_bits_give_different_numbers(one in 0_u128..1 << 59, other in 0_u128..1 << 59) {
        let number = |bits| tracking_number(ShipmentId(uuid::Uuid::from_u128(bits)));
        prop_assert_eq!(number(one) == number(other), one == other);
    }

    #[test]
    fn every_wrong_character_is_found(
        seed in any::<u64>(),
        location in 2..15_usize,
        wrong in 0..36_usize,
    ) {
        let number = tracking_number(id(seed));
        let mut changed = number.clone().into_bytes();
        changed[location] = ALPHANUMERIC[wrong];
        let changed = String::from_utf8(changed).expect("ascii");
        prop_assert_eq!(tracking_number_is_valid(&changed), changed == number);
    }

    #[test]
    fn no_text_whatever_adds_a_zpl_command(text in "[\\^~_A-Z\\\\\n]{0,80}") {
        let (mut order, shipment) = sample();
        order.special_instructions = text.clone();
        order.shipping_address.city = text.clone();
        order.customer.name = text;
        let zpl = label_zpl(&order, &shipment, "CNK3F07XQ2M91TX");
        prop_assert_eq!(zpl.matches("^XZ").count(), 2);
        prop_assert!(!zpl.contains('~') && !zpl.contains('\\'));
        let fields = zpl.split("^FD").skip(1).map(|it| it.split("^FS").next().unwrap_or_default());
        for field in fields {
            prop_assert!(!field.contains('^'), "{}", field);
        }
    }
}

#[test]
fn what_breaks_or_is_dangerous_is_marked_on_every_paper_of_its_package() {
    let (order, mut shipment) = sample();
    let number = "CNK3F07XQ2M91TX";
    let marked = |shipment: &Shipment| {
        let label = label_text(&order, shipment, number);
        let forms = label_zpl(&order, shipment, number);
        let of_packages = label.lines().filter(|it| it.contains(" of 2: ")).map(str::to_owned);
        let of_forms = forms.split("^XZ").map(|it| it.contains("FRAGILE")).take(2);
        (of_packages.collect::<Vec<_>>(), of_forms.collect::<Vec<_>>(), packing_slip(&order, shipment))
    };
    let (label, forms, slip) = marked(&shipment);
    assert!(!label.concat().contains("FRAGILE") && forms == [false, false] && !slip.contains("FRAGILE"));

    // The mugs are in the first package, the pens in the second.
    shipment.items[0].handling.fragile = true;
    shipment.items[1].handling.dangerous = true;
    let (label, forms, slip) = marked(&shipment);
    assert!(label[0].ends_with(" mm, FRAGILE") && label[1].ends_with(" mm, DANGEROUS GOODS"), "{label:?}");
    assert_eq!(forms, [true, false]);
    assert!(slip.contains("2 x  MUG-1  Mug, blue, FRAGILE"), "{slip}");
    assert!(slip.contains("1 x  PEN-1  Pen, DANGEROUS GOODS"), "{slip}");

    shipment.items[0].handling.dangerous = true;
    let (label, ..) = marked(&shipment);
    assert!(label[0].ends_with(" mm, DANGEROUS GOODS, FRAGILE"), "{label:?}");
    let unpacked = Shipment { packages: Vec::new(), ..shipment };
    assert!(packing_slip(&order, &unpacked).contains("Mug, blue, DANGEROUS GOODS, FRAGILE"));
}
