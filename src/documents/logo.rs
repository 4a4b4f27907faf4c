//! The logo of a paper: a PNG of a bounded size.

use krilla::image::Image;

use crate::documents::canvas::{self, Canvas};

/// Bytes of a logo's file.
pub const LOGO_BYTES_MAX: u64 = 256 * 1_024;

/// Pixels of a logo's sides.
const SIDE_MAX: u32 = 1_200;

/// What is wrong with a file that is to be a logo, if anything.
pub fn check_logo(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() as u64 > LOGO_BYTES_MAX {
        return Err(format!("a logo has at most {LOGO_BYTES_MAX} bytes"));
    }
    let (width, height) = sides(bytes).ok_or("a logo has to be a PNG")?;
    if !(1..=SIDE_MAX).contains(&width) || !(1..=SIDE_MAX).contains(&height) {
        return Err(format!("a logo has at most {SIDE_MAX} pixels on each side, not {width} x {height}"));
    }
    drawn(bytes).map_err(|it| format!("the logo cannot be read: {it}"))
}

/// A page with the logo and nothing else: only what is drawn is read whole.
fn drawn(bytes: &[u8]) -> Result<(), String> {
    let logo = Image::from_png(bytes.to_vec().into(), false)?;
    let mut document = canvas::archival_document("Logo", "en", 0);
    let mut page = canvas::page(&mut document, 100.0, 100.0);
    let mut canvas = Canvas::new(page.surface());
    canvas.image(&logo, 0.0, 0.0, 100.0, 100.0);
    canvas.finish();
    page.finish();
    canvas::finish(document).map(|_| ()).map_err(|it| it.to_string())
}

/// The logo to be drawn; None: there is none, or it cannot be read.
pub(super) fn image(bytes: &[u8]) -> Option<Image> {
    sides(bytes)?;
    Image::from_png(bytes.to_vec().into(), false).ok()
}

/// As the first part of a PNG says.
fn sides(bytes: &[u8]) -> Option<(u32, u32)> {
    let rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let number = |at: usize| Some(u32::from_be_bytes(rest.get(at..at + 4)?.try_into().ok()?));
    (rest.get(4..8)? == b"IHDR").then_some(())?;
    Some((number(8)?, number(12)?))
}
