//! The shipping label as PDF: a page of A6 per parcel.

use crate::documents::canvas::{self, Align, Canvas, Drawn, POINTS, Shade};
use crate::documents::fonts::{Weight, bold_if_whole};
use crate::documents::paragraph::wrapped;
use crate::documents::printed::{Losses, PAGES_MAX, PrintError, Printed};
use crate::documents::typesetting::{self, Line, Reading, printable};
use crate::domain::{LabelPaper, Parcel};

/// A6 in millimetres.
const WIDTH: f32 = 105.0;
const HEIGHT: f32 = 148.0;

const MARGIN: f32 = 5.0;
const RIGHT: f32 = WIDTH - MARGIN;
const INNER: f32 = WIDTH - 2.0 * MARGIN;

/// Where the parts begin, and how they are divided.
const SERVICE_TOP: f32 = 27.0;
const SERVICE_HEIGHT: f32 = 11.0;
const RECIPIENT_TOP: f32 = 40.0;
const RECIPIENT_HEIGHT: f32 = 45.0;
const FACTS_TOP: f32 = 89.0;
const CODE_TOP: f32 = 116.0;
const CODE_HEIGHT: f32 = 21.0;
const QR_SIDE: f32 = 25.0;

/// Sizes of type for the recipient, in points: the first in which the address has room.
const RECIPIENT_SIZES: [f32; 8] = [15.0, 13.0, 11.5, 10.0, 8.5, 7.0, 5.5, 4.0];

const SENDER_SIZES: [f32; 3] = [8.0, 7.0, 5.5];

const NOTE_SIZES: [f32; 3] = [8.0, 7.0, 6.0];

/// Height of a line as a multiple of its size.
const LEADING: f32 = 1.25;

pub(super) fn pdf(label: &LabelPaper) -> Result<Printed, PrintError> {
    if label.parcels.len() > PAGES_MAX {
        return Err(PrintError::TooManyPages);
    }
    let mut losses = Losses::default();
    let parts = Parts::of(label, &mut losses);
    let mut document = canvas::document(&format!("Shipping label {}", label.tracking_number));
    for parcel in &label.parcels {
        let mut page = canvas::page(&mut document, WIDTH, HEIGHT);
        let mut canvas = Canvas::new(page.surface());
        draw(&mut canvas, label, &parts, parcel, &mut losses);
        canvas.finish();
        page.finish();
    }
    let bytes = canvas::finish(document)?;
    Ok(Printed { bytes, pages: label.parcels.len(), warnings: losses.into_warnings() })
}

/// What is the same on every parcel's label, set once.
struct Parts {
    sender: Block,
    recipient: Block,
    note: Block,
}

impl Parts {
    fn of(label: &LabelPaper, losses: &mut Losses) -> Self {
        let sender = Block::fitting(
            &label.sender,
            First::Bold,
            &SENDER_SIZES,
            (58.0, 16.0),
            "the sender's address is",
            losses,
        );
        let room = (INNER, RECIPIENT_HEIGHT);
        let recipient = Block::fitting(
            &label.recipient,
            First::Bold,
            &RECIPIENT_SIZES,
            room,
            "the recipient's address is",
            losses,
        );
        let room = (INNER - QR_SIDE - 3.0, 15.0);
        let note = [label.instructions.clone()];
        let note = Block::fitting(&note, First::AsOthers, &NOTE_SIZES, room, "the instructions are", losses);
        Self { sender, recipient, note }
    }
}

fn draw(canvas: &mut Canvas<'_>, label: &LabelPaper, parts: &Parts, parcel: &Parcel, losses: &mut Losses) {
    let set = |text: &str, weight, losses: &mut Losses| {
        let text = printable(text, weight, losses);
        typesetting::line(&text, weight, losses)
    };

    // From whom, and which parcel this is.
    let small = set("FROM", Weight::Bold, losses);
    canvas.text((MARGIN, 8.0), 6.0, Shade::Grey, Align::Left, &small);
    parts.sender.draw(canvas, MARGIN, 9.5, 58.0);
    let count = set(&format!("{} / {}", parcel.number, parcel.of), Weight::Bold, losses);
    canvas.text((RIGHT, 12.5), 21.0, Shade::Black, Align::Right, &count);
    let weight = set(&parcel.weight, Weight::Bold, losses);
    canvas.text((RIGHT, 18.5), 11.0, Shade::Black, Align::Right, &weight);
    let size = set(&parcel.size, Weight::Regular, losses);
    canvas.text((RIGHT, 22.8), 7.0, Shade::Black, Align::Right, &size);

    // By whom, and how fast.
    canvas.bar(MARGIN, SERVICE_TOP, INNER, SERVICE_HEIGHT, Shade::Black);
    let baseline = SERVICE_TOP + 7.6;
    let service = set(&label.service, Weight::Bold, losses);
    canvas.text((RIGHT - 3.0, baseline), 17.0, Shade::White, Align::Right, &service);
    let room = INNER - 10.0 - service.width * 17.0 / POINTS;
    let courier = Block::fitting(
        std::slice::from_ref(&label.courier),
        First::Bold,
        &[17.0, 13.0, 10.0, 7.0, 5.0],
        (room, 9.0),
        "the courier's name is",
        losses,
    );
    courier.draw_middle(canvas, MARGIN + 3.0, SERVICE_TOP + SERVICE_HEIGHT / 2.0, Shade::White);

    // To whom.
    let small = set("TO", Weight::Bold, losses);
    canvas.text((MARGIN, RECIPIENT_TOP + 1.5), 6.0, Shade::Grey, Align::Left, &small);
    let marks = set(&parcel.marks, Weight::Bold, losses);
    canvas.text((RIGHT, RECIPIENT_TOP + 1.5), 12.0, Shade::Black, Align::Right, &marks);
    parts.recipient.draw(canvas, MARGIN, RECIPIENT_TOP + 2.5, INNER);

    // What the courier's and the warehouse's people want to know.
    canvas.bar(MARGIN, FACTS_TOP, INNER, 0.4, Shade::Black);
    let headline = set(&label.headline, Weight::Bold, losses);
    canvas.text((MARGIN, FACTS_TOP + 6.0), 9.0, Shade::Black, Align::Left, &headline);
    parts.note.draw(canvas, MARGIN, FACTS_TOP + 8.5, INNER - QR_SIDE - 3.0);
    canvas.qr(&label.tracking_number, RIGHT - QR_SIDE + 2.5, FACTS_TOP + 0.9, QR_SIDE);
    canvas.bar(MARGIN, CODE_TOP - 1.0, INNER, 0.4, Shade::Black);

    let number = set(&label.tracking_number, Weight::Bold, losses);
    if canvas.code_128(&label.tracking_number, 1.0, CODE_TOP + 2.0, WIDTH - 2.0, CODE_HEIGHT) == Drawn::No {
        losses.cut.insert("the tracking number is, as a barcode,");
    }
    canvas.text((WIDTH / 2.0, CODE_TOP + CODE_HEIGHT + 7.5), 13.0, Shade::Black, Align::Center, &number);
}

/// How the first of several lines is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// It says who it is.
    Bold,
    AsOthers,
}

/// Lines that have room in a box.
struct Block {
    lines: Vec<Line>,
    size: f32,
}

impl Block {
    /// As large as possible; in the smallest size, what has no room is cut off.
    fn fitting(
        texts: &[String],
        first: First,
        sizes: &[f32],
        (width, height): (f32, f32),
        what: &'static str,
        losses: &mut Losses,
    ) -> Self {
        let mut block = Self { lines: Vec::new(), size: 0.0 };
        for size in sizes {
            let ems = width * POINTS / size;
            let set = |(index, text): (usize, &String), losses: &mut Losses| {
                let weight = match first {
                    First::Bold if index == 0 => bold_if_whole(text),
                    First::Bold | First::AsOthers => Weight::Regular,
                };
                wrapped(text, weight, ems, losses)
            };
            let lines = texts.iter().enumerate().flat_map(|it| set(it, losses)).collect();
            block = Self { lines, size: *size };
            if block.height() <= height {
                return block;
            }
        }
        while block.height() > height {
            block.lines.pop();
        }
        losses.cut.insert(what);
        block
    }

    fn height(&self) -> f32 {
        self.lines.iter().map(|it| self.step(it)).sum()
    }

    /// From a line to the next one: more for scripts that reach far up and down, such as Burmese.
    fn step(&self, line: &Line) -> f32 {
        LEADING.max(line.height() * 0.7) * self.size / POINTS
    }

    /// Downwards from `y`, at the side where most of it begins to be read.
    fn draw(&self, canvas: &mut Canvas<'_>, x: f32, y: f32, width: f32) {
        let turned = self.lines.iter().filter(|it| it.direction == Reading::RightToLeft).count();
        let (x, align) =
            if turned * 2 > self.lines.len() { (x + width, Align::Right) } else { (x, Align::Left) };
        self.draw_lines(canvas, (x, y), align, Shade::Black);
    }

    fn draw_middle(&self, canvas: &mut Canvas<'_>, x: f32, middle: f32, shade: Shade) {
        self.draw_lines(canvas, (x, middle - self.height() / 2.0), Align::Left, shade);
    }

    fn draw_lines(&self, canvas: &mut Canvas<'_>, (x, top): (f32, f32), align: Align, shade: Shade) {
        let mut y = top;
        for line in &self.lines {
            let step = self.step(line);
            canvas.text((x, y + step * 0.78), self.size, shade, align, line);
            y += step;
        }
    }
}
