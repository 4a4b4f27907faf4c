//! The same label for label printers, in ZPL.

use crate::domain::documents::label::{addressee, headline, line, marks_of, measures, wrapped};
use crate::domain::model::order::Order;
use crate::domain::model::shipment::{Package, Shipment};

/// The label in ZPL II for thermal printers of 203 dpi on 4 × 6 inch: one form per package, texts in UTF-8,
/// the tracking number as Code 128.
pub(in crate::domain) fn label_zpl(order: &Order, shipment: &Shipment, tracking_number: &str) -> String {
    let forms = shipment.packages.iter().map(|it| zpl_form(order, shipment, it, tracking_number));
    forms.collect()
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
    for (index, it) in lines.iter().enumerate() {
        form.push_str(&field(40, 170 + index * (size + 2 + size / 6), size, it));
    }

    form.push_str("^FO40,800^GB732,3,3^FS\n");
    form.push_str(&field(40, 815, 28, &measures(package)));
    let marks = marks_of(shipment, package);
    let told = wrapped(&line(&order.special_instructions), 48);
    let told: Vec<String> = Some(marks).filter(|it| !it.is_empty()).into_iter().chain(told).collect();
    let shown = 3.min(told.len());
    for (index, it) in told.iter().take(shown).enumerate() {
        let more = if index + 1 == shown && told.len() > shown { " ..." } else { "" };
        form.push_str(&field(40, 852 + index * 28, 24, &format!("{it}{more}")));
    }
    form.push_str("^FO40,945^GB732,3,3^FS\n");
    form.push_str(&format!(
        "^FO70,965^BY3,2.0,170^BCN,170,Y,N,N^FH_^FD{}^FS\n^XZ\n",
        escaped(tracking_number)
    ));
    form
}

/// One line of text at a place, in dots from the upper left corner.
pub(super) fn field(x: usize, y: usize, height: usize, text: &str) -> String {
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
