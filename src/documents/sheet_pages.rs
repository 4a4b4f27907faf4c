//! Packing slips, pick lists and return forms as PDF: divided into pages of A4 and drawn.

use crate::documents::canvas::{self, Align, Canvas, POINTS, Shade};
use crate::documents::fonts::Weight;
use crate::documents::paragraph::wrapped;
use crate::documents::printed::{Losses, PAGES_MAX, PrintError, Printed};
use crate::documents::sheet::{
    Content, HEIGHT, Keeping, LEFT, PADDING, Piece, RIGHT, SIZE, STEP, Shape, WIDTH, columns, pieces, set,
    title,
};
use crate::documents::typesetting::{self, Line, Reading, printable};
use crate::domain::{SheetKind, SheetPaper};

/// Where pages end, and where those after the first begin.
const BOTTOM: f32 = HEIGHT - 20.0;
const NEXT_TOP: f32 = 24.0;

const HEAD_BOTTOM: f32 = 38.0;

/// Rows of a page at most.
const ROWS_OF_PAGE: usize = 40;

/// Facts that stand beside each other.
const FACTS_IN_ROW: usize = 4;

pub(super) fn pdf(sheet: &SheetPaper) -> Result<Printed, PrintError> {
    // Not even the lines of one row each would have room.
    if sheet.lists.iter().map(|it| it.goods.len()).sum::<usize>() > PAGES_MAX * ROWS_OF_PAGE {
        return Err(PrintError::TooManyPages);
    }
    let mut losses = Losses::default();
    let head = Head::of(sheet, &mut losses);
    let pages = paged(pieces(sheet, &mut losses), head.bottom);
    if pages.len() > PAGES_MAX {
        return Err(PrintError::TooManyPages);
    }

    let mut document = canvas::document(&format!("{} {}", title(sheet.kind), sheet.reference));
    for (index, page) in pages.iter().enumerate() {
        let mut sheet_page = canvas::page(&mut document, WIDTH, HEIGHT);
        let mut canvas = Canvas::new(sheet_page.surface());
        if index == 0 {
            head.draw(&mut canvas, sheet, &mut losses);
        } else {
            draw_running_head(&mut canvas, sheet, &mut losses);
        }
        for (y, piece) in page {
            draw_piece(&mut canvas, sheet.kind, *y, piece, &mut losses);
        }
        draw_foot(&mut canvas, sheet, (index + 1, pages.len()), &mut losses);
        canvas.finish();
        sheet_page.finish();
    }
    let bytes = canvas::finish(document)?;
    Ok(Printed { bytes, pages: pages.len(), warnings: losses.into_warnings() })
}

type Page = Vec<(f32, Piece)>;

/// Puts pieces on pages: what is kept together is, and a list that goes on has its titles again.
fn paged(pieces: Vec<Piece>, first_top: f32) -> Vec<Page> {
    let (mut pages, mut page) = (Vec::new(), Page::new());
    let mut y = first_top;
    let mut rest = pieces.as_slice();
    while !rest.is_empty() {
        let kept = rest.iter().take_while(|it| it.keeping == Keeping::WithNext).count() + 1;
        let (together, after) = rest.split_at(kept.min(rest.len()));
        let height: f32 = together.iter().map(|it| it.height).sum();
        let is_gap = matches!(together[0].shape, Shape::Gap);
        if y + height > BOTTOM && !is_gap {
            pages.push(std::mem::take(&mut page));
            y = NEXT_TOP;
            if matches!(together[0].shape, Shape::Row(_)) {
                let titles = Piece { height: 6.0, shape: Shape::Titles, keeping: Keeping::WithNext };
                y = put(&mut page, y, titles);
            }
        }
        for piece in together {
            y = put(&mut page, y, piece.clone());
        }
        rest = after;
    }
    pages.push(page);
    pages
}

fn put(page: &mut Page, y: f32, piece: Piece) -> f32 {
    let below = y + piece.height;
    page.push((y, piece));
    below
}

/// The head of the first page: facts and addresses, set in type.
struct Head {
    facts: Vec<(Line, Vec<Line>)>,
    facts_height: f32,
    addresses: Vec<(Line, Vec<Line>)>,
    bottom: f32,
}

impl Head {
    fn of(sheet: &SheetPaper, losses: &mut Losses) -> Self {
        let fact_width = (RIGHT - LEFT) / FACTS_IN_ROW as f32 - 3.0;
        let facts: Vec<_> = sheet
            .facts
            .iter()
            .map(|(name, value)| {
                (one(name, Weight::Regular, losses), set(value, Weight::Bold, fact_width, losses))
            })
            .collect();
        let heights = facts.chunks(FACTS_IN_ROW).map(fact_row_height);
        let facts_height: f32 = heights.sum();

        let width = (RIGHT - LEFT) / 2.0 - 4.0;
        let address = |(name, lines): &(&'static str, Vec<String>), losses: &mut Losses| {
            let set = lines.iter().flat_map(|it| set(it, Weight::Regular, width, losses));
            let set = set.collect::<Vec<_>>();
            (one(name, Weight::Bold, losses), set)
        };
        let addresses: Vec<_> = sheet.addresses.iter().map(|it| address(it, losses)).collect();
        let lines = addresses.iter().map(|it| it.1.len()).max().unwrap_or(0);
        let addresses_height = if lines == 0 { 0.0 } else { 9.0 + lines as f32 * STEP };

        let bottom = HEAD_BOTTOM + 4.0 + facts_height + addresses_height + 5.0;
        Self { facts, facts_height, addresses, bottom }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, sheet: &SheetPaper, losses: &mut Losses) {
        let company = wrapped(&sheet.company, Weight::Bold, 100.0 * POINTS / 11.0, losses);
        if let Some(company) = company.first() {
            canvas.text((LEFT, 19.0), 11.0, Shade::Grey, Align::Left, company);
        }
        canvas.text(
            (LEFT, 31.0),
            24.0,
            Shade::Black,
            Align::Left,
            &one(title(sheet.kind), Weight::Bold, losses),
        );
        canvas.code_128(&sheet.reference, RIGHT - 61.0, 14.0, 66.0, 13.0);
        let reference = one(&sheet.reference, Weight::Regular, losses);
        canvas.text((RIGHT - 28.0, 31.5), 9.0, Shade::Black, Align::Center, &reference);
        canvas.bar(LEFT, HEAD_BOTTOM - 2.0, RIGHT - LEFT, 0.5, Shade::Black);

        let mut y = HEAD_BOTTOM + 3.0;
        let column = (RIGHT - LEFT) / FACTS_IN_ROW as f32;
        for row in self.facts.chunks(FACTS_IN_ROW) {
            for (index, (name, value)) in row.iter().enumerate() {
                let x = LEFT + column * index as f32;
                canvas.text((x, y), 7.0, Shade::Grey, Align::Left, name);
                draw_lines(canvas, (x, y + STEP), value);
            }
            y += fact_row_height(row);
        }

        let top = HEAD_BOTTOM + 6.0 + self.facts_height;
        for (index, (name, lines)) in self.addresses.iter().enumerate() {
            let x = LEFT + (RIGHT - LEFT) / 2.0 * index as f32;
            canvas.text((x, top), 8.0, Shade::Grey, Align::Left, name);
            let turned = lines.iter().filter(|it| it.direction == Reading::RightToLeft).count();
            if turned * 2 > lines.len() {
                let right = x + (RIGHT - LEFT) / 2.0 - 8.0;
                for (line, it) in lines.iter().enumerate() {
                    let baseline = top + 1.0 + STEP * (line as f32 + 1.0);
                    canvas.text((right, baseline), SIZE, Shade::Black, Align::Right, it);
                }
            } else {
                draw_lines(canvas, (x, top + 1.0 + STEP), lines);
            }
        }
    }
}

fn fact_row_height(row: &[(Line, Vec<Line>)]) -> f32 {
    5.5 + row.iter().map(|it| it.1.len()).max().unwrap_or(0) as f32 * STEP
}

fn draw_piece(canvas: &mut Canvas<'_>, kind: SheetKind, y: f32, piece: &Piece, losses: &mut Losses) {
    match &piece.shape {
        Shape::Gap => {}
        Shape::Heading(lines) => draw_lines(canvas, (LEFT, y + STEP * 0.8), lines),
        Shape::Text(line) => draw_lines(canvas, (LEFT, y + STEP * 0.8), std::slice::from_ref(line)),
        Shape::Titles => {
            for column in columns(kind) {
                let name = one(column.title, Weight::Regular, losses);
                let (x, align) = side(column.x, column.width, column.content);
                canvas.text((x, y + 3.6), 7.0, Shade::Grey, align, &name);
            }
            canvas.bar(LEFT, y + 5.2, RIGHT - LEFT, 0.3, Shade::Black);
        }
        Shape::Row(cells) => {
            for (column, lines) in columns(kind).iter().zip(cells) {
                let (x, align) = side(column.x, column.width, column.content);
                match column.content {
                    Content::Tick => canvas.frame(column.x, y + PADDING + 0.1, 3.9, 3.9),
                    Content::Blank => canvas.frame(column.x, y + 1.2, column.width, piece.height - 2.4),
                    Content::Quantity | Content::Sku | Content::Description | Content::Detail => {
                        for (index, line) in lines.iter().enumerate() {
                            let baseline = y + PADDING + STEP * (index as f32 + 0.76);
                            canvas.text((x, baseline), SIZE, Shade::Black, align, line);
                        }
                    }
                }
            }
            canvas.bar(LEFT, y + piece.height - 0.1, RIGHT - LEFT, 0.15, Shade::Light);
        }
    }
}

/// Where a column's text is aligned.
fn side(x: f32, width: f32, content: Content) -> (f32, Align) {
    match content {
        Content::Quantity | Content::Detail => (x + width, Align::Right),
        Content::Tick | Content::Blank | Content::Sku | Content::Description => (x, Align::Left),
    }
}

fn draw_running_head(canvas: &mut Canvas<'_>, sheet: &SheetPaper, losses: &mut Losses) {
    let left = one(title(sheet.kind), Weight::Bold, losses);
    canvas.text((LEFT, 15.0), 10.0, Shade::Black, Align::Left, &left);
    let right = one(&sheet.headline, Weight::Regular, losses);
    canvas.text((RIGHT, 15.0), SIZE, Shade::Black, Align::Right, &right);
    canvas.bar(LEFT, 18.0, RIGHT - LEFT, 0.5, Shade::Black);
}

fn draw_foot(canvas: &mut Canvas<'_>, sheet: &SheetPaper, (page, of): (usize, usize), losses: &mut Losses) {
    let baseline = HEIGHT - 11.0;
    let left = one(&sheet.headline, Weight::Regular, losses);
    canvas.text((LEFT, baseline), 7.5, Shade::Grey, Align::Left, &left);
    let right = one(&format!("Page {page} of {of}"), Weight::Regular, losses);
    canvas.text((RIGHT, baseline), 7.5, Shade::Grey, Align::Right, &right);
}

fn draw_lines(canvas: &mut Canvas<'_>, (x, baseline): (f32, f32), lines: &[Line]) {
    for (index, line) in lines.iter().enumerate() {
        canvas.text((x, baseline + STEP * index as f32), SIZE, Shade::Black, Align::Left, line);
    }
}

/// A text that stays on one line.
fn one(text: &str, weight: Weight, losses: &mut Losses) -> Line {
    let text = printable(text, weight, losses);
    typesetting::line(&text, weight, losses)
}
