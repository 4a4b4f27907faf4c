//! The shipping label in ZPL II, for thermal printers of 203 dpi on 4 × 6 inch: a form per parcel. The printer draws the
//! codes and plain text; a line with letters that its own font may lack is sent as a picture, never as boxes.

use std::fmt::Write;

use crate::documents::barcodes;
use crate::documents::fonts::Weight;
use crate::documents::paragraph::wrapped;
use crate::documents::picture::{OVERHANG, Picture, baseline, picture};
use crate::documents::printed::{Losses, PAGES_MAX, PrintError, Printed};
use crate::documents::typesetting::{Line, Reading};
use crate::domain::{LabelPaper, Parcel};

/// 4 inch at 203 dots.
const WIDTH: usize = 812;

/// 6 inch at 203 dots.
const HEIGHT: usize = 1218;

const LEFT: usize = 30;
const INNER: usize = WIDTH - 2 * LEFT;
const RIGHT: usize = WIDTH - LEFT;

/// Sizes of the recipient's letters in dots: the first in which the address has room.
const RECIPIENT_SIZES: [usize; 8] = [46, 40, 34, 30, 25, 20, 16, 12];

/// Sizes of the courier's name and the service.
const NAME_SIZES: [usize; 5] = [48, 40, 32, 24, 16];

pub(super) fn forms(label: &LabelPaper) -> Result<Printed, PrintError> {
    if label.parcels.len() > PAGES_MAX {
        return Err(PrintError::TooManyPages);
    }
    let mut losses = Losses::default();
    let same = same_on_all(label, &mut losses);
    let mut forms = String::new();
    for parcel in &label.parcels {
        forms.push_str(&form(parcel, &same));
    }
    Ok(Printed { bytes: forms.into_bytes(), pages: label.parcels.len(), warnings: losses.into_warnings() })
}

fn form(parcel: &Parcel, same: &str) -> String {
    let mut form = format!("^XA\n^CI28\n^PW{WIDTH}\n^LL{HEIGHT}\n^LH0,0\n");
    let mut right = |y, size, text: &str| {
        let text = escaped(text);
        let _ = writeln!(form, "^FO{},{y}^FB250,1,0,R,0^A0N,{size},{size}^FH_^FD{text}^FS", RIGHT - 250);
    };
    right(32, 60, &format!("{} / {}", parcel.number, parcel.of));
    right(104, 36, &parcel.weight);
    right(150, 24, &parcel.size);
    if !parcel.marks.is_empty() {
        let text = escaped(&parcel.marks);
        let _ = writeln!(form, "^FO{LEFT},300^FB{INNER},1,0,R,0^A0N,36,36^FH_^FD{text}^FS");
    }
    form.push_str(same);
    form.push_str("^XZ\n");
    form
}

/// What stands on every parcel's label.
fn same_on_all(label: &LabelPaper, losses: &mut Losses) -> String {
    let mut form = String::new();
    let _ = writeln!(form, "^FO{LEFT},206^GB{INNER},88,88^FS\n^FO{LEFT},740^GB{INNER},3,3^FS");
    let black = |x, y, width, height| Area { x, y, width, height, ink: Ink::Black };
    let white = |x, width| Area { x, y: 216, width, height: 72, ink: Ink::White };
    let one = std::slice::from_ref::<String>;
    let from = ["FROM".to_owned()];
    let blocks: [(Area, &[String], &[usize], &'static str); 7] = [
        (black(LEFT, 28, 470, 24), &from, &[20], "the first word is"),
        (black(LEFT, 54, 470, 140), &label.sender, &[28, 24, 20, 16], "the sender's address is"),
        (white(LEFT + 20, 460), one(&label.courier), &NAME_SIZES, "the courier's name is"),
        (white(RIGHT - 250, 240), one(&label.service), &NAME_SIZES, "the service is"),
        (black(LEFT, 340, INNER, 392), &label.recipient, &RECIPIENT_SIZES, "the recipient's address is"),
        (black(LEFT, 752, 540, 32), one(&label.headline), &[28, 22], "the order's number is"),
        (black(LEFT, 792, 540, 124), one(&label.instructions), &[25, 20, 16], "the instructions are"),
    ];
    for (area, texts, sizes, what) in blocks {
        form.push_str(&block(area, texts, sizes, what, losses));
    }

    let number = escaped(&label.tracking_number);
    let _ = writeln!(form, "^FO{},752^BQN,2,7^FH_^FDMA,{number}^FS", RIGHT - 155);
    let _ = writeln!(form, "^FO{LEFT},928^GB{INNER},3,3^FS");
    match barcodes::code_128(&label.tracking_number).and_then(|(_, modules)| wide(modules)) {
        Some((module, begin)) => {
            let _ = writeln!(form, "^FO{begin},950^BY{module},2.0,190^BCN,190,Y,N,N^FH_^FD{number}^FS");
        }
        None => {
            losses.cut.insert("the tracking number is, as a barcode,");
        }
    }
    form
}

/// Dots of a module of a Code 128, and where it begins so that it stands in the middle.
fn wide(modules: usize) -> Option<(usize, usize)> {
    let fits = |module: &usize| module * (modules + 2 * barcodes::QUIET_128) <= WIDTH;
    let module = [3, 2].into_iter().find(fits)?;
    Some((module, (WIDTH - module * modules) / 2))
}

#[derive(Debug, Clone, Copy)]
struct Area {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    ink: Ink,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ink {
    Black,
    /// On a black field.
    White,
}

/// Lines in the first size in which they have room; what has none in the last one is cut off.
fn block(area: Area, texts: &[String], sizes: &[usize], what: &'static str, losses: &mut Losses) -> String {
    let mut set = (1, Vec::new());
    for size in sizes {
        let ems = area.width as f32 / *size as f32;
        let lines: Vec<Line> =
            texts.iter().flat_map(|it| wrapped(it, Weight::Regular, ems, losses)).collect();
        let fits = lines.len() * step(*size) <= area.height + step(*size) - size;
        set = (*size, lines);
        if fits {
            break;
        }
    }
    let (size, mut lines) = set;
    let room = (area.height + step(size) - size) / step(size);
    if lines.len() > room {
        lines.truncate(room);
        losses.cut.insert(what);
    }
    let turned = lines.iter().filter(|it| it.direction == Reading::RightToLeft).count() * 2 > lines.len();
    let fields = lines.iter().enumerate().map(|(index, line)| {
        let width = (line.width * size as f32).ceil() as usize;
        let x = if turned { (area.x + area.width).saturating_sub(width) } else { area.x };
        field(x, area.y + index * step(size), size, line, area.ink)
    });
    fields.collect()
}

fn step(size: usize) -> usize {
    size + size / 5
}

/// A line at its upper left corner.
fn field(x: usize, y: usize, size: usize, line: &Line, ink: Ink) -> String {
    let reversed = match ink {
        Ink::Black => "",
        Ink::White => "^FR",
    };
    if line.text.chars().all(|it| matches!(it, ' '..='~' | '\u{A0}'..='\u{FF}')) {
        return format!("^FO{x},{y}{reversed}^A0N,{size},{size}^FH_^FD{}^FS\n", escaped(&line.text));
    }
    let (blank, picture) = picture(line, size).trimmed();
    // The letters of the printer's font stand four fifths of their height above the baseline.
    let top = (y + size * 4 / 5 + blank).saturating_sub(baseline(size));
    let left = x.saturating_sub(OVERHANG);
    let total = picture.bytes_per_row * picture.rows.len();
    let data = packed(&picture);
    format!("^FO{left},{top}{reversed}^GFA,{total},{total},{},{data}^FS\n", picture.bytes_per_row)
}

/// Rows in hexadecimal digits, shortened as ZPL allows: a letter before a digit says how often it stands there, `,` is
/// nothing up to the end of the row, `:` the row before once more.
pub(super) fn packed(picture: &Picture) -> String {
    let mut data = String::new();
    let mut before: Option<&Vec<u8>> = None;
    for row in &picture.rows {
        if before == Some(row) {
            data.push(':');
            continue;
        }
        before = Some(row);
        let digits: String = row.iter().map(|it| format!("{it:02X}")).collect();
        let inked = digits.trim_end_matches('0');
        let mut rest = inked;
        while let Some(digit) = rest.chars().next() {
            let times = rest.chars().take_while(|it| *it == digit).count();
            repeat(&mut data, times);
            data.push(digit);
            rest = &rest[times..];
        }
        if inked.len() < digits.len() {
            data.push(',');
        }
    }
    data
}

/// `G` to `Y` stand for 1 to 19, `g` to `z` for 20, 40 … 400: more than a row of the label has digits.
fn repeat(data: &mut String, times: usize) {
    let letter = |first: u8, nth: usize| char::from(first + u8::try_from(nth - 1).unwrap_or(0));
    if times >= 20 {
        data.push(letter(b'g', times / 20));
    }
    if times > 1 && !times.is_multiple_of(20) {
        data.push(letter(b'G', times % 20));
    }
}

/// With `^FH_` a byte can be written as `_` and two hexadecimal digits: needed for what ZPL takes for
/// commands (`^`, `~`) and for `_` itself, and done for `\`, which some firmware takes for an escape of its
/// own.
pub(super) fn escaped(text: &str) -> String {
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
