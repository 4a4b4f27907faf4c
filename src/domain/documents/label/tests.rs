//! Tests of `label`.

use proptest::prelude::*;

use crate::domain::documents::label::{PaperFacts, label_paper};
use crate::domain::documents::packing_slip::packing_slip;
use crate::domain::documents::paper::LabelPaper;
use crate::domain::model::address::Address;
use crate::domain::model::order::Order;
use crate::domain::model::policy::Rules;
use crate::domain::model::scalars::{Actor, Ids, ServiceLevel, ShipmentId};
use crate::domain::model::shipment::{Resolution, ResolutionKind, Shipment};
use crate::domain::model::time::Timestamp;
use crate::domain::ordering::card_numbers::looks_like_card_number;
use crate::domain::shipping::tracking_number::{
    ALPHANUMERIC, check_character, tracking_number, tracking_number_is_valid,
};
use crate::domain::tests::sample::{location, sample};

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

fn paper(order: &Order, shipment: &Shipment) -> LabelPaper {
    let rules = Rules { company_name: "Consign Ltd".to_owned(), ..Rules::default() };
    let facts = PaperFacts { rules: &rules, location: &location(), courier: "Falcon Couriers" };
    let packages: Vec<_> = shipment.packages.iter().collect();
    label_paper(order, shipment, shipment.label.as_ref().expect("a label"), &packages, facts)
}

#[test]
fn a_parcel_that_is_sent_on_has_its_new_address_on_a_label_that_is_printed_again() {
    let (order, mut shipment) = sample();
    let address = Address {
        recipient: "Ada Morris".to_owned(),
        lines: vec!["Hafenweg 1".to_owned()],
        ..order.shipping_address.clone()
    };
    assert!(!paper(&order, &shipment).recipient.contains(&"Hafenweg 1".to_owned()));
    shipment.resolutions.push(Resolution {
        kind: ResolutionKind::NewAddress,
        reason: "moved".to_owned(),
        address: Some(address),
        refunds: Vec::new(),
        decided_by: Actor::system(),
        decided_at: shipment.created_at,
    });
    assert!(paper(&order, &shipment).recipient.contains(&"Hafenweg 1".to_owned()));
    assert!(packing_slip(&order, &shipment).contains("Hafenweg 1"));
}

#[test]
fn a_label_says_where_from_where_to_by_whom_and_how_heavy() {
    let (order, shipment) = sample();
    let paper = paper(&order, &shipment);
    assert_eq!(paper.sender, ["Consign Ltd", "Berlin warehouse", "GERMANY (DE)"]);
    let recipient = [
        "Ada Byron",
        "Analytical Engines",
        "1 Main Street",
        "10115 Berlin",
        "GERMANY (DE)",
        "Phone +4930901820",
    ];
    assert_eq!(paper.recipient, recipient);
    assert_eq!((paper.courier.as_str(), paper.service.as_str()), ("Falcon Couriers", "EXPRESS"));
    assert_eq!(paper.headline, "Order 100042, shipment 1");
    assert_eq!(paper.instructions, "Ring twice ^XZ please");
    let parcels: Vec<_> = paper.parcels.iter().map(|it| (it.number, it.of, it.weight.as_str())).collect();
    assert_eq!(parcels, [(1, 2, "1.250 kg"), (2, 2, "0.080 kg")]);
    assert_eq!(paper.parcels[0].size, "300 x 200 x 100 mm");
}

#[test]
fn a_sender_has_the_full_address_of_the_location() {
    let (order, shipment) = sample();
    let rules = Rules { company_name: "Consign Ltd".to_owned(), ..Rules::default() };
    let mut location = location();
    let address = Address {
        recipient: "  ".to_owned(),
        organization: String::new(),
        lines: vec!["Westhafenstr. 1".to_owned(), "Gate 4".to_owned()],
        city: "Berlin".to_owned(),
        area: String::new(),
        postal_code: "13353".to_owned(),
        country: "DE".to_owned(),
    };
    let mut sender = |address: &Address| {
        location.address = Some(address.clone());
        let facts = PaperFacts { rules: &rules, location: &location, courier: "Falcon Couriers" };
        let label = shipment.label.as_ref().expect("a label");
        label_paper(&order, &shipment, label, &[], facts).sender
    };
    assert_eq!(
        sender(&address),
        ["Berlin warehouse", "Consign Ltd", "Westhafenstr. 1", "Gate 4", "13353 Berlin", "GERMANY (DE)"]
    );
    let tenant =
        Address { recipient: "Dispatch".to_owned(), organization: "Docks GmbH".to_owned(), ..address };
    assert_eq!(sender(&tenant)[..2], ["Dispatch", "Docks GmbH"]);
}

#[test]
fn a_label_names_the_assigned_service_and_before_that_the_ordered_one() {
    let (mut order, mut shipment) = sample();
    order.service = ServiceLevel::Standard;
    assert_eq!(paper(&order, &shipment).service, "EXPRESS");
    shipment.assignment = None;
    assert_eq!(paper(&order, &shipment).service, "STANDARD");
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
}

#[test]
fn what_breaks_or_is_dangerous_is_marked_on_every_paper_of_its_package() {
    let (order, mut shipment) = sample();
    let marked = |shipment: &Shipment| {
        let label = paper(&order, shipment).parcels.into_iter().map(|it| it.marks).collect::<Vec<_>>();
        (label, packing_slip(&order, shipment))
    };
    let (label, slip) = marked(&shipment);
    assert!(label == ["", ""] && !slip.contains("FRAGILE"));

    // The mugs are in the first package, the pens in the second.
    shipment.items[0].handling.fragile = true;
    shipment.items[1].handling.dangerous = true;
    let (label, slip) = marked(&shipment);
    assert_eq!(label, ["FRAGILE", "DANGEROUS GOODS"]);
    assert!(slip.contains("2 x  MUG-1  Mug, blue, FRAGILE"), "{slip}");
    assert!(slip.contains("1 x  PEN-1  Pen, DANGEROUS GOODS"), "{slip}");

    shipment.items[0].handling.dangerous = true;
    assert_eq!(marked(&shipment).0[0], "DANGEROUS GOODS, FRAGILE");
    let unpacked = Shipment { packages: Vec::new(), ..shipment };
    assert!(packing_slip(&order, &unpacked).contains("Mug, blue, DANGEROUS GOODS, FRAGILE"));
}
