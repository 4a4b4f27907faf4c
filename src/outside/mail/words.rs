//! What a mail system says, as it may be kept.

/// Characters of what a mail system said that are kept.
const WORDS_MAX: usize = 400;

/// The words of a server or program: one line, bounded, and without e-mail addresses, which are the customer's.
pub(super) fn cleaned(said: &str) -> String {
    let separates = |it: char| it.is_whitespace() || "<>()[]{}\"'`,;:=".contains(it);
    let visible: String = said.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let mut kept = String::with_capacity(visible.len());
    for piece in visible.split_inclusive(separates) {
        let word = piece.trim_end_matches(separates);
        match word.contains('@') {
            true => kept.push('…'),
            false => kept.push_str(word),
        }
        kept.push_str(&piece[word.len()..]);
    }
    let one_line = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.chars().take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_said_of_an_address_is_kept_without_it() {
        for (said, kept) in [
            ("5.1.1 <ann@example.com>: User unknown", "5.1.1 <…>: User unknown"),
            ("no mailbox ann@example.com here\r\n", "no mailbox … here"),
            ("to=\"ann+x@example.com\", reason: full\u{7}", "to=\"…\", reason: full"),
            ("4.7.1  Try\tagain\nlater", "4.7.1 Try again later"),
            ("", ""),
        ] {
            assert_eq!(cleaned(said), kept);
        }
    }

    proptest! {
        #[test]
        fn no_words_are_long_or_name_an_address(said in "\\PC{0,600}|[a-c@<>:. \n\u{0}]{0,900}") {
            let kept = cleaned(&said);
            prop_assert!(kept.chars().count() <= WORDS_MAX && !kept.contains('@') && !kept.contains(char::is_control));
        }
    }
}
