//! Text in lines of a given width, broken where its script allows.

use unicode_linebreak::linebreaks;

use crate::documents::fonts::Weight;
use crate::documents::printed::Losses;
use crate::documents::typesetting::{self, Line, printable};

/// Lines of at most `width`, a multiple of the font's size. A word that is longer is broken between letters.
pub(super) fn wrapped(text: &str, weight: Weight, width: f32, losses: &mut Losses) -> Vec<Line> {
    let clean = printable(text.trim(), weight, losses);
    let whole = typesetting::line(&clean, weight, losses);
    if whole.width <= width {
        return if clean.is_empty() { Vec::new() } else { vec![whole] };
    }

    let mut lines = Vec::new();
    let mut begin = 0;
    let mut filled = 0.0;
    for Piece { from, to: _, width: wide, blanks } in pieces(&clean, weight, width, losses) {
        // What ends a line is not printed: its blanks do not count.
        if filled > 0.0 && filled + wide > width {
            lines.push(typesetting::line(clean[begin..from].trim_end(), weight, losses));
            begin = from;
            filled = 0.0;
        }
        filled += wide + blanks;
    }
    lines.push(typesetting::line(clean[begin..].trim_end(), weight, losses));
    lines
}

/// A part of a text after which a line may end, at most as wide as a line.
struct Piece {
    from: usize,
    to: usize,
    /// Without the blanks at its end.
    width: f32,
    blanks: f32,
}

fn pieces(text: &str, weight: Weight, width: f32, losses: &mut Losses) -> Vec<Piece> {
    let blank = typesetting::line(" ", weight, losses).width;
    let mut found: Vec<Piece> = Vec::new();
    for (end, _) in linebreaks(text) {
        let begin = found.last().map_or(0, |it| it.to);
        let word = text[begin..end].trim_end();
        let blanks = blank * (end - begin - word.len()) as f32;
        let line = typesetting::line(word, weight, losses);
        if line.width <= width {
            found.push(Piece { from: begin, to: end, width: line.width, blanks });
            continue;
        }
        let mut from = begin;
        for to in cuts(&line, width).into_iter().map(|it| begin + it) {
            let width = typesetting::line(&text[from..to], weight, losses).width;
            found.push(Piece { from, to, width, blanks: 0.0 });
            from = to;
        }
        let width = typesetting::line(text[from..end].trim_end(), weight, losses).width;
        found.push(Piece { from, to: end, width, blanks });
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
