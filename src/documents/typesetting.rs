//! A line of text as shaped letters: fonts by character, directions by the Unicode rules, letters joined as their script
//! joins them.

use std::collections::BTreeSet;
use std::ops::Range;

use harfrust::{Direction, UnicodeBuffer};
use unicode_bidi::{BidiClass, BidiInfo, Level, bidi_class};

use crate::documents::fonts::{self, FaceId, Weight};
use crate::documents::printed::{Losses, code_of};

/// A line, its runs from left to right. All measures are parts of the font's size.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    /// As it is read.
    pub text: String,
    pub runs: Vec<Run>,
    pub width: f32,
    pub direction: Reading,
}

impl Line {
    /// Height of the highest letters that it may have.
    pub fn height(&self) -> f32 {
        self.runs.iter().map(|it| fonts::face(it.face).height).fold(0.0, f32::max)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Reading {
    #[default]
    LeftToRight,
    RightToLeft,
}

/// Letters of one font and one direction.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub face: FaceId,
    /// Where it begins in the line's text.
    pub start: usize,
    pub text: String,
    /// From left to right.
    pub glyphs: Vec<Glyph>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glyph {
    pub id: u32,
    /// The characters it stands for, within the run's text.
    pub range: Range<usize>,
    pub advance: f32,
    pub x_offset: f32,
    pub y_offset: f32,
}

/// Text as it can be printed: blanks for what is no letter, codes for what no font has.
pub(super) fn printable(text: &str, weight: Weight, losses: &mut Losses) -> String {
    let mut clean = String::with_capacity(text.len());
    for it in text.chars() {
        if it.is_whitespace() || it.is_control() {
            clean.push(' ');
        } else if is_joiner(it) || (!is_invisible(it) && fonts::with(it, weight).is_some()) {
            clean.push(it);
        } else if !is_invisible(it) {
            losses.characters.insert(it);
            clean.push_str(&code_of(it));
        }
    }
    clean
}

/// Shapes a text that is [`printable`].
pub(super) fn line(text: &str, weight: Weight, losses: &mut Losses) -> Line {
    match shaped(text, weight) {
        Ok(line) => line,
        // A font that has each character may still lack what they combine to.
        Err(lacking) => {
            let spelled =
                text.chars().map(|it| if lacking.contains(&it) { code_of(it) } else { it.to_string() });
            let spelled: String = spelled.collect();
            losses.characters.extend(lacking);
            shaped(&spelled, weight).unwrap_or_default()
        }
    }
}

/// The line, or the characters that it has no glyphs for.
fn shaped(text: &str, weight: Weight) -> Result<Line, BTreeSet<char>> {
    let bidi = BidiInfo::new(text, None);
    let Some(paragraph) = bidi.paragraphs.first() else { return Ok(Line::default()) };
    let direction = if paragraph.level.is_rtl() { Reading::RightToLeft } else { Reading::LeftToRight };
    let (levels, ordered) = bidi.visual_runs(paragraph, paragraph.range.clone());

    let mut line = Line { text: text.to_owned(), runs: Vec::new(), width: 0.0, direction };
    let mut lacking = BTreeSet::new();
    for range in ordered {
        let level = levels.get(range.start).copied().unwrap_or_else(Level::ltr);
        let mut parts = by_font(text, range, weight);
        if level.is_rtl() {
            parts.reverse();
        }
        for (face, range) in parts {
            let run = shaped_run(&text[range.clone()], range.start, face, level);
            lacking.extend(
                run.glyphs.iter().filter(|it| it.id == 0).flat_map(|it| run.text[it.range.clone()].chars()),
            );
            line.width += run.glyphs.iter().map(|it| it.advance).sum::<f32>();
            line.runs.push(run);
        }
    }
    if lacking.is_empty() { Ok(line) } else { Err(lacking) }
}

/// Divides a text where the font changes, in the order in which it is read. What belongs to the letter before stays in
/// its font.
fn by_font(text: &str, range: Range<usize>, weight: Weight) -> Vec<(FaceId, Range<usize>)> {
    let mut parts: Vec<(FaceId, Range<usize>)> = Vec::new();
    for (index, it) in text[range.clone()].char_indices() {
        let at = range.start + index..range.start + index + it.len_utf8();
        let last = parts.last_mut();
        let clings = is_joiner(it) || bidi_class(it) == BidiClass::NSM;
        let stays =
            last.as_ref().is_some_and(|(face, _)| clings && (is_joiner(it) || fonts::face(*face).has(it)));
        let face = match &last {
            Some((face, _)) if stays => *face,
            _ => fonts::with(it, weight).unwrap_or(0),
        };
        match last {
            Some((before, range)) if *before == face => range.end = at.end,
            _ => parts.push((face, at)),
        }
    }
    parts
}

fn shaped_run(text: &str, start: usize, id: FaceId, level: Level) -> Run {
    let face = fonts::face(id);
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.set_direction(if level.is_rtl() { Direction::RightToLeft } else { Direction::LeftToRight });
    buffer.guess_segment_properties();
    let shaped = face.shaped(buffer);

    // A cluster ends where the next one begins, whichever way the letters run.
    let mut begins: Vec<usize> = shaped.glyph_infos().iter().map(|it| it.cluster as usize).collect();
    begins.sort_unstable();
    begins.dedup();
    let end = |begin: usize| begins.iter().copied().find(|it| *it > begin).unwrap_or(text.len());
    let em = |units: i32| units as f32 / face.units_per_em;
    let glyph = |(info, position): (&harfrust::GlyphInfo, &harfrust::GlyphPosition)| Glyph {
        id: info.glyph_id,
        range: info.cluster as usize..end(info.cluster as usize),
        advance: em(position.x_advance),
        x_offset: em(position.x_offset),
        y_offset: em(position.y_offset),
    };
    let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions()).map(glyph).collect();
    Run { face: id, start, text: text.to_owned(), glyphs }
}

/// Zero-width joiner and non-joiner: they say how the letters beside them are joined.
fn is_joiner(it: char) -> bool {
    matches!(it, '\u{200C}' | '\u{200D}')
}

/// What has no picture of its own: marks of direction, variants and hyphenation.
fn is_invisible(it: char) -> bool {
    matches!(it, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}')
}
