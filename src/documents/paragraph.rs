//! Text in lines of a given width, broken where its script allows.

use unicode_linebreak::linebreaks;

use crate::documents::fonts::Weight;
use crate::documents::printed::Losses;
use crate::documents::typesetting::{self, Line, printable};

/// Lines of at most `width`, a multiple of the font's size. A word that is longer is broken between letters.
pub(super) fn wrapped(text: &str, weight: Weight, width: f32, losses: &mut Losses) -> Vec<Line> {
    let clean = printable(text.trim(), weight, losses);
    let mut lines = Vec::new();
    let mut begin = 0;
    let mut filled = 0.0;
    for (piece, range) in pieces(&clean, weight, width, losses) {
        // What ends a line is not printed: its blanks do not count.
        let trimmed = typesetting::line(piece.trim_end(), weight, losses).width;
        if filled > 0.0 && filled + trimmed > width {
            lines.push(typesetting::line(clean[begin..range.0].trim_end(), weight, losses));
            begin = range.0;
            filled = 0.0;
        }
        filled += typesetting::line(piece, weight, losses).width;
    }
    if begin < clean.len() {
        lines.push(typesetting::line(clean[begin..].trim_end(), weight, losses));
    }
    lines
}

/// The pieces between which a line may end, each at most as wide as a line.
fn pieces<'a>(
    text: &'a str,
    weight: Weight,
    width: f32,
    losses: &mut Losses,
) -> Vec<(&'a str, (usize, usize))> {
    let mut found = Vec::new();
    let mut begin = 0;
    for (end, _) in linebreaks(text) {
        let piece = &text[begin..end];
        let line = typesetting::line(piece.trim_end(), weight, losses);
        if line.width <= width {
            found.push((piece, (begin, end)));
        } else {
            let cuts = cuts(&line, width).into_iter().map(|it| begin + it);
            let mut from = begin;
            for to in cuts.chain([end]).filter(|it| text.is_char_boundary(*it)) {
                if to > from {
                    found.push((&text[from..to], (from, to)));
                    from = to;
                }
            }
        }
        begin = end;
    }
    found
}

/// Where a line that is too wide can be cut without cutting a letter.
fn cuts(line: &Line, width: f32) -> Vec<usize> {
    let mut letters: Vec<(usize, f32)> = line
        .runs
        .iter()
        .flat_map(|run| run.glyphs.iter().map(|it| (run.start + it.range.start, it.advance)))
        .collect();
    letters.sort_by_key(|it| it.0);
    let mut found = Vec::new();
    let mut filled = 0.0;
    let mut letter = 0;
    let mut rest = letters.as_slice();
    while let Some((at, _)) = rest.first().copied() {
        let glyphs = rest.iter().take_while(|it| it.0 == at).count();
        let advance: f32 = rest[..glyphs].iter().map(|it| it.1).sum();
        if filled + advance > width && at > letter {
            found.push(at);
            letter = at;
            filled = 0.0;
        }
        filled += advance;
        rest = &rest[glyphs..];
    }
    found
}
