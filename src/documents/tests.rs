//! Tests of the papers as bytes.

mod invoices;
mod read_back;

use std::fs;
use std::path::PathBuf;

use crate::documents::fonts::{self, Weight};
use crate::documents::paragraph::wrapped;
use crate::documents::picture::picture;
use crate::documents::printed::Losses;
use crate::documents::typesetting::{self, Reading, printable};
use crate::documents::{self, PAGES_MAX, PrintError, zpl};
use crate::domain::{Goods, GoodsList, LabelPaper, Paper, Parcel, SheetKind, SheetPaper};

/// A line of an address in each script that addresses are written in.
const SCRIPTS: &[(&str, &str)] = &[
    ("Latin", "Łukasz Żółć, Đường Nguyễn Huệ, Þingholtsstræti, Ağrı"),
    ("Greek", "Ελευθέριος Βενιζέλος, Οδός Σταδίου 5"),
    ("Cyrillic", "Александр Пушкин, ул. Їжакевича, Ғабит Мүсірепов"),
    ("Arabic", "محمد عبد الله، شارع الملك فهد ١٢"),
    ("Persian", "می‌خواهم، خیابان ولیعصر پلاک ۱۲"),
    ("Urdu", "محمد علی جناح روڈ، کراچی"),
    ("Hebrew", "שרה כהן, רחוב הרצל 12"),
    ("Thai", "สมชาย ใจดี ถนนสุขุมวิท กรุงเทพมหานคร"),
    ("Lao", "ຖະໜົນ ລ້ານຊ້າງ ວຽງຈັນ"),
    ("Khmer", "ផ្លូវ មុនីវង្ស ភ្នំពេញ"),
    ("Burmese", "ရန်ကုန်မြို့ ဗိုလ်ချုပ်အောင်ဆန်းလမ်း"),
    ("Devanagari", "श्री राम शर्मा, नई दिल्ली ११०००१"),
    ("Bengali", "রবীন্দ্রনাথ ঠাকুর, কলকাতা"),
    ("Gurmukhi", "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ, ਅੰਮ੍ਰਿਤਸਰ"),
    ("Gujarati", "મહાત્મા ગાંધી રોડ, અમદાવાદ"),
    ("Odia", "ଜଗନ୍ନାଥ ମନ୍ଦିର, ପୁରୀ"),
    ("Tamil", "திருவள்ளுவர் தெரு, சென்னை"),
    ("Telugu", "శ్రీనివాస రావు, హైదరాబాద్"),
    ("Kannada", "ಮಹಾತ್ಮ ಗಾಂಧಿ ರಸ್ತೆ, ಬೆಂಗಳೂರು"),
    ("Malayalam", "തിരുവനന്തപുരം, കേരളം"),
    ("Sinhala", "ශ්‍රී ජයවර්ධනපුර, කොළඹ"),
    ("Armenian", "Մաշտոցի պողոտա 5, Երևան"),
    ("Georgian", "რუსთაველის გამზირი, თბილისი"),
    ("Amharic", "ቦሌ መንገድ አዲስ አበባ"),
    ("Thaana", "މާލެ، ދިވެހިރާއްޖެ"),
    ("Tifinagh", "ⵜⴰⵎⴰⵣⵉⵖⵜ"),
    ("Inuktitut", "ᐃᖃᓗᐃᑦ ᓄᓇᕗᑦ"),
    ("Chinese", "陈大文 北京市朝阳区建国路1号 臺北市信義區"),
    ("Japanese", "東京都港区芝公園4-2-8 タワー ひかり"),
    ("Korean", "서울특별시 중구 세종대로 110 홍길동"),
];

fn label(recipient: &[&str], parcels: i32) -> LabelPaper {
    let parcel = |number| Parcel {
        number,
        of: usize::try_from(parcels).expect("some"),
        weight: "1.250 kg".to_owned(),
        size: "300 x 200 x 100 mm".to_owned(),
        marks: "DANGEROUS GOODS, FRAGILE".to_owned(),
    };
    LabelPaper {
        tracking_number: "CNK3F07XQ2M91TX".to_owned(),
        courier: "Falcon Couriers".to_owned(),
        service: "EXPRESS".to_owned(),
        headline: "Order 100042, shipment 1".to_owned(),
        sender: vec!["Consign Ltd".to_owned(), "Berlin warehouse".to_owned(), "GERMANY (DE)".to_owned()],
        recipient: recipient.iter().map(|it| (*it).to_owned()).collect(),
        instructions: "Ring twice ^XZ please".to_owned(),
        parcels: (1..=parcels).map(parcel).collect(),
    }
}

fn sheet(kind: SheetKind, lines: usize, description: &str) -> SheetPaper {
    let goods = |index: usize| Goods {
        quantity: i64::try_from(index % 12 + 1).expect("small"),
        sku: format!("SKU-{index:04}"),
        description: format!("{description} {index}"),
        detail: "0.300 kg".to_owned(),
    };
    SheetPaper {
        kind,
        company: "Consign Ltd".to_owned(),
        headline: "Order 100042, shipment 1".to_owned(),
        reference: "100042-1".to_owned(),
        facts: vec![
            ("Order", "100042".to_owned()),
            ("Shipment", "1".to_owned()),
            ("Units", "3".to_owned()),
            ("Packages", "1".to_owned()),
            ("Tracking number", "CNK3F07XQ2M91TX".to_owned()),
        ],
        addresses: vec![
            ("Ship to", vec!["Ada Byron".to_owned(), "1 Main Street".to_owned(), "GERMANY (DE)".to_owned()]),
            ("From", vec!["Consign Ltd".to_owned(), "Berlin warehouse".to_owned()]),
        ],
        lists: vec![GoodsList {
            heading: "Package 1 of 1: 1.250 kg, 300 x 200 x 100 mm".to_owned(),
            goods: (1..=lines).map(goods).collect(),
        }],
        notes: vec!["Anything missing or damaged? Tell us, and name order 100042.".to_owned()],
    }
}

#[test]
fn every_script_is_set_without_a_missing_letter() {
    for weight in [Weight::Regular, Weight::Bold] {
        for (script, text) in SCRIPTS {
            let mut losses = Losses::default();
            let clean = printable(text, weight, &mut losses);
            assert_eq!(clean, *text, "{script}");
            let line = typesetting::line(&clean, weight, &mut losses);
            assert!(losses.characters.is_empty(), "{script}: {:?}", losses.characters);
            assert!(line.runs.iter().flat_map(|it| &it.glyphs).all(|it| it.id != 0), "{script}");
            assert_eq!(line.runs.iter().map(|it| it.text.len()).sum::<usize>(), text.len(), "{script}");
        }
    }
}

#[test]
fn letters_are_joined_and_run_as_their_script_does() {
    let set = |text: &str| typesetting::line(text, Weight::Regular, &mut Losses::default());
    let glyphs = |text: &str| set(text).runs.iter().map(|it| it.glyphs.len()).sum::<usize>();
    assert_eq!(set("שלום").direction, Reading::RightToLeft);
    assert_eq!(set("Ada").direction, Reading::LeftToRight);
    // The letter read first stands last.
    let hebrew = &set("אב").runs[0].glyphs;
    assert!(hebrew[0].range.start > hebrew[1].range.start);
    // Lam and alef are one letter, ka and ssa with a virama another.
    assert_eq!(glyphs("لا"), 1);
    assert_eq!(glyphs("क्ष"), 1);
    // A number within a line from right to left keeps its order.
    let line = set("רחוב 12");
    assert_eq!(line.runs[0].text, "12");
}

#[test]
fn what_no_font_has_is_printed_as_its_code_and_told() {
    let mut losses = Losses::default();
    let clean = printable("Ring 😀\u{FE0F} twice\u{202E}\tor 𒀀", Weight::Regular, &mut losses);
    assert_eq!(clean, "Ring [U+1F600] twice or [U+12000]");
    let printed = documents::pdf(&Paper::Label(label(&["Ada 😀"], 1))).expect("a label");
    assert_eq!(printed.warnings, ["printed as codes, as no font has them: [U+1F600]"]);
    let printed = documents::zpl(&label(&["Ada 😀"], 1)).expect("a label");
    assert_eq!(printed.warnings, ["printed as codes, as no font has them: [U+1F600]"]);
    assert!(String::from_utf8(printed.bytes).expect("text").contains("^FDAda [U+1F600]^FS"));
}

#[test]
fn a_paper_is_the_same_byte_by_byte_each_time() {
    for paper in [
        Paper::Label(label(&["陈大文", "100022 北京市"], 3)),
        Paper::Sheet(sheet(SheetKind::PackingSlip, 100, "Mug, blue")),
        Paper::Sheet(sheet(SheetKind::PickList, 3, "كوب أزرق")),
        Paper::Sheet(sheet(SheetKind::ReturnForm, 3, "青いマグ")),
    ] {
        let (one, other) = (documents::pdf(&paper), documents::pdf(&paper));
        assert!(one == other);
        assert!(one.expect("a paper").bytes.starts_with(b"%PDF-"));
    }
}

#[test]
fn a_label_has_a_page_and_a_form_per_parcel() {
    let label = label(&["Ada Byron", "1 Main Street", "10115 Berlin"], 3);
    assert_eq!(documents::pdf(&Paper::Label(label.clone())).expect("a label").pages, 3);
    let zpl = documents::zpl(&label).expect("a label");
    let text = String::from_utf8(zpl.bytes).expect("text");
    for command in [
        "^XA",
        "^XZ",
        "^CI28",
        "^PW812",
        "^LL1218",
        "^BCN,190,Y,N,N^FH_^FDCNK3F07XQ2M91TX^FS",
        "^BQN,2,7^FH_^FDMA,CNK3F07XQ2M91TX^FS",
    ] {
        assert_eq!(text.matches(command).count(), 3, "{command} in:\n{text}");
    }
    assert!(text.contains("^FD1 / 3^FS") && text.contains("^FD3 / 3^FS"));
    assert!(text.contains("Ring twice _5EXZ please"));
    let many = LabelPaper { parcels: vec![label.parcels[0].clone(); PAGES_MAX + 1], ..label };
    assert_eq!(documents::zpl(&many), Err(PrintError::TooManyPages));
    assert_eq!(documents::pdf(&Paper::Label(many)), Err(PrintError::TooManyPages));
}

#[test]
fn a_long_address_is_set_smaller_and_not_cut() {
    let long = "W".repeat(200);
    let lines = [long.as_str(); 8];
    for printed in [documents::pdf(&Paper::Label(label(&lines, 1))), documents::zpl(&label(&lines, 1))] {
        assert_eq!(printed.expect("a label").warnings, Vec::<String>::new());
    }
    let text = String::from_utf8(documents::zpl(&label(&lines, 1)).expect("a label").bytes).expect("text");
    assert_eq!(text.matches('W').count() - text.matches("^PW").count(), 200 * 8);

    let endless = ["W".repeat(2_000)];
    let endless: Vec<_> = endless.iter().map(String::as_str).collect();
    let printed = documents::pdf(&Paper::Label(label(&endless, 1))).expect("a label");
    assert_eq!(printed.warnings, ["the recipient's address is too long for the paper: the end is cut off"]);
}

#[test]
fn a_printer_gets_letters_that_it_lacks_as_dots() {
    let text = |recipient: &str| {
        let printed = documents::zpl(&label(&[recipient], 1)).expect("a label");
        String::from_utf8(printed.bytes).expect("text")
    };
    assert!(text("Müller, Señor Nuñez").contains("^FDMüller, Señor Nuñez^FS"));
    assert!(!text("Müller").contains("^GFA"));
    for (script, name) in SCRIPTS.iter().filter(|it| it.0 != "Latin") {
        let text = text(name);
        assert!(text.contains("^GFA"), "{script}");
        assert!(!text.contains(name), "{script}");
    }
}

#[test]
fn dots_are_packed_as_printers_unpack_them() {
    for (script, text) in SCRIPTS {
        let mut losses = Losses::default();
        let picture = picture(&typesetting::line(text, Weight::Regular, &mut losses), 46);
        let inked = picture.rows.iter().flatten().map(|it| it.count_ones()).sum::<u32>();
        assert!(inked > 200, "{script} leaves {inked} dots");
        assert_eq!(unpacked(&zpl::packed(&picture), picture.bytes_per_row), picture.rows, "{script}");
    }
}

/// As ZPL says how graphic fields are written.
fn unpacked(data: &str, bytes_per_row: usize) -> Vec<Vec<u8>> {
    let mut rows: Vec<String> = Vec::new();
    let mut row = String::new();
    let mut times = 0;
    for it in data.chars() {
        match it {
            'G'..='Y' => times += usize::try_from(u32::from(it) - u32::from('F')).expect("small"),
            'g'..='z' => times += 20 * usize::try_from(u32::from(it) - u32::from('f')).expect("small"),
            ',' => row.push_str(&"0".repeat(bytes_per_row * 2 - row.len())),
            ':' => row = rows.last().expect("a row before").clone(),
            digit => {
                row.push_str(&digit.to_string().repeat(times.max(1)));
                times = 0;
            }
        }
        if row.len() == bytes_per_row * 2 {
            rows.push(std::mem::take(&mut row));
        }
    }
    assert!(row.is_empty());
    let byte = |row: &str, index| u8::from_str_radix(&row[index * 2..index * 2 + 2], 16).expect("digits");
    rows.iter().map(|row| (0..bytes_per_row).map(|index| byte(row, index)).collect()).collect()
}

#[test]
fn lines_break_where_the_script_allows_and_long_words_where_they_must() {
    let texts = |text: &str, width: f32| -> Vec<String> {
        let lines = wrapped(text, Weight::Regular, width, &mut Losses::default());
        assert!(lines.iter().all(|it| it.width <= width + 0.01), "{text}");
        lines.into_iter().map(|it| it.text).collect()
    };
    assert_eq!(texts("one two three", 4.5), ["one two", "three"]);
    assert_eq!(texts("  ", 4.0), Vec::<String>::new());
    assert_eq!(texts("北京市朝阳区", 4.0), ["北京市朝", "阳区"]);
    assert_eq!(texts("wwwwww kl", 3.0).concat().replace(' ', ""), "wwwwwwkl");
    let thai = texts("กรุงเทพมหานคร", 4.0);
    assert!(thai.len() > 1 && thai.concat() == "กรุงเทพมหานคร", "{thai:?}");
}

#[test]
fn a_sheet_goes_on_over_pages_and_ends_at_a_limit() {
    let pages =
        |lines| documents::pdf(&Paper::Sheet(sheet(SheetKind::PackingSlip, lines, "Mug"))).map(|it| it.pages);
    assert_eq!(pages(3), Ok(1));
    assert_eq!(pages(100), Ok(4));
    assert_eq!(pages(20_000), Err(PrintError::TooManyPages));
}

#[test]
fn every_font_that_is_shipped_is_asked() {
    let shipped = fs::read_dir("assets/fonts").expect("the folder").map(|it| it.expect("an entry").path());
    let fonts: Vec<PathBuf> = shipped.filter(|it| it.extension().is_some_and(|it| it == "ttf")).collect();
    assert_eq!(fonts.len(), fonts::COUNT);
    let bytes: u64 = fonts.iter().map(|it| fs::metadata(it).expect("a file").len()).sum();
    assert!(bytes < 8_000_000, "{bytes} bytes of fonts are built in");
}

/// Writes papers to the folder that LOOK names, to be looked at.
#[test]
fn papers_can_be_looked_at() {
    let Ok(folder) = std::env::var("LOOK") else { return };
    let save = |name: &str, paper: Paper| {
        let printed = documents::pdf(&paper).expect("a paper");
        fs::write(PathBuf::from(&folder).join(format!("{name}.pdf")), printed.bytes).expect("saved");
    };
    for (script, text) in SCRIPTS {
        let lines = [*text, "1 Main Street", "10115 Berlin", "GERMANY (DE)", "Phone +4930901820"];
        save(&format!("label-{script}"), Paper::Label(label(&lines, 1)));
    }
    for (name, kind) in [
        ("slip", SheetKind::PackingSlip),
        ("pick", SheetKind::PickList),
        ("return", SheetKind::ReturnForm),
        ("coming-back", SheetKind::Return),
        ("manifest", SheetKind::Manifest),
    ] {
        save(
            &format!("{name}-3"),
            Paper::Sheet(sheet(
                kind,
                3,
                "Mug, blue, with a handle and a long description that takes a second line",
            )),
        );
        save(&format!("{name}-100"), Paper::Sheet(sheet(kind, 100, "Mug, blue")));
    }
}
