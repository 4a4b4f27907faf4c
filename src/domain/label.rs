//! What sticks on a parcel: tracking number, label for people and for thermal printers, packing slip.

use super::{Address, Order, Package, Shipment, ShipmentId};

/// The tracking number of a shipment: `CN`, twelve characters and a check character, such as
/// `CNK3F07XQ2M91TX`.
///
/// The twelve are made of 59 of the id's random bits in Crockford's base 32, which has no I, L, O or U to
/// misread: the first is one of 16 letters (4 bits), the others carry 5 bits each. The check character is
/// that of ISO 7064 MOD 37,36 over all before it; it finds every wrong character and nearly all exchanged
/// neighbours. The same id gives the same number; different ids give the same one with a chance of 1 in 2^59,
/// which a unique column turns into an error. Since the third character is a letter, no more than twelve
/// digits can follow each other: a tracking number is never taken for a card number, which has thirteen or
/// more.
pub(super) fn tracking_number(id: ShipmentId) -> String {
    let bits = id.0.as_u128();
    let mut number = String::from("CN");
    number.push(symbol(10 + ((bits >> 55) & 15)));
    for place in (0..11).rev() {
        number.push(symbol((bits >> (place * 5)) & 31));
    }
    number.push(check_character(&number).expect("letters and digits have a check character"));
    number
}

/// Whether this can be a tracking number of ours: form and check character are right, in upper case.
#[cfg(test)]
fn tracking_number_is_valid(text: &str) -> bool {
    let Some((body, check)) = text.char_indices().last().map(|(last, check)| (&text[..last], check)) else {
        return false;
    };
    let Some(twelve) = body.strip_prefix("CN") else { return false };
    let begins_with_letter = twelve.starts_with(|it: char| it.is_ascii_uppercase());
    let has_symbols_only = twelve.bytes().all(|it| CROCKFORD.contains(&it));
    twelve.len() == 12 && begins_with_letter && has_symbols_only && check_character(body) == Some(check)
}

/// The label as plain text, for a person or any printer: where from and to, service, every package's weight
/// and size, instructions, and what the barcode says.
pub(super) fn label_text(order: &Order, shipment: &Shipment, tracking_number: &str) -> String {
    let mut text = format!(
        "SHIPPING LABEL\n{}\n\nTracking number: {tracking_number}\nService: {}\n",
        headline(order, shipment),
        order.service,
    );
    text.push_str(&format!("\nFROM\n  {}\n", shipment.location));
    text.push_str("\nTO\n");
    for it in addressee(order) {
        text.push_str(&format!("  {it}\n"));
    }

    text.push_str("\nPACKAGES\n");
    for package in &shipment.packages {
        text.push_str(&format!(
            "  {} of {}: {}\n",
            package.number,
            shipment.packages.len(),
            measures(package)
        ));
    }
    let total: i64 = shipment.packages.iter().map(|it| it.weight_grams).fold(0, i64::saturating_add);
    text.push_str(&format!("  Total weight: {}\n", kilograms(total)));

    text.push_str(&instructions(order));
    text.push_str(&format!("\nBarcode (Code 128): {tracking_number}\n"));
    text
}

/// The label in ZPL II for thermal printers of 203 dpi on 4 × 6 inch: one form per package, texts in UTF-8,
/// the tracking number as Code 128.
pub(super) fn label_zpl(order: &Order, shipment: &Shipment, tracking_number: &str) -> String {
    let forms = shipment.packages.iter().map(|it| zpl_form(order, shipment, it, tracking_number));
    forms.collect()
}

/// What lies in the parcels, line by line, without prices: for whoever opens them.
pub fn packing_slip(order: &Order, shipment: &Shipment) -> String {
    let mut text = format!("PACKING SLIP\n{}\n\nSHIP TO\n", headline(order, shipment));
    for it in addressee(order) {
        text.push_str(&format!("  {it}\n"));
    }

    let of = |number: i32| shipment.items.iter().find(|it| it.line == number);
    for package in &shipment.packages {
        let count = shipment.packages.len();
        text.push_str(&format!("\nPACKAGE {} of {count} ({})\n", package.number, measures(package)));
        for packed in &package.contents {
            let (sku, description) =
                of(packed.line).map_or(("", ""), |it| (it.sku.as_str(), it.description.as_str()));
            text.push_str(&format!("  {:>5} x  {sku}  {}\n", packed.quantity, line(description)));
        }
    }
    if shipment.packages.is_empty() {
        text.push_str("\nCONTENTS\n");
        for item in &shipment.items {
            text.push_str(&format!("  {:>5} x  {}  {}\n", item.quantity, item.sku, line(&item.description)));
        }
    }

    let units = shipment.items.iter().map(|it| it.quantity).fold(0, i64::saturating_add);
    text.push_str(&format!("\nUnits in this shipment: {units}\n"));
    text.push_str(&instructions(order));
    text.push_str(&format!("\nAnything missing or damaged? Tell us, and name order {}.\n", order.number));
    text
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn symbol(value: u128) -> char {
    char::from(CROCKFORD[(value & 31) as usize])
}

const ALPHANUMERIC: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// ISO 7064 MOD 37,36, the hybrid system for letters and digits. None if anything else is in the text.
fn check_character(text: &str) -> Option<char> {
    let mut product = 36;
    for byte in text.bytes() {
        let value = ALPHANUMERIC.iter().position(|it| *it == byte)?;
        let sum = (product + value) % 36;
        product = if sum == 0 { 36 } else { sum } * 2 % 37;
    }
    ALPHANUMERIC.get((37 - product) % 36).map(|it| char::from(*it))
}

fn headline(order: &Order, shipment: &Shipment) -> String {
    format!("Order {}, shipment {}", order.number, shipment.number)
}

/// One printed line: what would break it is a blank.
fn line(text: &str) -> String {
    let plain: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn addressee(order: &Order) -> Vec<String> {
    let Address { recipient, organization, lines, city, area, postal_code, country } =
        &order.shipping_address;
    let recipient = if recipient.trim().is_empty() { &order.customer.name } else { recipient };
    let place = match country.as_str() {
        // Countries that write the postal code last.
        "AU" | "BR" | "CA" | "GB" | "IE" | "IN" | "NZ" | "SG" | "US" => [city, area, postal_code],
        _ => [postal_code, city, area],
    };
    let country = match rust_iso3166::from_alpha2(country) {
        Some(known) => format!("{} ({country})", known.name.to_uppercase()),
        None => country.clone(),
    };

    let mut all = vec![line(recipient), line(organization)];
    all.extend(lines.iter().map(|it| line(it)));
    all.push(line(&place.map(String::as_str).join(" ")));
    all.push(line(&country));
    if !order.customer.phone.is_empty() {
        all.push(format!("Phone {}", line(&order.customer.phone)));
    }
    all.retain(|it| !it.is_empty());
    all
}

fn instructions(order: &Order) -> String {
    let text = line(&order.special_instructions);
    if text.is_empty() { String::new() } else { format!("\nINSTRUCTIONS\n  {text}\n") }
}

fn kilograms(grams: i64) -> String {
    format!("{}.{:03} kg", grams / 1000, (grams % 1000).abs())
}

fn measures(package: &Package) -> String {
    let Package { number: _, weight_grams, length_mm, width_mm, height_mm, contents: _ } = package;
    format!("{}, {length_mm} x {width_mm} x {height_mm} mm", kilograms(*weight_grams))
}

/// 4 inch at 203 dots.
const WIDTH_DOTS: usize = 812;
/// 6 inch at 203 dots.
const HEIGHT_DOTS: usize = 1218;

fn zpl_form(order: &Order, shipment: &Shipment, package: &Package, tracking_number: &str) -> String {
    let mut form = format!("^XA\n^CI28\n^PW{WIDTH_DOTS}\n^LL{HEIGHT_DOTS}\n^LH0,0\n");
    let count = shipment.packages.len();
    form.push_str(&field(40, 30, 50, order.service.as_str()));
    form.push_str(&field(560, 36, 40, &format!("{} / {count}", package.number)));
    let (size, from) = fitting(&[format!("From {}", shipment.location)], &[(24, 50, 1), (17, 71, 1)]);
    form.push_str(&field(40, 88, size, &from.join(" ")));
    form.push_str(&field(40, 120, 24, &headline(order, shipment)));
    form.push_str("^FO40,150^GB732,3,3^FS\n");

    // Large while it fits, else smaller: an address is never cut.
    let (size, lines) =
        fitting(&addressee(order), &[(44, 27, 12), (30, 40, 17), (20, 61, 25), (12, 101, 39)]);
    for (place, it) in lines.iter().enumerate() {
        form.push_str(&field(40, 170 + place * (size + 2 + size / 6), size, it));
    }

    form.push_str("^FO40,800^GB732,3,3^FS\n");
    form.push_str(&field(40, 815, 28, &measures(package)));
    let told = wrapped(&line(&order.special_instructions), 48);
    let shown = 3.min(told.len());
    for (place, it) in told.iter().take(shown).enumerate() {
        let more = if place + 1 == shown && told.len() > shown { " ..." } else { "" };
        form.push_str(&field(40, 852 + place * 28, 24, &format!("{it}{more}")));
    }
    form.push_str("^FO40,945^GB732,3,3^FS\n");
    form.push_str(&format!(
        "^FO70,965^BY3,2.0,170^BCN,170,Y,N,N^FH_^FD{}^FS\n^XZ\n",
        escaped(tracking_number)
    ));
    form
}

/// One line of text at a place, in dots from the upper left corner.
fn field(x: usize, y: usize, height: usize, text: &str) -> String {
    format!("^FO{x},{y}^A0N,{height},{height}^FH_^FD{}^FS\n", escaped(text))
}

/// With `^FH_` a byte can be written as `_` and two hexadecimal digits: needed for what ZPL takes for
/// commands (`^`, `~`) and for `_` itself, and done for `\`, which some firmware takes for an escape of its
/// own.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '^' => safe.push_str("_5E"),
            '~' => safe.push_str("_7E"),
            '_' => safe.push_str("_5F"),
            '\\' => safe.push_str("_5C"),
            _ if it.is_control() => safe.push(' '),
            _ => safe.push(it),
        }
    }
    safe
}

/// The first of the sizes (height in dots, characters per line, lines) in which all lines fit; the last one
/// if none.
fn fitting(lines: &[String], sizes: &[(usize, usize, usize)]) -> (usize, Vec<String>) {
    let mut last = (0, Vec::new());
    for (height, width, rows) in sizes {
        last = (*height, lines.iter().flat_map(|it| wrapped(it, *width)).collect());
        if last.1.len() <= *rows {
            break;
        }
    }
    last
}

/// Lines of at most this many characters, broken at blanks where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut current = String::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(width.max(1)) {
            let needed = current.chars().count() + usize::from(!current.is_empty()) + piece.len();
            if needed > width && !current.is_empty() {
                lines.push(std::mem::take(&mut current));
            }
            if !current.is_empty() {
                current.push(' ');
            }
            current.extend(piece);
        }
    }
    if !current.is_empty() {
        lines.push(current);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::sample::sample;
    use super::*;
    use crate::domain::{Ids, Timestamp, looks_like_card_number};
    use proptest::prelude::*;

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
            for place in 3..15 {
                let mut exchanged = number.clone().into_bytes();
                exchanged.swap(place - 1, place);
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
        for bad in
            ["", "C", "CN", "é", "CNé", &good.to_lowercase(), &good[..14], &format!("{good}0"), &good[2..]]
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
        for command in ["^XA", "^XZ", "^CI28", "^PW812", "^LL1218", "^BCN,170,Y,N,N^FH_^FDCNK3F07XQ2M91TX^FS"]
        {
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
        for part in [
            "PACKAGE 1 of 2",
            "    2 x  MUG-1  Mug, blue",
            "PACKAGE 2 of 2",
            "1 x  PEN-1  Pen",
            "shipment: 3",
        ] {
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
            place in 2..15_usize,
            wrong in 0..36_usize,
        ) {
            let number = tracking_number(id(seed));
            let mut changed = number.clone().into_bytes();
            changed[place] = ALPHANUMERIC[wrong];
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
}

#[cfg(test)]
pub(super) mod sample {
    //! One order with everything in it, for the tests of whatever is printed or written about orders.

    use super::super::pricing::{PriceLine, price};
    use super::super::{
        Actor, Address, Amounts, Assignment, AtProvider, Channel, Customer, Feedback, FeedbackState,
        Handover, Invoice, InvoiceLine, InvoiceState, Label, LineAmounts, Means, Method, OnShortage, Order,
        OrderLine, OrderState, Package, PackedItem, Payment, PaymentState, Refund, RefundState, Risk,
        ServiceLevel, Shipment, ShipmentItem, ShipmentState, Timestamp, TrackingEvent, TrackingStatus,
    };
    use uuid::Uuid;

    /// 2026-03-02T10:00:00Z, a Monday.
    pub(in crate::domain) const NOW: Timestamp = Timestamp::from_unix_micros(1_772_445_600_000_000);

    pub(in crate::domain) fn days_later(days: i64) -> Timestamp {
        Timestamp::from_unix_micros(NOW.unix_micros() + days * 86_400_000_000)
    }

    pub(in crate::domain) fn sample() -> (Order, Shipment) {
        let order = order();
        let shipment = order.shipments[0].clone();
        (order, shipment)
    }

    fn order() -> Order {
        let price_of = |quantity, unit_price_minor| PriceLine {
            quantity,
            unit_price_minor,
            discount: None,
            tax_rate_ppm: 190_000,
        };
        let currency = "EUR".parse().expect("a currency");
        let (priced, amounts) =
            price(currency, true, &[price_of(2, 1_250), price_of(1, 300)], None, 490, 190_000)
                .expect("a price");
        let lines = vec![
            line(1, "MUG-1", "Mug, blue", 2, 1_250, priced[0]),
            line(2, "PEN-1", "Pen", 1, 300, priced[1]),
        ];
        Order {
            id: Uuid::from_u128(1).into(),
            number: 100_042,
            version: 1,
            last_event: 1,
            state: OrderState::Delivered,
            archived_from: None,
            channel: Channel::Online,
            external_reference: String::new(),
            customer: Customer {
                name: "Ada Byron".to_owned(),
                email: "ada@example.com".to_owned(),
                phone: "+4930901820".to_owned(),
                locale: "en".to_owned(),
            },
            shipping_address: Address {
                recipient: String::new(),
                organization: "Analytical Engines".to_owned(),
                lines: vec!["1 Main Street".to_owned()],
                city: "Berlin".to_owned(),
                area: String::new(),
                postal_code: "10115".to_owned(),
                country: "DE".to_owned(),
            },
            billing_address: None,
            region: Some("EUROPE".parse().expect("a region")),
            invoices: vec![invoice(&lines, amounts.clone())],
            payments: vec![payment(&amounts)],
            shipments: vec![shipment()],
            lines,
            amounts,
            discount: None,
            discount_code: String::new(),
            special_instructions: "Ring twice ^XZ\nplease".to_owned(),
            service: ServiceLevel::Express,
            on_shortage: OnShortage::Wait,
            reservation_lifetime_seconds: None,
            requested_by: None,
            promised_by: Some(days_later(5)),
            risk: Risk::Low,
            risk_reasons: Vec::new(),
            checks: Vec::new(),
            availability: None,
            fingerprint: String::new(),
            holds: Vec::new(),
            reservations: Vec::new(),
            approvals: Vec::new(),
            messages: Vec::new(),
            feedback: Some(Feedback {
                state: FeedbackState::Requested,
                delivery_rating: 0,
                product_rating: 0,
                comment: String::new(),
                requested_at: NOW,
                submitted_at: None,
                discount_code: "NEXT-ABCD1234".to_owned(),
                discount_ppm: 50_000,
            }),
            cancel_reason: "customer changed their mind".to_owned(),
            created_by: actor(),
            created_at: NOW,
            updated_at: NOW,
            delivered_at: Some(days_later(4)),
            closed_at: None,
            archived_at: None,
        }
    }

    fn actor() -> Actor {
        Actor::stored("tests".to_owned())
    }

    fn line(
        number: i32,
        sku: &str,
        description: &str,
        quantity: i64,
        unit_price_minor: i64,
        amounts: LineAmounts,
    ) -> OrderLine {
        OrderLine {
            number,
            sku: sku.parse().expect("a sku"),
            description: description.to_owned(),
            tax_category: "STANDARD".to_owned(),
            quantity,
            unit_price_minor,
            discount: None,
            amounts,
            weight_grams: 0,
        }
    }

    fn invoice(lines: &[OrderLine], amounts: Amounts) -> Invoice {
        let lines = lines.iter().map(|it| InvoiceLine {
            line: it.number,
            sku: it.sku.clone(),
            description: it.description.clone(),
            quantity: it.quantity,
            unit_price_minor: it.unit_price_minor,
            amounts: it.amounts,
        });
        Invoice {
            id: Uuid::from_u128(2).into(),
            order: Uuid::from_u128(1).into(),
            series: "INV".to_owned(),
            number: 7,
            state: InvoiceState::Paid,
            amounts,
            lines: lines.collect(),
            issued_at: NOW,
            settled_at: Some(NOW),
        }
    }

    fn payment(amounts: &Amounts) -> Payment {
        let amount = amounts.currency.of(amounts.total_minor);
        Payment {
            id: Uuid::from_u128(3).into(),
            order: Uuid::from_u128(1).into(),
            invoice: Uuid::from_u128(2).into(),
            method: Method::Card,
            state: PaymentState::Captured,
            means: Means::Provider(AtProvider {
                provider: "sandbox".to_owned(),
                token: "tok_visa".to_owned(),
                reference: Some("sb-1".to_owned()),
            }),
            request: None,
            attempts: 1,
            amount,
            captured_minor: amount.minor,
            failure: None,
            created_by: actor(),
            created_at: NOW,
            updated_at: NOW,
            refunds: vec![Refund {
                id: Uuid::from_u128(5).into(),
                payment: Uuid::from_u128(3).into(),
                state: RefundState::Succeeded,
                amount: amounts.currency.of(300),
                reason: "pen was broken".to_owned(),
                handed_back: None,
                provider_reference: Some("sb-2".to_owned()),
                failure: None,
                asked_at: NOW,
                attempts: 1,
                created_by: actor(),
                created_at: NOW,
                updated_at: NOW,
            }],
        }
    }

    fn shipment() -> Shipment {
        let item = |line, sku: &str, description: &str, quantity| ShipmentItem {
            line,
            sku: sku.parse().expect("a sku"),
            description: description.to_owned(),
            quantity,
            picked: quantity,
            checked: quantity,
            packed: quantity,
            weight_grams: 0,
        };
        let package = |number, weight_grams, line, quantity| Package {
            number,
            weight_grams,
            length_mm: 300,
            width_mm: 200,
            height_mm: 100,
            contents: vec![PackedItem { line, quantity }],
        };
        let courier = "FALCON".parse().expect("a courier");
        Shipment {
            id: Uuid::from_u128(4).into(),
            order: Uuid::from_u128(1).into(),
            number: 1,
            version: 1,
            location: "BER-1".parse().expect("a location"),
            state: ShipmentState::Delivered,
            items: vec![item(1, "MUG-1", "Mug, blue", 2), item(2, "PEN-1", "Pen", 1)],
            packages: vec![package(1, 1_250, 1, 2), package(2, 80, 2, 1)],
            label: Some(Label {
                tracking_number: "CNK3F07XQ2M91TX".to_owned(),
                text: String::new(),
                zpl: String::new(),
                created_at: NOW,
                created_by: actor(),
            }),
            assignment: Some(Assignment {
                courier,
                service: ServiceLevel::Express,
                price: "EUR".parse::<super::super::Currency>().expect("a currency").of(990),
                pickup_at: days_later(1),
                delivery_at: days_later(3),
                reason: String::new(),
                assigned_by: actor(),
                assigned_at: NOW,
            }),
            handover: Some(Handover {
                at: days_later(1),
                driver: "Sam".to_owned(),
                packages: 2,
                confirmed_by: actor(),
            }),
            tracking: vec![TrackingEvent {
                sequence: 1,
                status: TrackingStatus::Delayed,
                incident: "WEATHER_STORM".to_owned(),
                place: "Leipzig hub".to_owned(),
                occurred_at: days_later(2),
                recorded_at: days_later(2),
                estimated_at: Some(days_later(4)),
                source: actor(),
                raw_code: "D7".to_owned(),
                description: "the storm keeps the aircraft on the ground".to_owned(),
                key: "key".to_owned(),
            }],
            proof: None,
            promised_by: Some(days_later(5)),
            estimated_at: Some(days_later(4)),
            created_at: NOW,
            updated_at: NOW,
        }
    }
}
