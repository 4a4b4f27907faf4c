//! What an invoice is made of below its head: rows, sums and the box about payment, set in type, each with its height.

use crate::documents::canvas::{Align, Canvas, POINTS, Shade};
use crate::documents::fonts::{Weight, bold_if_whole};
use crate::documents::paragraph::wrapped;
use crate::documents::printed::Losses;
use crate::documents::typesetting::{self, Line, printable};
use crate::domain::{InvoiceColumn, InvoicePaper, InvoiceRow, InvoiceSum, PaymentBox, SumWeight};

pub(super) const LEFT: f32 = 20.0;
pub(super) const RIGHT: f32 = 190.0;

/// Sizes of type, in points.
pub(super) const SIZE: f32 = 9.0;
pub(super) const SMALL: f32 = 7.5;

const PADDING: f32 = 1.3;

/// Where the sums stand, beside the taxes.
const SUMS_LEFT: f32 = 120.0;

/// Tax rates that have room beside the sums.
const RATES_BESIDE: usize = 6;

const CODE_SIDE: f32 = 34.0;

/// Something drawn, its position counted from where its piece begins.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    Text { x: f32, baseline: f32, size: f32, shade: Shade, align: Align, line: Line },
    Bar { x: f32, y: f32, width: f32, height: f32, shade: Shade },
    Frame { x: f32, y: f32, width: f32, height: f32 },
    Code { text: String, x: f32, y: f32, side: f32 },
}

impl Mark {
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, top: f32) {
        match self {
            Self::Text { x, baseline, size, shade, align, line } => {
                canvas.text((*x, top + baseline), *size, *shade, *align, line);
            }
            Self::Bar { x, y, width, height, shade } => canvas.bar(*x, top + y, *width, *height, *shade),
            Self::Frame { x, y, width, height } => canvas.frame(*x, top + y, *width, *height),
            Self::Code { text, x, y, side } => {
                canvas.qr(text, *x, top + y, *side);
            }
        }
    }
}

/// A part that no page break comes into.
#[derive(Debug, Clone, Default)]
pub(super) struct Piece {
    pub height: f32,
    pub marks: Vec<Mark>,
    pub keeping: Keeping,
    pub part: Part,
}

/// Whether a page may end after a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Keeping {
    #[default]
    MayEnd,
    WithNext,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Part {
    /// A row of the list: first on a page it has the titles above it.
    Row,
    #[default]
    Other,
}

/// How texts are set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub size: f32,
    pub weight: Weight,
    pub shade: Shade,
    pub align: Align,
}

pub(super) const PLAIN: Style =
    Style { size: SIZE, weight: Weight::Regular, shade: Shade::Black, align: Align::Left };
const BOLD: Style = Style { weight: Weight::Bold, ..PLAIN };
pub(super) const NAME: Style = Style { size: SMALL, shade: Shade::Grey, ..PLAIN };

/// From one line to the next one.
pub(super) fn step(size: f32) -> f32 {
    size * 1.3 / POINTS
}

/// Puts texts below each other from `top` on, and returns where they end. `x` is their left or right end.
pub(super) fn put(
    marks: &mut Vec<Mark>,
    (x, top, width): (f32, f32, f32),
    style: Style,
    text: &str,
    losses: &mut Losses,
) -> f32 {
    let weight = match style.weight {
        Weight::Bold => bold_if_whole(text),
        Weight::Regular => Weight::Regular,
    };
    let step = step(style.size);
    let mut y = top;
    for line in wrapped(text, weight, width * POINTS / style.size, losses) {
        let Style { size, shade, align, .. } = style;
        // Scripts that reach far up and down, such as Burmese, need more.
        let step = step.max(line.height() * 0.72 * size / POINTS);
        marks.push(Mark::Text { x, baseline: y + step * 0.76, size, shade, align, line });
        y += step;
    }
    y
}

/// A text that stays on one line.
pub(super) fn one(text: &str, weight: Weight, losses: &mut Losses) -> Line {
    let text = printable(text, weight, losses);
    typesetting::line(&text, weight, losses)
}

/// A column in its position.
struct Positioned {
    column: InvoiceColumn,
    x: f32,
    width: f32,
}

/// The item has the room that the others leave.
fn positioned(columns: &[InvoiceColumn]) -> Vec<Positioned> {
    const GAP: f32 = 2.5;
    let fixed = |column: &InvoiceColumn| match column {
        InvoiceColumn::Number(_) => Some(9.0),
        InvoiceColumn::Item(_) => None,
        InvoiceColumn::Quantity(_) => Some(16.0),
        InvoiceColumn::UnitPrice(_) | InvoiceColumn::Discount(_) => Some(22.0),
        InvoiceColumn::Tax(_) => Some(13.0),
        InvoiceColumn::Amount(_) => Some(24.0),
    };
    let taken: f32 = columns.iter().filter_map(fixed).map(|it| it + GAP).sum();
    let mut x = LEFT;
    let mut all = Vec::new();
    for column in columns {
        let width = fixed(column).unwrap_or(RIGHT - LEFT - taken);
        all.push(Positioned { column: *column, x, width });
        x += width + GAP;
    }
    all
}

impl Positioned {
    fn style(&self, style: Style) -> (f32, Style) {
        match self.column {
            InvoiceColumn::Number(_) | InvoiceColumn::Item(_) => (self.x, style),
            InvoiceColumn::Quantity(_)
            | InvoiceColumn::UnitPrice(_)
            | InvoiceColumn::Discount(_)
            | InvoiceColumn::Tax(_)
            | InvoiceColumn::Amount(_) => (self.x + self.width, Style { align: Align::Right, ..style }),
        }
    }
}

/// The titles of the columns.
pub(super) fn titles(paper: &InvoicePaper, losses: &mut Losses) -> Piece {
    let mut marks = Vec::new();
    for spot in positioned(&paper.columns) {
        let (InvoiceColumn::Number(title)
        | InvoiceColumn::Item(title)
        | InvoiceColumn::Quantity(title)
        | InvoiceColumn::UnitPrice(title)
        | InvoiceColumn::Discount(title)
        | InvoiceColumn::Tax(title)
        | InvoiceColumn::Amount(title)) = spot.column;
        let (x, style) = spot.style(NAME);
        put(&mut marks, (x, 0.8, spot.width + 2.0), style, title, losses);
    }
    marks.push(rule(LEFT, 5.2, 0.3, Shade::Black));
    Piece { height: 6.0, marks, keeping: Keeping::WithNext, part: Part::Other }
}

pub(super) fn row(paper: &InvoicePaper, row: &InvoiceRow, losses: &mut Losses) -> Piece {
    let mut marks = Vec::new();
    let mut bottom = 0.0_f32;
    for spot in positioned(&paper.columns) {
        let (x, style) = spot.style(PLAIN);
        let text = match spot.column {
            InvoiceColumn::Number(_) => &row.number,
            InvoiceColumn::Item(_) => &row.item,
            InvoiceColumn::Quantity(_) => &row.quantity,
            InvoiceColumn::UnitPrice(_) => &row.unit_price,
            InvoiceColumn::Discount(_) => &row.discount,
            InvoiceColumn::Tax(_) => &row.tax,
            InvoiceColumn::Amount(_) => &row.amount,
        };
        let mut below = put(&mut marks, (x, PADDING, spot.width), style, text, losses);
        if matches!(spot.column, InvoiceColumn::Item(_)) && row.sku != row.item {
            below = put(&mut marks, (x, below, spot.width), NAME, &row.sku, losses);
        }
        bottom = bottom.max(below);
    }
    let height = bottom + PADDING;
    marks.push(rule(LEFT, height - 0.1, 0.15, Shade::Light));
    Piece { height, marks, keeping: Keeping::MayEnd, part: Part::Row }
}

/// Taxes on the left, sums on the right; below each other if there are many rates.
pub(super) fn sums(paper: &InvoicePaper, losses: &mut Losses) -> Vec<Piece> {
    let mut sums = Piece::default();
    let mut y = 2.5;
    for it in &paper.sums {
        y = sum(&mut sums.marks, y, it, losses);
    }
    sums.height = y + 2.0;

    let mut taxes: Vec<Piece> =
        paper.taxes.iter().enumerate().map(|(index, it)| tax_row(index, it, losses)).collect();
    let mut note = Piece { height: 7.0, ..Piece::default() };
    put(&mut note.marks, (LEFT, 1.0, SUMS_LEFT - LEFT - 6.0), NAME, paper.prices_note, losses);
    taxes.push(note);
    if paper.taxes.len() > RATES_BESIDE {
        return std::iter::once(sums).chain(taxes).collect();
    }
    let mut top = 2.5;
    for piece in taxes {
        sums.marks.extend(piece.marks.into_iter().map(|it| moved(it, top)));
        top += piece.height;
    }
    sums.height = sums.height.max(top);
    vec![sums]
}

fn sum(marks: &mut Vec<Mark>, top: f32, sum: &InvoiceSum, losses: &mut Losses) -> f32 {
    let (style, top) = match sum.weight {
        SumWeight::Part => (PLAIN, top),
        SumWeight::Total => {
            marks.push(rule(SUMS_LEFT, top + 0.4, 0.4, Shade::Black));
            (Style { size: 11.0, ..BOLD }, top + 1.6)
        }
    };
    let amount = Style { align: Align::Right, ..style };
    let below = put(marks, (RIGHT, top, 38.0), amount, &sum.amount, losses);
    below.max(put(marks, (SUMS_LEFT, top, RIGHT - SUMS_LEFT - 30.0), style, &sum.name, losses)) + 0.5
}

fn tax_row(index: usize, row: &[String; 4], losses: &mut Losses) -> Piece {
    let mut marks = Vec::new();
    let style = if index == 0 { NAME } else { Style { size: 8.0, ..PLAIN } };
    let right = Style { align: Align::Right, ..style };
    let [rate, base, tax, gross] = row;
    let mut bottom = put(&mut marks, (LEFT, 0.4, 22.0), style, rate, losses);
    for (x, text) in [(LEFT + 42.0, base), (LEFT + 65.0, tax), (LEFT + 88.0, gross)] {
        bottom = bottom.max(put(&mut marks, (x, 0.4, 22.0), right, text, losses));
    }
    if index == 0 {
        marks.push(Mark::Bar { x: LEFT, y: bottom + 0.4, width: 88.0, height: 0.15, shade: Shade::Grey });
        bottom += 0.6;
    }
    Piece { height: bottom + 0.4, marks, ..Piece::default() }
}

fn moved(mark: Mark, down: f32) -> Mark {
    match mark {
        Mark::Text { x, baseline, size, shade, align, line } => {
            Mark::Text { x, baseline: baseline + down, size, shade, align, line }
        }
        Mark::Bar { x, y, width, height, shade } => Mark::Bar { x, y: y + down, width, height, shade },
        Mark::Frame { x, y, width, height } => Mark::Frame { x, y: y + down, width, height },
        Mark::Code { text, x, y, side } => Mark::Code { text, x, y: y + down, side },
    }
}

/// How it is paid, with a frame around it.
pub(super) fn payment(paying: &PaymentBox, losses: &mut Losses) -> Piece {
    const INSET: f32 = 4.0;
    const TOP: f32 = 4.0;
    let mut marks = Vec::new();
    let x = LEFT + INSET;
    let code_left = RIGHT - INSET - CODE_SIDE;
    let right = if paying.code.is_some() { code_left - 3.0 } else { RIGHT - INSET };
    let mut y = put(
        &mut marks,
        (x, TOP + INSET - 1.0, right - x),
        Style { size: 10.0, ..BOLD },
        paying.title,
        losses,
    );
    y += 1.0;
    for (index, it) in paying.sentences.iter().enumerate() {
        let style = if index == 0 { BOLD } else { PLAIN };
        y = put(&mut marks, (x, y, right - x), style, it, losses) + 0.6;
    }
    if !paying.transfer.is_empty() {
        y = put(&mut marks, (x, y + 1.0, right - x), PLAIN, &paying.transfer, losses) + 0.8;
    }
    for (name, value) in &paying.account {
        let named = put(&mut marks, (x, y + 0.5, 34.0), NAME, name, losses);
        y = named.max(put(&mut marks, (x + 35.0, y, right - x - 35.0), BOLD, value, losses)) + 0.3;
    }
    if let Some((text, caption)) = &paying.code {
        let top = TOP + INSET - 2.0;
        marks.push(Mark::Code { text: text.clone(), x: code_left, y: top, side: CODE_SIDE });
        let centered = Style { align: Align::Center, size: 7.0, ..NAME };
        let middle = code_left + CODE_SIDE / 2.0;
        y = y.max(put(&mut marks, (middle, top + CODE_SIDE, CODE_SIDE), centered, caption, losses));
    }
    let height = y + INSET - 1.0;
    marks.push(Mark::Frame { x: LEFT, y: TOP, width: RIGHT - LEFT, height: height - TOP });
    Piece { height, marks, ..Piece::default() }
}

fn rule(x: f32, y: f32, height: f32, shade: Shade) -> Mark {
    Mark::Bar { x, y, width: RIGHT - x, height, shade }
}
