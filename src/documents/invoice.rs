//! The invoice as PDF, A4: its head with the address where the window of an envelope is, its foot, and its pages.

use krilla::image::Image;

use crate::documents::canvas::{self, Align, Canvas, POINTS, Shade};
use crate::documents::fonts::{Weight, bold_if_whole};
use crate::documents::invoice_parts::{
    Keeping, LEFT, Mark, NAME, PLAIN, Part, Piece, RIGHT, SIZE, SMALL, Style, one, payment, put, row, step,
    sums, titles,
};
use crate::documents::logo;
use crate::documents::printed::{Losses, PAGES_MAX, PrintError, Printed};
use crate::documents::typesetting::Reading;
use crate::domain::InvoicePaper;

/// A4 in millimetres.
const WIDTH: f32 = 210.0;
const HEIGHT: f32 = 297.0;

/// Where pages after the first begin.
const NEXT_TOP: f32 = 25.0;

/// Rows that a page can have at most, and more.
const ROWS_OF_PAGE: usize = 60;

/// What is beside the customer's address: the seller above, facts below.
const BESIDE: f32 = 122.0;

const ADDRESS_TOP: f32 = 52.0;

pub(super) fn pdf(paper: &InvoicePaper) -> Result<Printed, PrintError> {
    if paper.rows.len() > PAGES_MAX * ROWS_OF_PAGE {
        return Err(PrintError::TooManyPages);
    }
    let mut losses = Losses::default();
    let head = head(paper, &mut losses);
    let foot = foot(paper, &mut losses);
    let bottom = HEIGHT - 12.0 - foot.height;
    let titles = titles(paper, &mut losses);
    let pages = paged(pieces(paper, &titles, &mut losses), &titles, head.height, bottom);
    if pages.len() > PAGES_MAX {
        return Err(PrintError::TooManyPages);
    }

    let logo = logo::image(&paper.logo);
    let mut document = canvas::archival_document(&paper.title, paper.language, paper.issued_unix_seconds);
    for (index, page) in pages.iter().enumerate() {
        let mut sheet = canvas::page(&mut document, WIDTH, HEIGHT);
        let mut canvas = Canvas::new(sheet.surface());
        if index == 0 {
            head.marks.iter().for_each(|it| it.draw(&mut canvas, 0.0));
            draw_logo(&mut canvas, paper, logo.as_ref(), &mut losses);
        } else {
            draw_running_head(&mut canvas, paper, &mut losses);
        }
        for (y, piece) in page {
            piece.marks.iter().for_each(|it| it.draw(&mut canvas, *y));
        }
        foot.marks.iter().for_each(|it| it.draw(&mut canvas, HEIGHT - 8.0 - foot.height));
        let number = paper.page_form.replace("{pages}", &pages.len().to_string());
        let number = number.replace("{page}", &(index + 1).to_string());
        let number = one(&number, Weight::Regular, &mut losses);
        canvas.text((RIGHT, HEIGHT - 7.0), SMALL, Shade::Grey, Align::Right, &number);
        canvas.finish();
        sheet.finish();
    }
    let bytes = canvas::finish(document)?;
    Ok(Printed { bytes, pages: pages.len(), warnings: losses.into_warnings() })
}

fn pieces(paper: &InvoicePaper, titles: &Piece, losses: &mut Losses) -> Vec<Piece> {
    let mut all = vec![titles.clone()];
    all.extend(paper.rows.iter().map(|it| row(paper, it, losses)));
    // The sums do not stand on a page alone.
    if let Some(last) = all.last_mut() {
        last.keeping = Keeping::WithNext;
    }
    all.extend(sums(paper, losses));
    all.push(payment(&paper.payment, losses));
    all
}

type Page = Vec<(f32, Piece)>;

/// Puts pieces on pages: what is kept together is, and a list that goes on has its titles again.
fn paged(pieces: Vec<Piece>, titles: &Piece, first_top: f32, bottom: f32) -> Vec<Page> {
    let (mut pages, mut page) = (Vec::new(), Page::new());
    let mut y = first_top;
    let mut rest = pieces.as_slice();
    while !rest.is_empty() {
        let kept = rest.iter().take_while(|it| it.keeping == Keeping::WithNext).count() + 1;
        let (together, after) = rest.split_at(kept.min(rest.len()));
        let height: f32 = together.iter().map(|it| it.height).sum();
        if y + height > bottom && !page.is_empty() {
            pages.push(std::mem::take(&mut page));
            y = NEXT_TOP;
            if together[0].part == Part::Row {
                y = set_down(&mut page, y, titles);
            }
        }
        for piece in together {
            y = set_down(&mut page, y, piece);
        }
        rest = after;
    }
    pages.push(page);
    pages
}

fn set_down(page: &mut Page, y: f32, piece: &Piece) -> f32 {
    let below = y + piece.height;
    page.push((y, piece.clone()));
    below
}

/// The head of the first page, from its upper edge to where the list begins.
fn head(paper: &InvoicePaper, losses: &mut Losses) -> Piece {
    let mut marks = Vec::new();
    let beside = RIGHT - BESIDE;
    let mut y = 14.0;
    if !paper.logo.is_empty() {
        y = put(
            &mut marks,
            (BESIDE, y, beside),
            Style { weight: Weight::Bold, ..PLAIN },
            &paper.seller,
            losses,
        );
    }
    let small = Style { size: 8.0, shade: Shade::Grey, ..PLAIN };
    for it in &paper.seller_lines {
        y = put(&mut marks, (BESIDE, y, beside), small, it, losses);
    }

    let mut facts = y.max(ADDRESS_TOP - 3.0) + 3.0;
    for (name, value) in &paper.facts {
        let named = put(&mut marks, (BESIDE, facts + 0.4, 31.0), NAME, name, losses);
        let value = put(&mut marks, (BESIDE + 32.0, facts, beside - 32.0), PLAIN, value, losses);
        facts = named.max(value) + 0.4;
    }

    sender(&mut marks, &paper.sender, losses);
    let mut address =
        block(&mut marks, (LEFT, ADDRESS_TOP + 2.0, 85.0), 10.0, &paper.billing_address, losses);
    if !paper.delivery_address.is_empty() {
        address = put(&mut marks, (LEFT, address + 3.0, 85.0), NAME, paper.delivery_title, losses);
        address = block(&mut marks, (LEFT, address, 85.0), 8.0, &paper.delivery_address, losses);
    }

    let top = address.max(facts).max(ADDRESS_TOP + 32.0) + 6.0;
    let title = Style { size: 17.0, weight: Weight::Bold, ..PLAIN };
    let height = put(&mut marks, (LEFT, top, RIGHT - LEFT), title, &paper.title, losses) + 3.0;
    Piece { height, marks, ..Piece::default() }
}

/// Who sends it, in the largest size in which it is one line.
fn sender(marks: &mut Vec<Mark>, text: &str, losses: &mut Losses) {
    let line = one(text, Weight::Regular, losses);
    let size = (85.0 * POINTS / line.width.max(1.0)).clamp(4.0, 6.5);
    let baseline = ADDRESS_TOP - 1.0;
    marks.push(Mark::Text { x: LEFT, baseline, size, shade: Shade::Grey, align: Align::Left, line });
}

/// Lines of an address, at the side where most of it begins to be read.
fn block(
    marks: &mut Vec<Mark>,
    (x, top, width): (f32, f32, f32),
    size: f32,
    lines: &[String],
    losses: &mut Losses,
) -> f32 {
    let style = Style { size, ..PLAIN };
    let turned = |it: &&String| one(it, Weight::Regular, losses).direction == Reading::RightToLeft;
    let is_turned = lines.iter().filter(turned).count() * 2 > lines.len();
    let (x, style) = match is_turned {
        true => (x + width, Style { align: Align::Right, ..style }),
        false => (x, style),
    };
    lines.iter().fold(top, |y, it| put(marks, (x, y, width), style, it, losses))
}

/// The logo, or the seller's name in its place.
fn draw_logo(canvas: &mut Canvas<'_>, paper: &InvoicePaper, logo: Option<&Image>, losses: &mut Losses) {
    if let Some(logo) = logo {
        return canvas.image(logo, LEFT, 12.0, 70.0, 24.0);
    }
    let mut marks = Vec::new();
    let style = Style { size: 15.0, weight: bold_if_whole(&paper.seller), ..PLAIN };
    put(&mut marks, (LEFT, 12.5, BESIDE - LEFT - 6.0), style, &paper.seller, losses);
    marks.iter().for_each(|it| it.draw(canvas, 0.0));
}

fn draw_running_head(canvas: &mut Canvas<'_>, paper: &InvoicePaper, losses: &mut Losses) {
    let title = one(&paper.title, Weight::Bold, losses);
    canvas.text((LEFT, 15.0), 10.0, Shade::Black, Align::Left, &title);
    let seller = one(&paper.seller, Weight::Regular, losses);
    let room = (RIGHT - LEFT) * POINTS - title.width * 10.0 - 12.0;
    let size = (room / seller.width.max(1.0)).clamp(3.0, SIZE);
    canvas.text((RIGHT, 15.0), size, Shade::Grey, Align::Right, &seller);
    canvas.bar(LEFT, 18.0, RIGHT - LEFT, 0.4, Shade::Black);
}

/// What stands below every page, side by side.
fn foot(paper: &InvoicePaper, losses: &mut Losses) -> Piece {
    const SIZE: f32 = 6.5;
    const GAP: f32 = 5.0;
    let mut marks = vec![Mark::Bar { x: LEFT, y: 0.0, width: RIGHT - LEFT, height: 0.2, shade: Shade::Grey }];
    let count = paper.foot.len().max(1) as f32;
    let width = (RIGHT - LEFT - GAP * (count - 1.0)) / count;
    let style = Style { size: SIZE, shade: Shade::Grey, ..PLAIN };
    let mut bottom = 1.5;
    for (index, column) in paper.foot.iter().enumerate() {
        let x = LEFT + (width + GAP) * index as f32;
        let below = column.iter().fold(1.5, |y, it| put(&mut marks, (x, y, width), style, it, losses));
        bottom = f32::max(bottom, below);
    }
    Piece { height: bottom + step(SIZE), marks, ..Piece::default() }
}
