//! Digits, dashes and blanks in one form, whatever script or keyboard they were written with.

/// The digit in ASCII if it is one of another script (Unicode's decimal digits of scripts in everyday use); any other
/// character stays as it is.
pub(in crate::domain) fn ascii_digit(it: char) -> char {
    const ZEROS: [u32; 20] = [
        0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
        0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x17E0, 0x1810, 0xFF10,
    ];
    let value = ZEROS.iter().find_map(|zero| u32::from(it).checked_sub(*zero).filter(|it| *it < 10));
    value.and_then(|it| char::from_digit(it, 10)).unwrap_or(it)
}

/// A number or a code as it is compared: ASCII digits, `-` for every dash, a blank for every white space, `+` and brackets
/// of one width, and no invisible marks of direction or joining.
pub(in crate::domain) fn plain_code(text: &str) -> String {
    text.trim()
        .chars()
        .filter(|it| !matches!(it, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}'))
        .map(|it| match it {
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}' => '-',
            '＋' => '+',
            '（' => '(',
            '）' => ')',
            '／' => '/',
            '．' => '.',
            it if it.is_whitespace() => ' ',
            it => ascii_digit(it),
        })
        .collect()
}

/// One line with single blanks: tabs, line feeds and blanks of any width are folded into one, and cut at both ends.
pub fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The lines of a text that say something, each [folded].
pub fn folded_lines(text: &str) -> Vec<String> {
    let ends = |it: char| matches!(it, '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    text.split(ends).map(folded).filter(|it| !it.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_are_read() {
        assert_eq!(plain_code("٠٥٠ ١٢٣ ٤٥٦٧"), "050 123 4567");
        assert_eq!(plain_code("۰۱۲۳۴۵۶۷۸۹"), "0123456789");
        assert_eq!(plain_code("०१२३४५६७८९"), "0123456789");
        assert_eq!(plain_code("１０５－００１１"), "105-0011");
        assert_eq!(plain_code("\u{200E}＋４９\u{A0}30–901820\u{202C} "), "+49 30-901820");
        assert_eq!(plain_code("½ 三"), "½ 三", "numbers, but no digits");
    }

    #[test]
    fn white_space_is_folded() {
        assert_eq!(folded(" Ada\t Byron\u{A0}\n"), "Ada Byron");
        assert_eq!(folded_lines("1 Main Street\r\n\tApt. 2 \n\n"), ["1 Main Street", "Apt. 2"]);
        assert!(folded_lines(" \n\t").is_empty());
    }
}
