//! What a sheet of A4 is made of: its parts, set in type, each with its height, in the order in which they follow.

use crate::documents::canvas::POINTS;
use crate::documents::fonts::Weight;
use crate::documents::paragraph::wrapped;
use crate::documents::printed::Losses;
use crate::documents::typesetting::Line;
use crate::domain::{Goods, SheetKind, SheetPaper};

/// A4 in millimetres.
pub(super) const WIDTH: f32 = 210.0;
pub(super) const HEIGHT: f32 = 297.0;

pub(super) const LEFT: f32 = 18.0;
pub(super) const RIGHT: f32 = WIDTH - LEFT;

/// Size of most of the type, in points.
pub(super) const SIZE: f32 = 9.5;

/// Between the baselines of two lines, in millimetres.
pub(super) const STEP: f32 = SIZE * 1.3 / POINTS;

/// Above and below the text of a row.
pub(super) const PADDING: f32 = 1.3;

/// Room for what is written by hand.
const HAND: f32 = 8.5;

/// A column of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Column {
    pub title: &'static str,
    pub x: f32,
    pub width: f32,
    pub content: Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A box to be ticked.
    Tick,
    /// A box to be written in.
    Blank,
    /// Right-aligned.
    Quantity,
    Sku,
    Description,
    /// Right-aligned.
    Detail,
}

pub(super) fn title(kind: SheetKind) -> &'static str {
    match kind {
        SheetKind::PackingSlip => "Packing slip",
        SheetKind::PickList => "Pick list",
        SheetKind::ReturnForm | SheetKind::Return => "Return form",
        SheetKind::Manifest => "Manifest",
    }
}

pub(super) fn columns(kind: SheetKind) -> &'static [Column] {
    const fn column(title: &'static str, x: f32, width: f32, content: Content) -> Column {
        Column { title, x, width, content }
    }
    match kind {
        SheetKind::PackingSlip => {
            const {
                &[
                    column("Units", 18.0, 12.0, Content::Quantity),
                    column("Article", 35.0, 48.0, Content::Sku),
                    column("Description", 87.0, 105.0, Content::Description),
                ]
            }
        }
        SheetKind::PickList => {
            const {
                &[
                    column("", 18.0, 5.0, Content::Tick),
                    column("Units", 25.0, 12.0, Content::Quantity),
                    column("Article", 42.0, 45.0, Content::Sku),
                    column("Description", 91.0, 78.0, Content::Description),
                    column("Weight each", 171.0, 21.0, Content::Detail),
                ]
            }
        }
        SheetKind::ReturnForm => {
            const {
                &[
                    column("Article", 18.0, 42.0, Content::Sku),
                    column("Description", 64.0, 68.0, Content::Description),
                    column("Sent", 134.0, 12.0, Content::Quantity),
                    column("Returned", 152.0, 17.0, Content::Blank),
                    column("Reason", 175.0, 17.0, Content::Blank),
                ]
            }
        }
        SheetKind::Return => {
            const {
                &[
                    column("", 18.0, 5.0, Content::Tick),
                    column("Units", 25.0, 12.0, Content::Quantity),
                    column("Article", 42.0, 45.0, Content::Sku),
                    column("Description", 91.0, 68.0, Content::Description),
                    column("Reason", 162.0, 30.0, Content::Detail),
                ]
            }
        }
        SheetKind::Manifest => {
            const {
                &[
                    column("", 18.0, 5.0, Content::Tick),
                    column("Parcels", 25.0, 14.0, Content::Quantity),
                    column("Tracking number", 44.0, 45.0, Content::Sku),
                    column("To", 93.0, 74.0, Content::Description),
                    column("Weight", 171.0, 21.0, Content::Detail),
                ]
            }
        }
    }
}

/// One piece of a sheet; no page break comes into it.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub height: f32,
    pub shape: Shape,
    pub keeping: Keeping,
}

/// Whether a page may end after a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    MayEnd,
    WithNext,
}

#[derive(Debug, Clone)]
pub(super) enum Shape {
    Gap,
    Heading(Vec<Line>),
    /// Titles of the columns; repeated on each page that a list goes on to.
    Titles,
    /// The lines of each column.
    Row(Vec<Vec<Line>>),
    Text(Line),
}

/// The lists and notes of a sheet.
pub(super) fn pieces(sheet: &SheetPaper, losses: &mut Losses) -> Vec<Piece> {
    let mut all = Vec::new();
    for list in &sheet.lists {
        if !list.heading.is_empty() {
            let lines = set(&list.heading, Weight::Bold, RIGHT - LEFT, losses);
            let height = lines.len() as f32 * STEP + 2.5;
            all.push(Piece { height, shape: Shape::Heading(lines), keeping: Keeping::WithNext });
        }
        all.push(Piece { height: 6.0, shape: Shape::Titles, keeping: Keeping::WithNext });
        all.extend(list.goods.iter().map(|it| row(sheet.kind, it, losses)));
        all.push(Piece { height: 5.0, shape: Shape::Gap, keeping: Keeping::MayEnd });
    }
    for note in &sheet.notes {
        let lines = set(note, Weight::Regular, RIGHT - LEFT, losses);
        let text = |it| Piece { height: STEP, shape: Shape::Text(it), keeping: Keeping::MayEnd };
        all.extend(lines.into_iter().map(text));
        all.push(Piece { height: 2.0, shape: Shape::Gap, keeping: Keeping::MayEnd });
    }
    all
}

fn row(kind: SheetKind, goods: &Goods, losses: &mut Losses) -> Piece {
    let mut cells = Vec::new();
    let mut height = STEP;
    for column in columns(kind) {
        let lines = match column.content {
            Content::Tick => Vec::new(),
            Content::Blank => {
                height = height.max(HAND - 2.0 * PADDING);
                Vec::new()
            }
            Content::Quantity => set(&goods.quantity.to_string(), Weight::Bold, column.width, losses),
            Content::Sku => set(&goods.sku, Weight::Bold, column.width, losses),
            Content::Description => set(&goods.description, Weight::Regular, column.width, losses),
            Content::Detail => set(&goods.detail, Weight::Regular, column.width, losses),
        };
        height = height.max(lines.len() as f32 * STEP);
        cells.push(lines);
    }
    Piece { height: height + 2.0 * PADDING, shape: Shape::Row(cells), keeping: Keeping::MayEnd }
}

/// In lines of this many millimetres.
pub(super) fn set(text: &str, weight: Weight, width: f32, losses: &mut Losses) -> Vec<Line> {
    wrapped(text, weight, width * POINTS / SIZE, losses)
}
