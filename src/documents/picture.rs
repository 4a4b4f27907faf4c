//! A line of text as dots, for printers whose own fonts lack its letters.

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use skrifa::MetadataProvider;
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::prelude::{LocationRef, Size};

use crate::documents::fonts::face;
use crate::documents::typesetting::Line;

/// Black and white dots, eight in a byte, rows from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub bytes_per_row: usize,
    pub rows: Vec<Vec<u8>>,
}

impl Picture {
    /// Without the blank rows above and below, and how many there were above.
    pub fn trimmed(mut self) -> (usize, Self) {
        let is_blank = |row: &Vec<u8>| row.iter().all(|it| *it == 0);
        while self.rows.last().is_some_and(is_blank) {
            self.rows.pop();
        }
        let above = self.rows.iter().take_while(|it| is_blank(it)).count();
        self.rows.drain(..above);
        (above, self)
    }
}

/// Above and below the baseline, as parts of the size: more than any letter needs.
const ASCENT: f32 = 1.2;
const DESCENT: f32 = 0.5;

/// Where the baseline is, from the top of a picture.
pub(super) fn baseline(size: usize) -> usize {
    (size as f32 * ASCENT).round() as usize
}

/// The line in letters of `size` dots.
pub(super) fn picture(line: &Line, size: usize) -> Picture {
    let em = size as f32;
    // Letters may hang over the ends of their line.
    let width = (line.width * em).ceil() as usize + 2 * OVERHANG;
    let height = baseline(size) + (em * DESCENT).ceil() as usize;
    let mut dots = Rasterizer::new(width, height);
    let mut at = OVERHANG as f32;
    for run in &line.runs {
        let face = face(run.face);
        let outlines = face.font.outline_glyphs();
        for glyph in &run.glyphs {
            let origin = point(at + glyph.x_offset * em, baseline(size) as f32 - glyph.y_offset * em);
            if let Some(outline) = outlines.get(glyph.id.into()) {
                let settings = DrawSettings::unhinted(Size::new(em), LocationRef::default());
                let mut pen = Pen { dots: &mut dots, origin, begin: origin, last: origin };
                // A letter without an outline, such as a blank, leaves no dots.
                let _ = outline.draw(settings, &mut pen);
                pen.close();
            }
            at += glyph.advance * em;
        }
    }
    rows_of(&dots, width, height)
}

/// Dots left free beside a line.
pub(super) const OVERHANG: usize = 4;

fn rows_of(dots: &Rasterizer, width: usize, height: usize) -> Picture {
    let bytes_per_row = width.div_ceil(8);
    let mut rows = vec![vec![0_u8; bytes_per_row]; height];
    dots.for_each_pixel_2d(|x, y, cover| {
        if cover >= 0.5 {
            rows[y as usize][x as usize / 8] |= 0x80 >> (x % 8);
        }
    });
    Picture { bytes_per_row, rows }
}

/// Draws outlines, whose y goes upwards, onto dots, whose y goes downwards.
struct Pen<'a> {
    dots: &'a mut Rasterizer,
    origin: Point,
    begin: Point,
    last: Point,
}

impl Pen<'_> {
    fn placed(&self, x: f32, y: f32) -> Point {
        point(self.origin.x + x, self.origin.y - y)
    }
}

impl OutlinePen for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.close();
        self.begin = self.placed(x, y);
        self.last = self.begin;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.placed(x, y);
        self.dots.draw_line(self.last, to);
        self.last = to;
    }

    fn quad_to(&mut self, cx0: f32, cy0: f32, x: f32, y: f32) {
        let (control, to) = (self.placed(cx0, cy0), self.placed(x, y));
        self.dots.draw_quad(self.last, control, to);
        self.last = to;
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        let (one, two, to) = (self.placed(cx0, cy0), self.placed(cx1, cy1), self.placed(x, y));
        self.dots.draw_cubic(self.last, one, two, to);
        self.last = to;
    }

    fn close(&mut self) {
        if self.last != self.begin {
            self.dots.draw_line(self.last, self.begin);
            self.last = self.begin;
        }
    }
}
