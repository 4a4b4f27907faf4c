//! Code 128 and QR codes as modules. Each stands in a quiet zone, or no reader finds it.

use barcoders::sym::code128::Code128;
use qrcode::{Color, EcLevel, QrCode};

/// Modules that stay empty on each side of a Code 128.
pub(super) const QUIET_128: usize = 10;

/// Modules that stay empty on each side of a QR code.
pub(super) const QUIET_QR: usize = 4;

/// Dark modules of a Code 128 as (begin, width), and the width of the whole. None: the text has characters that it
/// cannot carry, or is empty.
pub(super) fn code_128(text: &str) -> Option<(Vec<(usize, usize)>, usize)> {
    if text.is_empty() || !text.bytes().all(|it| matches!(it, b' '..=b'~')) {
        return None;
    }
    // Ɓ begins with character set B: letters, digits, marks.
    let modules = Code128::new(format!("\u{0181}{text}")).ok()?.encode();
    let mut bars: Vec<(usize, usize)> = Vec::new();
    for (index, _) in modules.iter().enumerate().filter(|(_, module)| **module == 1) {
        match bars.last_mut() {
            Some((begin, width)) if *begin + *width == index => *width += 1,
            _ => bars.push((index, 1)),
        }
    }
    Some((bars, modules.len()))
}

/// A run of dark modules of a QR code: row, begin, width.
type Run = (usize, usize, usize);

/// Dark modules of a QR code, and its side. Fifteen hundredths of it may be lost.
pub(super) fn qr(text: &str) -> Option<(Vec<Run>, usize)> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let side = code.width();
    let mut bars: Vec<Run> = Vec::new();
    for (index, _) in code.to_colors().iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
        let (row, column) = (index / side, index % side);
        match bars.last_mut() {
            Some((last, begin, width)) if *last == row && *begin + *width == column => *width += 1,
            _ => bars.push((row, column, 1)),
        }
    }
    Some((bars, side))
}
