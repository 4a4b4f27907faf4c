//! Tests of `address`.

use crate::domain::documents::address::{addressee, postal_lines};
use crate::domain::model::address::Address;
use crate::domain::tests::sample::sample;

/// Lines, city, area, postal code, country; the country's line of the answer is left out.
fn written(lines: &[&str], city: &str, area: &str, postal_code: &str, country: &str) -> Vec<String> {
    let address = Address {
        recipient: String::new(),
        organization: String::new(),
        lines: lines.iter().map(|it| (*it).to_owned()).collect(),
        city: city.to_owned(),
        area: area.to_owned(),
        postal_code: postal_code.to_owned(),
        country: country.to_owned(),
    };
    let mut all = postal_lines(&address, "N");
    let last = all.pop().expect("the country");
    assert!(last.ends_with(&format!("({country})")), "{last}");
    all
}

#[test]
fn the_town_stands_as_its_country_writes_it() {
    let cases: &[(&[&str], [&str; 4], &[&str])] = &[
        (&["1 Main St"], ["New York", "NY", "10001", "US"], &["N", "1 Main St", "New York, NY 10001"]),
        (&["Hauptstr. 1"], ["Berlin", "", "10115", "DE"], &["N", "Hauptstr. 1", "10115 Berlin"]),
        (&["1 High St"], ["London", "", "SW1A 1AA", "GB"], &["N", "1 High St", "London", "SW1A 1AA"]),
        (&["Fő utca 1."], ["Budapest", "", "1011", "HU"], &["N", "Budapest", "Fő utca 1.", "1011"]),
        (
            &["Jl. Sudirman 1"],
            ["Jakarta", "DKI Jakarta", "10210", "ID"],
            &["N", "Jl. Sudirman 1", "Jakarta", "DKI Jakarta 10210"],
        ),
        (
            &["12 MG Road"],
            ["Bengaluru", "Karnataka", "560001", "IN"],
            &["N", "12 MG Road", "Bengaluru 560001", "Karnataka"],
        ),
        (&["Olaya St"], ["Riyadh", "", "12211", "SA"], &["N", "Olaya St", "Riyadh 12211"]),
        (&["建国路1号"], ["北京市", "", "100022", "CN"], &["100022", "北京市", "建国路1号", "N"]),
        (&["中山路2号"], ["广州市", "广东省", "510000", "CN"], &["510000", "广东省广州市", "中山路2号", "N"]),
        (
            &["1 Jianguo Rd"],
            ["Guangzhou", "Guangdong", "510000", "CN"],
            &["N", "1 Jianguo Rd", "Guangzhou", "Guangdong, 510000"],
        ),
        (
            &["芝公園4-2-8"],
            ["港区", "東京都", "105-0011", "JP"],
            &["〒105-0011", "東京都港区", "芝公園4-2-8", "N"],
        ),
        (
            &["4-2-8 Shibakoen"],
            ["Minato-ku", "Tokyo", "105-0011", "JP"],
            &["N", "4-2-8 Shibakoen", "Minato-ku, Tokyo", "105-0011"],
        ),
        (
            &["세종대로 110"],
            ["중구", "서울특별시", "04524", "KR"],
            &["서울특별시 중구", "세종대로 110", "N", "04524"],
        ),
        (
            &["110 Sejong-daero"],
            ["Jung-gu", "Seoul", "04524", "KR"],
            &["N", "110 Sejong-daero", "Jung-gu", "Seoul", "04524"],
        ),
        (&["Bahnhofstr. 1"], ["Zürich", "", "8001", "CH"], &["N", "Bahnhofstr. 1", "CH-8001 Zürich"]),
        (
            &["İstiklal Cd. 1"],
            ["Beyoğlu", "İstanbul", "34430", "TR"],
            &["N", "İstiklal Cd. 1", "34430 Beyoğlu/İstanbul"],
        ),
        (
            &["Rua A 1"],
            ["São Paulo", "SP", "01310-100", "BR"],
            &["N", "Rua A 1", "São Paulo-SP", "01310-100"],
        ),
        (
            &["Jalan Ampang 1"],
            ["Kuala Lumpur", "", "50450", "MY"],
            &["N", "Jalan Ampang 1", "50450 Kuala Lumpur"],
        ),
        (&["Collins St 1"], ["Melbourne", "VIC", "3000", "AU"], &["N", "Collins St 1", "Melbourne VIC 3000"]),
        (&["ул. Ленина, 1"], ["Москва", "", "101000", "RU"], &["N", "ул. Ленина, 1", "Москва", "101000"]),
    ];
    for (lines, [city, area, code, country], expected) in cases {
        assert_eq!(written(lines, city, area, code, country), *expected, "{country}");
    }
}

#[test]
fn the_last_lines_are_in_the_order_of_the_country() {
    // Street, city, area, postal code, country; and all lines.
    let cases: &[([&str; 5], &[&str])] = &[
        (
            ["Calle Mayor 3", "Alcalá", "Madrid", "28801", "ES"],
            &["N", "Calle Mayor 3", "28801 Alcalá Madrid"],
        ),
        (["Via Roma 7", "Roma", "RM", "00184", "IT"], &["N", "Via Roma 7", "00184 Roma RM"]),
        (["Rua Augusta 5", "Lisboa", "", "1100-048", "PT"], &["N", "Rua Augusta 5", "1100-048 Lisboa"]),
        (["Damrak 1", "Amsterdam", "", "1012 LG", "NL"], &["N", "Damrak 1", "1012 LG Amsterdam"]),
        (["Dlouhá 2", "Praha", "", "110 00", "CZ"], &["N", "Dlouhá 2", "110 00 Praha"]),
        (["Storgatan 6", "Göteborg", "", "411 38", "SE"], &["N", "Storgatan 6", "SE-411 38 Göteborg"]),
        (["Brīvības 11", "Rīga", "", "LV-1010", "LV"], &["N", "Brīvības 11", "Rīga, LV-1010"]),
        (["Gedimino 9", "Vilnius", "", "LT-01103", "LT"], &["N", "Gedimino 9", "LT-01103 Vilnius"]),
        (
            ["4 Main St", "Ennis", "Co. Clare", "V95 X2Y1", "IE"],
            &["N", "4 Main St", "Ennis", "Co. Clare", "V95 X2Y1"],
        ),
        (["1 Queen St", "Toronto", "ON", "M5H 2N2", "CA"], &["N", "1 Queen St", "Toronto ON M5H 2N2"]),
        (
            ["Reforma 1", "Ciudad de México", "CDMX", "06600", "MX"],
            &["N", "Reforma 1", "06600 Ciudad de México, CDMX"],
        ),
        (["הרצל 12", "תל אביב", "", "6688312", "IL"], &["N", "הרצל 12", "תל אביב 6688312"]),
        (["Саксаганського, 97", "Київ", "", "01032", "UA"], &["N", "Саксаганського, 97", "Київ", "01032"]),
        (
            ["ถนนสุขุมวิท 21", "วัฒนา", "กรุงเทพมหานคร", "10110", "TH"],
            &["N", "ถนนสุขุมวิท 21", "วัฒนา", "กรุงเทพมหานคร 10110"],
        ),
        (
            ["12 Lê Lợi", "Quận 1", "Hồ Chí Minh", "700000", "VN"],
            &["N", "12 Lê Lợi", "Quận 1", "Hồ Chí Minh 700000"],
        ),
        (["信義路五段7號", "信義區", "臺北市", "110", "TW"], &["110", "臺北市信義區", "信義路五段7號", "N"]),
        (["7 Xinyi Rd", "Xinyi", "Taipei", "110", "TW"], &["N", "7 Xinyi Rd", "Xinyi, Taipei 110"]),
        (["彌敦道100號", "尖沙咀", "九龍", "", "HK"], &["九龍", "尖沙咀", "彌敦道100號", "N"]),
        (
            ["100 Nathan Rd", "Tsim Sha Tsui", "Kowloon", "", "HK"],
            &["N", "100 Nathan Rd", "Tsim Sha Tsui", "Kowloon"],
        ),
    ];
    for ([street, city, area, code, country], expected) in cases {
        assert_eq!(written(&[street], city, area, code, country), *expected, "{country}");
    }
}

#[test]
fn what_the_format_has_no_place_for_is_printed_all_the_same() {
    let berlin = written(&["Hauptstr. 1"], "Berlin", "Land Berlin-Ost", "10115", "DE");
    assert_eq!(berlin, ["N", "Hauptstr. 1", "10115 Berlin", "Land Berlin-Ost"]);
    assert_eq!(written(&["Rua 1"], "Macau", "", "", "MO"), ["N", "Rua 1", "Macau"]);
    assert_eq!(
        written(&["1 Orchard Rd"], "Singapore", "", "018956", "SG"),
        ["N", "1 Orchard Rd", "SINGAPORE 018956"]
    );
    assert_eq!(written(&["Sheikh Zayed Rd"], "Dubai", "Dubai", "", "AE"), ["N", "Sheikh Zayed Rd", "Dubai"]);
}

#[test]
fn what_is_missing_leaves_no_marks_behind() {
    assert_eq!(written(&["1 Main St"], "New York", "", "", "US"), ["N", "1 Main St", "New York"]);
    assert_eq!(written(&["1 Main St"], "New York", "", "10001", "US"), ["N", "1 Main St", "New York 10001"]);
    assert_eq!(written(&["Bahnhofstr. 1"], "Zürich", "", "", "CH"), ["N", "Bahnhofstr. 1", "Zürich"]);
    assert_eq!(
        written(&["Bahnhofstr. 1"], "Zürich", "", "CH-8001", "CH"),
        ["N", "Bahnhofstr. 1", "CH-8001 Zürich"]
    );
    assert_eq!(written(&[""], "", "", "", "AX"), ["N", "ÅLAND"]);
}

#[test]
fn an_unnamed_recipient_is_the_customer() {
    let (mut order, shipment) = sample();
    order.shipping_address.recipient = "  ".to_owned();
    order.customer.name = "Ada\tByron".to_owned();
    assert_eq!(addressee(&order, &shipment)[0], "Ada Byron");
}
