//! Draws on a page of a PDF: text, rules and codes. Lengths are millimetres from the upper left corner, sizes of type
//! points.

use krilla::SerializeSettings;
use krilla::color::luma;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::document::Document;
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::image::Image;
use krilla::metadata::{DateTime, Metadata};
use krilla::page::{Page, PageSettings};
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::text::{GlyphId, KrillaGlyph};
use time::OffsetDateTime;

use crate::documents::barcodes;
use crate::documents::fonts::face;
use crate::documents::printed::PrintError;
use crate::documents::typesetting::Line;

/// Points of a millimetre.
pub(super) const POINTS: f32 = 72.0 / 25.4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shade {
    Black,
    Grey,
    Light,
    White,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// A PDF under way. It names neither a time nor a chance number: the same pages give the same bytes.
pub(super) fn document(title: &str) -> Document {
    let mut document =
        Document::new_with(SerializeSettings { enable_tagging: false, ..SerializeSettings::default() });
    document.set_metadata(
        Metadata::new().title(title.to_owned()).language("en".to_owned()).creator("Consign".to_owned()),
    );
    document
}

/// A PDF that is to be read for as long as books are kept: PDF/A-2b. Its date is that of what it says.
pub(super) fn archival_document(title: &str, language: &str, unix_seconds: i64) -> Document {
    let archival = ConfigurationBuilder::new().with_archival_validator(Archival::A2_B).finish();
    let configuration = archival.expect("PDF/A-2b names its version of PDF");
    let mut document = Document::new_with(SerializeSettings {
        enable_tagging: false,
        configuration,
        ..SerializeSettings::default()
    });
    let metadata = Metadata::new().title(title.to_owned()).language(language.to_owned());
    document.set_metadata(metadata.creator("Consign".to_owned()).creation_date(date(unix_seconds)));
    document
}

fn date(unix_seconds: i64) -> DateTime {
    let at = OffsetDateTime::from_unix_timestamp(unix_seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let day = DateTime::new(u16::try_from(at.year()).unwrap_or(0)).month(at.month().into()).day(at.day());
    day.hour(at.hour()).minute(at.minute()).second(at.second()).utc_offset_hour(0)
}

pub(super) fn page(document: &mut Document, width: f32, height: f32) -> Page<'_> {
    let settings = PageSettings::from_wh(width * POINTS, height * POINTS);
    document.start_page_with(settings.expect("pages have a size"))
}

pub(super) fn finish(document: Document) -> Result<Vec<u8>, PrintError> {
    document.finish().map_err(|it| PrintError::Pdf(format!("{it:?}")))
}

pub(super) struct Canvas<'a> {
    surface: Surface<'a>,
}

impl<'a> Canvas<'a> {
    pub fn new(surface: Surface<'a>) -> Self {
        Self { surface }
    }

    pub fn finish(self) {
        self.surface.finish();
    }

    /// A line of text; `x` is its left end, its middle or its right end.
    pub fn text(&mut self, (x, baseline): (f32, f32), size: f32, shade: Shade, align: Align, line: &Line) {
        let width = line.width * size;
        let begin = x * POINTS
            - match align {
                Align::Left => 0.0,
                Align::Center => width / 2.0,
                Align::Right => width,
            };
        self.fill(shade);
        let mut at = begin;
        for run in &line.runs {
            let glyphs: Vec<KrillaGlyph> = run
                .glyphs
                .iter()
                .map(|it| {
                    let id = GlyphId::new(it.id);
                    KrillaGlyph::new(id, it.advance, it.x_offset, it.y_offset, 0.0, it.range.clone(), None)
                })
                .collect();
            let start = Point::from_xy(at, baseline * POINTS);
            self.surface.draw_glyphs(start, &glyphs, face(run.face).embedded.clone(), &run.text, size, false);
            at += run.glyphs.iter().map(|it| it.advance).sum::<f32>() * size;
        }
    }

    /// A filled box; a rule is a thin one.
    pub fn bar(&mut self, x: f32, y: f32, width: f32, height: f32, shade: Shade) {
        self.fill(shade);
        self.bars([(x, y, width, height)]);
    }

    /// The outline of a box, to be ticked or written in.
    pub fn frame(&mut self, x: f32, y: f32, width: f32, height: f32) {
        self.surface.set_fill(None);
        self.surface.set_stroke(Some(Stroke {
            paint: luma::Color::new(90).into(),
            width: 0.6,
            ..Stroke::default()
        }));
        self.path([(x, y, width, height)]);
        self.surface.set_stroke(None);
    }

    /// A Code 128 within this width, its quiet zone included; true if it was drawn.
    pub fn code_128(&mut self, text: &str, x: f32, y: f32, width: f32, height: f32) -> Drawn {
        let Some((bars, modules)) = barcodes::code_128(text) else { return Drawn::No };
        let quiet = barcodes::QUIET_128;
        let module = (width / (modules + 2 * quiet) as f32).min(MODULE_MAX);
        if module < MODULE_MIN {
            return Drawn::No;
        }
        let begin = x + (width - module * modules as f32) / 2.0;
        self.fill(Shade::Black);
        self.bars(
            bars.into_iter().map(|(at, wide)| (begin + module * at as f32, y, module * wide as f32, height)),
        );
        Drawn::Yes
    }

    /// A QR code of this side, its quiet zone included.
    pub fn qr(&mut self, text: &str, x: f32, y: f32, side: f32) -> Drawn {
        let Some((bars, modules)) = barcodes::qr(text) else { return Drawn::No };
        let module = side / (modules + 2 * barcodes::QUIET_QR) as f32;
        let quiet = module * barcodes::QUIET_QR as f32;
        self.fill(Shade::Black);
        self.bars(bars.into_iter().map(|(row, at, wide)| {
            let (left, top) = (x + quiet + module * at as f32, y + quiet + module * row as f32);
            (left, top, module * wide as f32, module)
        }));
        Drawn::Yes
    }

    /// A picture as large as its box allows, at the box's upper left corner.
    pub fn image(&mut self, image: &Image, x: f32, y: f32, width: f32, height: f32) {
        let (wide, high) = image.size();
        let scale = (width / wide as f32).min(height / high as f32) * POINTS;
        let Some(size) = Size::from_wh(wide as f32 * scale, high as f32 * scale) else { return };
        self.surface.push_transform(&Transform::from_translate(x * POINTS, y * POINTS));
        self.surface.draw_image(image.clone(), size);
        self.surface.pop();
    }

    fn fill(&mut self, shade: Shade) {
        let light = match shade {
            Shade::Black => 0,
            Shade::Grey => 95,
            Shade::Light => 205,
            Shade::White => 255,
        };
        self.surface.set_stroke(None);
        self.surface.set_fill(Some(Fill { paint: luma::Color::new(light).into(), ..Fill::default() }));
    }

    fn bars(&mut self, boxes: impl IntoIterator<Item = (f32, f32, f32, f32)>) {
        self.path(boxes);
    }

    fn path(&mut self, boxes: impl IntoIterator<Item = (f32, f32, f32, f32)>) {
        let mut path = PathBuilder::new();
        for (x, y, width, height) in boxes {
            let corner = (x * POINTS, y * POINTS);
            if let Some(it) = Rect::from_xywh(corner.0, corner.1, width * POINTS, height * POINTS) {
                path.push_rect(it);
            }
        }
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
    }
}

/// Whether a code found room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawn {
    Yes,
    No,
}

/// Width of a module of a Code 128 in millimetres: hand scanners read no finer ones.
const MODULE_MIN: f32 = 0.19;

const MODULE_MAX: f32 = 0.42;
