//! Papers read back by programs that are not ours: poppler's pdftoppm and pdftotext make pixels and text of a PDF, its
//! pdfinfo says how large the pages are, zbarimg reads barcodes from the pixels.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use time::macros::date;

use crate::documents;
use crate::domain::tests::sample::{location, sample};
use crate::domain::{
    DocumentKind, Manifest, ManifestEntry, Order, Paper, PaperFacts, Parcel, Rules, ServiceLevel,
    WantedDocument, manifest_paper, shipment_paper,
};

/// Recipient, street, city, area, postal code, country.
const ADDRESSES: [[&str; 6]; 40] = [
    ["Ada Byron", "1 Main Street", "New York", "NY", "10001", "US"],
    ["Zoë Müller", "Hauptstraße 1", "Berlin", "", "10115", "DE"],
    ["Élodie Lefèvre", "12 rue de l’Église", "Paris", "", "75001", "FR"],
    ["Íñigo Muñoz", "Calle Mayor 3", "Madrid", "Madrid", "28013", "ES"],
    ["João Gonçalves", "Rua Augusta 5", "Lisboa", "", "1100-048", "PT"],
    ["Giulia Però", "Via Roma 7", "Roma", "RM", "00184", "IT"],
    ["Łukasz Żółć", "ul. Długa 9", "Kraków", "", "31-147", "PL"],
    ["Jiří Dvořák", "Dlouhá 2", "Praha", "", "110 00", "CZ"],
    ["Kovács Ödön", "Fő utca 1.", "Budapest", "", "1011", "HU"],
    ["Ștefan Țepeș", "Strada Lungă 4", "Brașov", "Brașov", "500051", "RO"],
    ["Åsa Öberg", "Storgatan 6", "Göteborg", "", "411 38", "SE"],
    ["Bjørn Ås", "Storgata 8", "Tromsø", "", "9008", "NO"],
    ["Guðrún Þórsdóttir", "Laugavegur 10", "Reykjavík", "", "101", "IS"],
    ["Jānis Bērziņš", "Brīvības iela 11", "Rīga", "", "LV-1010", "LV"],
    ["Ayşe Yıldız", "İstiklal Caddesi 12", "Beyoğlu", "İstanbul", "34430", "TR"],
    ["Ελένη Παπαδοπούλου", "Οδός Σταδίου 5", "Αθήνα", "", "105 62", "GR"],
    ["Анна Ахматова", "Литейный проспект, 53", "Санкт-Петербург", "", "191104", "RU"],
    ["Леся Українка", "вул. Саксаганського, 97", "Київ", "", "01032", "UA"],
    ["Иван Вазов", "ул. Иван Вазов 10", "София", "", "1000", "BG"],
    ["Абай Құнанбайұлы", "Абай даңғылы 1", "Алматы", "", "050000", "KZ"],
    ["Մարո Մարգարյան", "Մաշտոցի պողոտա 5", "Երևան", "", "0002", "AM"],
    ["ნინო ბერიძე", "რუსთაველის გამზირი 3", "თბილისი", "", "0108", "GE"],
    ["محمد عبد الله", "شارع الملك فهد ١٢", "الرياض", "", "12211", "SA"],
    ["فاطمة الزهراء", "شارع التحرير ٥", "القاهرة", "القاهرة", "11511", "EG"],
    ["محمد علی", "خیابان ولیعصر ۷", "تهران", "تهران", "1193653471", "IR"],
    ["שרה כהן", "רחוב הרצל 12", "תל אביב", "", "6688312", "IL"],
    ["राम शर्मा", "महात्मा गांधी मार्ग 4", "नई दिल्ली", "दिल्ली", "110001", "IN"],
    ["রবীন্দ্রনাথ ঠাকুর", "গুলশান রোড ৮", "ঢাকা", "", "1212", "BD"],
    ["திருவள்ளுவர்", "காலி வீதி 9", "யாழ்ப்பாணம்", "", "40000", "LK"],
    ["สมชาย ใจดี", "ถนนสุขุมวิท 21", "วัฒนา", "กรุงเทพมหานคร", "10110", "TH"],
    ["ສົມສັກ", "ຖະໜົນ ລ້ານຊ້າງ 2", "ວຽງຈັນ", "", "01000", "LA"],
    ["Nguyễn Thị Hằng", "12 Đường Lê Lợi", "Quận 1", "Hồ Chí Minh", "700000", "VN"],
    ["Siti Nurhaliza", "Jalan Ampang 1", "Kuala Lumpur", "", "50450", "MY"],
    ["Budi Santoso", "Jalan Sudirman 5", "Jakarta", "DKI Jakarta", "10210", "ID"],
    ["陈大文", "建国路1号", "朝阳区", "北京市", "100022", "CN"],
    ["陳小明", "信義路五段7號", "信義區", "臺北市", "110", "TW"],
    ["陳大文", "彌敦道100號", "尖沙咀", "九龍", "", "HK"],
    ["山田太郎", "芝公園4-2-8 東京タワー", "港区", "東京都", "105-0011", "JP"],
    ["홍길동", "세종대로 110", "중구", "서울특별시", "04524", "KR"],
    ["አበበ ቢቂላ", "ቦሌ መንገድ 3", "አዲስ አበባ", "", "1000", "ET"],
];

/// An order to one of the addresses, in the nth variant of it.
fn order_to(address: &[&str; 6], variant: usize) -> Order {
    let (mut order, mut shipment) = sample();
    let [recipient, street, city, area, postal_code, country] = address.map(str::to_owned);
    order.shipping_address.recipient = recipient;
    order.shipping_address.lines = vec![street];
    if variant % 2 == 1 {
        order.shipping_address.lines.push(format!("Apt. {variant}"));
    }
    order.shipping_address.city = city;
    order.shipping_address.area = area;
    order.shipping_address.postal_code = postal_code;
    order.shipping_address.country = country;
    order.special_instructions = "Ring twice. ".repeat(variant * 3);
    let number = crate::domain::tests::sample::tracking_number(
        (variant * 41 + order.shipping_address.city.len()) as u64,
    );
    shipment.label.as_mut().expect("a label").tracking_number = number;
    shipment.packages.truncate(1 + variant % 2);
    order.shipments = vec![shipment];
    order
}

fn paper(order: &Order, kind: DocumentKind) -> Paper {
    let rules = Rules { company_name: "Consign & Søn".to_owned(), ..Rules::default() };
    let location = location();
    let facts = PaperFacts { rules: &rules, location: &location, courier: "Falcon Couriers" };
    let wanted = WantedDocument { shipment: order.shipments[0].id, kind, package: None };
    shipment_paper(order, wanted, facts).expect("a paper")
}

#[test]
fn labels_of_forty_countries_are_read_back() {
    if !tools_are_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let variants = if std::env::var_os("TEST_FULL").is_some() { 13 } else { 1 };
    let mut wrong = Vec::new();
    for variant in 0..variants {
        for address in &ADDRESSES {
            let order = order_to(address, variant);
            let paper = paper(&order, DocumentKind::ShippingLabelPdf);
            let Paper::Label(label) = &paper else { panic!("a label") };
            let printed = documents::pdf(&paper).expect("a label");
            assert_eq!(printed, documents::pdf(&paper).expect("the same label"));
            assert_eq!(printed.warnings, Vec::<String>::new());
            let forms = documents::zpl(label).expect("a label");
            assert_eq!(forms.warnings, Vec::<String>::new());
            let number = &label.tracking_number;
            let coded = [number.as_str(), &format!("MA,{number}")].map(str::to_owned);
            assert_eq!(zpl_codes(&forms.bytes), vec![coded; forms.pages], "{} {variant}", address[5]);

            let file = folder.path().join("label.pdf");
            fs::write(&file, &printed.bytes).expect("saved");
            for page in 1..=printed.pages {
                let codes = codes(&file, page, folder.path());
                if codes != [format!("CODE-128:{number}"), format!("QR-Code:{number}")] {
                    wrong.push(format!("{} {variant} page {page}: {codes:?}", address[5]));
                }
            }
            assert_eq!(sizes(&file, printed.pages), vec![A6; printed.pages], "{} {variant}", address[5]);
            let text = run("pdftotext", &[file.to_str().expect("a path"), "-"]);
            for line in
                label.recipient.iter().chain(&label.sender).chain([&label.service, &label.courier, number])
            {
                let missing = missing(line, &text);
                if !missing.is_empty() {
                    wrong.push(format!(
                        "{} {variant}: {missing:?} of {line:?} is not in the text",
                        address[5]
                    ));
                }
            }
            for said in label.parcels.iter().flat_map(|it| unsaid(it, &text)) {
                wrong.push(format!("{} {variant}: {said:?} is not in the text", address[5]));
            }
            if let Some(line) = out_of_order(&label.recipient, &text) {
                wrong.push(format!("{} {variant}: {line:?} is not where the address has it", address[5]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// 105 by 148 millimetres, as pdfinfo says it.
const A6: &str = "297.638 x 419.528 pts";

/// How large each page is.
fn sizes(file: &Path, pages: usize) -> Vec<String> {
    let told = run("pdfinfo", &["-f", "1", "-l", &pages.to_string(), file.to_str().expect("a path")]);
    let sizes = told.lines().filter(|it| it.starts_with("Page ")).filter_map(|it| it.split_once("size:"));
    sizes.map(|(_, size)| size.trim().to_owned()).collect()
}

/// What a text does not say of a parcel: which one of how many it is, and what it weighs. Blanks are the reader's.
fn unsaid(parcel: &Parcel, text: &str) -> Vec<String> {
    let close: String = text.split_whitespace().collect();
    let said = [format!("{}/{}", parcel.number, parcel.of), parcel.weight.replace(' ', "")];
    said.into_iter().filter(|it| !close.contains(it.as_str())).collect()
}

/// What each form has in its Code 128 and in its QR code.
fn zpl_codes(forms: &[u8]) -> Vec<[String; 2]> {
    let forms = std::str::from_utf8(forms).expect("a text");
    let data = |form: &str, command: &str| {
        let mut codes = form.split(command).skip(1);
        let code = codes.next().and_then(|it| it.split_once("^FD")).expect("it has data").1;
        assert!(codes.next().is_none(), "one {command} a form");
        code.split_once("^FS").expect("it ends").0.to_owned()
    };
    forms.split("^XA").skip(1).map(|it| [data(it, "^BCN"), data(it, "^BQN")]).collect()
}

/// The first line that does not follow the one before it. Blanks are the reader's. Of scripts that run from right to left, or
/// whose letters stand around each other, readers disagree on the order.
fn out_of_order<'a>(lines: &'a [String], text: &str) -> Option<&'a str> {
    let stands_alone = |it: char| {
        matches!(it, '\0'..='\u{58F}' | '\u{10A0}'..='\u{13FF}' | '\u{1E00}'..='\u{206F}'
            | '\u{3000}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}')
    };
    if !lines.iter().flat_map(|it| it.chars()).all(stands_alone) {
        return None;
    }
    let close = |it: &str| it.split_whitespace().collect::<String>();
    let text = close(text);
    let mut rest = text.as_str();
    for line in lines {
        match rest.split_once(&close(line)) {
            Some((_, after)) => rest = after,
            None => return Some(line),
        }
    }
    None
}

#[test]
fn sheets_are_read_back_on_all_their_pages() {
    if !tools_are_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut order = order_to(&ADDRESSES[1], 0);
    let shipment = &mut order.shipments[0];
    let item = shipment.items[0].clone();
    shipment.items = (1..=100)
        .map(|line| {
            let mut item = item.clone();
            item.line = line;
            item.sku = format!("SKU-{line:03}").parse().expect("a sku");
            item.description =
                format!("Becher Nr. {line}, ein sehr blauer, mit Henkel und Deckel, für kalte Getränke");
            item.picked = 0;
            item
        })
        .collect();
    shipment.packages[0].contents =
        (1..=100).map(|line| crate::domain::PackedItem { line, quantity: 2 }).collect();

    for kind in [DocumentKind::PackingSlipPdf, DocumentKind::PickListPdf, DocumentKind::ReturnFormPdf] {
        let printed = documents::pdf(&paper(&order, kind)).expect("a sheet");
        assert!(printed.pages > 3 && printed.warnings.is_empty(), "{kind}: {} pages", printed.pages);
        let file = folder.path().join("sheet.pdf");
        fs::write(&file, &printed.bytes).expect("saved");
        assert_eq!(codes(&file, 1, folder.path()), ["CODE-128:100042-1"]);
        let text = run("pdftotext", &["-layout", file.to_str().expect("a path"), "-"]);
        for line in 1..=100 {
            assert_eq!(text.matches(&format!("SKU-{line:03}")).count(), 1, "{kind}, line {line}");
        }
        assert!(text.contains(&format!("Page {0} of {0}", printed.pages)), "{kind}");
    }
}

#[test]
fn a_manifest_is_read_back_on_all_its_pages() {
    if !tools_are_there() {
        return;
    }
    let entry = |number: i32| ManifestEntry {
        shipment: sample().1.id,
        order_number: 100_000 + i64::from(number),
        number: 1,
        tracking_number: format!("JJD{number:010}"),
        service: ServiceLevel::Standard,
        packages: 1,
        weight_grams: 1_250,
        dangerous: number % 10 == 0,
        town: ADDRESSES[(number % 20) as usize][2].to_owned(),
        country: ADDRESSES[(number % 20) as usize][5].to_owned(),
        pickup_at: sample().0.created_at,
    };
    let manifest = Manifest {
        courier: "falcon".parse().expect("a courier"),
        courier_name: "Falcon Couriers".to_owned(),
        location: "KUL-1".parse().expect("a location"),
        location_name: "Kuala Lumpur".to_owned(),
        day: date!(2026 - 11 - 30),
        entries: (1..=100).map(entry).collect(),
    };
    let paper = Paper::Sheet(manifest_paper(&manifest, "Consign & Søn"));
    let printed = documents::pdf(&paper).expect("a manifest");
    assert_eq!(printed, documents::pdf(&paper).expect("the same manifest"));
    assert!(printed.pages > 2 && printed.warnings.is_empty(), "{} {:?}", printed.pages, printed.warnings);

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("manifest.pdf");
    fs::write(&file, &printed.bytes).expect("saved");
    assert_eq!(codes(&file, 1, folder.path()), ["CODE-128:2026-11-30"]);
    let text = run("pdftotext", &["-layout", file.to_str().expect("a path"), "-"]);
    for entry in &manifest.entries {
        assert_eq!(text.matches(&entry.tracking_number).count(), 1, "{}", entry.tracking_number);
    }
    for page in 1..=printed.pages {
        let foot = format!("Page {page} of {}", printed.pages);
        assert_eq!(text.matches(&foot).count(), 1, "{foot}");
    }
}

/// The codes on a page as a label printer of 203 dpi draws it, sorted.
pub(super) fn codes(file: &Path, page: usize, folder: &Path) -> Vec<String> {
    let (page, image) = (page.to_string(), folder.join("page"));
    let path = |it: &Path| it.to_str().expect("a path").to_owned();
    let arguments = ["-r", "203", "-gray", "-png", "-singlefile", "-f", &page, &path(file), &path(&image)];
    run("pdftoppm", &arguments);
    let found = run("zbarimg", &["-q", &path(&image.with_extension("png"))]);
    let mut codes: Vec<_> = found.lines().map(str::to_owned).collect();
    codes.sort();
    codes
}

/// The letters of a line that a text has not, or not as often. Their order is another matter: readers disagree on it where
/// it runs from right to left.
pub(super) fn missing(line: &str, text: &str) -> Vec<char> {
    let mut there: BTreeMap<char, usize> = BTreeMap::new();
    for it in text.chars() {
        *there.entry(it).or_default() += 1;
    }
    let lacks = |it: &char| match there.get_mut(it) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => !it.is_whitespace(),
    };
    let mut lacks = lacks;
    line.chars().filter(|it| lacks(it)).collect()
}

pub(super) fn run(program: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(program).args(arguments).output().unwrap_or_else(|it| panic!("{program}: {it}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Said aloud where they are not, and a failure when `CI` is set.
pub(super) fn tools_are_there() -> bool {
    let is_there = |program: &&str| Command::new(program).arg("--help").output().is_ok();
    let missing: Vec<_> =
        ["pdfinfo", "pdftoppm", "pdftotext", "zbarimg"].into_iter().filter(|it| !is_there(it)).collect();
    assert!(missing.is_empty() || std::env::var_os("CI").is_none(), "{missing:?} must be there in CI");
    if !missing.is_empty() {
        let text = "papers are not read back: install poppler-utils and zbar-tools";
        let _ = writeln!(io::stderr(), "{text} for {missing:?}");
    }
    missing.is_empty()
}
