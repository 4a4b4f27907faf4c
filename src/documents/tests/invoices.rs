//! Invoices as bytes: the same each time, read back by other programs, and looked at.

use std::fs;
use std::path::PathBuf;

use super::read_back::{codes, missing, run, tools_are_there};
use crate::documents::{self, LOGO_BYTES_MAX, PAGES_MAX, PrintError, check_logo};
use crate::domain::tests::sample::{SampleLine, invoiced, sample, seller};
use crate::domain::{Discount, InvoicePaper, Order, Seller, invoice_paper};

/// Six by three pixels, some of them seen through.
const LOGO: &[u8] = &[
    0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x06, 0x00, 0x00, 0x00, 0x03, 0x08, 0x06, 0x00, 0x00, 0x00, 0xB0, 0x01, 0x7E, 0xFB, 0x00,
    0x00, 0x00, 0x14, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9C, 0x63, 0x10, 0x70, 0x98, 0x10, 0x05, 0xC4, 0xFF,
    0xD1, 0x69, 0x06, 0x92, 0x25, 0x00, 0xF7, 0x02, 0x1B, 0xE2, 0xFC, 0xE5, 0x4B, 0x07, 0x00, 0x00, 0x00,
    0x00, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82,
];

fn paper(order: &Order) -> InvoicePaper {
    paper_of(order, &seller())
}

fn paper_of(order: &Order, seller: &Seller) -> InvoicePaper {
    invoice_paper(order, order.invoices.last().expect("an invoice"), seller)
}

/// An order of so many lines at several rates.
fn long(lines: usize) -> Order {
    let line = |index: usize| -> SampleLine {
        let rate = [190_000, 70_000, 0][index % 3];
        let discount = index.is_multiple_of(7).then_some(Discount::Percent(100_000));
        (i64::try_from(index % 12 + 1).expect("small"), 1_995, discount, rate)
    };
    let lines: Vec<_> = (1..=lines).map(line).collect();
    invoiced(&lines, Some(Discount::Percent(50_000)), 990, false)
}

fn in_locale(locale: &str) -> Order {
    let (mut order, _) = sample();
    order.customer.locale = locale.to_owned();
    order
}

/// To somebody whose name and address are written otherwise.
fn to([name, street, city, code, country]: [&str; 5]) -> Order {
    let (mut order, _) = sample();
    order.customer.name = name.to_owned();
    let address = &mut order.shipping_address;
    address.organization = String::new();
    address.lines = vec![street.to_owned()];
    address.city = city.to_owned();
    address.postal_code = code.to_owned();
    address.country = country.to_owned();
    order
}

fn samples() -> Vec<(&'static str, InvoicePaper)> {
    let with_logo = Seller { logo: LOGO.to_vec(), ..seller() };
    let mut elsewhere = in_locale("de");
    elsewhere.billing_address = Some(elsewhere.shipping_address.clone());
    elsewhere.shipping_address.lines = vec!["Nebenstraße 2".to_owned()];
    elsewhere.external_reference = "PO-2026-0815".to_owned();
    let mut russian = to(["Анна Ахматова", "Литейный проспект, 53", "Санкт-Петербург", "191104", "RU"]);
    russian.customer.locale = "ru".to_owned();
    let chinese = to(["陈大文", "建国路1号", "北京市", "100022", "CN"]);
    let arabic = to(["محمد عبد الله", "شارع الملك فهد ١٢", "الرياض", "12211", "SA"]);
    let mut german = long(40);
    german.customer.locale = "de".to_owned();
    vec![
        ("en", paper(&in_locale("en"))),
        ("de", paper_of(&elsewhere, &with_logo)),
        ("ru", paper(&russian)),
        ("chinese", paper(&chinese)),
        ("arabic", paper(&arabic)),
        ("long", paper(&german)),
        ("nobody", paper_of(&in_locale("en"), &Seller::default())),
    ]
}

#[test]
fn an_invoice_is_the_same_byte_by_byte_each_time_and_loses_nothing() {
    for (name, paper) in samples() {
        let printed = documents::invoice_pdf(&paper).expect("an invoice");
        assert_eq!(documents::invoice_pdf(&paper).expect("the same"), printed, "{name}");
        assert!(printed.bytes.starts_with(b"%PDF-1.7"), "{name}");
        assert!(printed.warnings.is_empty(), "{name}: {:?}", printed.warnings);
        let text = String::from_utf8_lossy(&printed.bytes);
        assert!(text.contains("pdfaid:part>2<") && text.contains("2026-03-02T10:00:00"), "{name}");
    }
}

#[test]
fn invoices_are_read_back_with_all_that_they_say() {
    if !tools_are_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("invoice.pdf");
    for (name, paper) in samples() {
        let printed = documents::invoice_pdf(&paper).expect("an invoice");
        fs::write(&file, &printed.bytes).expect("saved");
        let text = run("pdftotext", &["-layout", file.to_str().expect("a path"), "-"]);
        let rows = paper.rows.iter().flat_map(|it| [&it.item, &it.amount, &it.tax]);
        let sums = paper.sums.iter().flat_map(|it| [&it.name, &it.amount]);
        let named = paper.facts.iter().chain(&paper.payment.account).map(|it| &it.1);
        let addresses = paper.billing_address.iter().chain(&paper.seller_lines);
        let all = rows.chain(sums).chain(named).chain(addresses);
        let all = all.chain(&paper.payment.sentences).chain(paper.taxes.iter().flatten());
        let said: String = all.map(String::as_str).collect();
        assert_eq!(missing(&said, &text), Vec::<char>::new(), "{name}: {text}");
        let pages = printed.pages.to_string();
        let number = paper.page_form.replace("{page}", &pages).replace("{pages}", &pages);
        assert_eq!(missing(&number, &text), Vec::<char>::new(), "{name}");

        let found = codes(&file, printed.pages, folder.path()).join("\n");
        let expected = paper.payment.code.map(|it| format!("QR-Code:{}", it.0)).unwrap_or_default();
        assert_eq!(lines_of(&found), lines_of(&expected), "{name}");
    }
}

/// Sorted, as they come back.
fn lines_of(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().filter(|it| !it.is_empty()).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_thousand_lines_go_over_pages_that_are_counted() {
    let printed = documents::invoice_pdf(&paper(&long(1_000))).expect("an invoice");
    assert!((25..60).contains(&printed.pages), "{} pages", printed.pages);
    assert!(printed.warnings.is_empty());
    let mut endless = paper(&long(1));
    endless.rows = vec![endless.rows[0].clone(); PAGES_MAX * 60 + 1];
    assert_eq!(documents::invoice_pdf(&endless), Err(PrintError::TooManyPages));
    if !tools_are_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("invoice.pdf");
    fs::write(&file, &printed.bytes).expect("saved");
    let text = run("pdftotext", &["-layout", file.to_str().expect("a path"), "-"]);
    for line in 1..=1_000 {
        assert_eq!(text.matches(&format!("SKU-{line:04}")).count(), 1, "line {line}");
    }
    assert!(text.matches("Unit price").count() >= printed.pages - 1);
    assert!(text.contains(&format!("Page {0} of {0}", printed.pages)));
}

#[test]
fn a_logo_is_a_png_of_a_bounded_size() {
    assert_eq!(check_logo(LOGO), Ok(()));
    let mut wide = LOGO.to_vec();
    wide[16..20].copy_from_slice(&5_000_u32.to_be_bytes());
    for (bytes, why) in [
        (b"GIF89a".to_vec(), "has to be a PNG"),
        (Vec::new(), "has to be a PNG"),
        (wide, "at most 1200 pixels on each side, not 5000 x 3"),
        (LOGO[..40].to_vec(), "cannot be read"),
        (vec![0; usize::try_from(LOGO_BYTES_MAX).expect("small") + 1], "at most 262144 bytes"),
    ] {
        let told = check_logo(&bytes).expect_err("refused");
        assert!(told.contains(why), "{told}");
    }
    // One that can be read no more is left out.
    let broken = InvoicePaper { logo: b"nothing".to_vec(), ..paper(&in_locale("en")) };
    assert!(documents::invoice_pdf(&broken).is_ok());
}

/// Writes invoices to the folder that LOOK names, to be looked at.
#[test]
fn invoices_can_be_looked_at() {
    let Ok(folder) = std::env::var("LOOK") else { return };
    for (name, paper) in samples() {
        let printed = documents::invoice_pdf(&paper).expect("an invoice");
        fs::write(PathBuf::from(&folder).join(format!("invoice-{name}.pdf")), printed.bytes).expect("saved");
    }
}
