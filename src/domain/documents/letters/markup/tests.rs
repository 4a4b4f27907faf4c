//! Tests of `markup`.

use super::*;
use proptest::prelude::*;

const LETTER: &str = "# Order 7: **shipped**

Dear Ann,

it has
left.\\
Carried by Falcon & Sons.

- Tracking number: **X1**
- [Follow it](https://shop.example/track?a=1&b=2)

| Item | Amount |
|------|-------:|
| 2 × Mug | 25.00 |
| **Total** | **125.00** |
";

#[test]
fn one_reading_gives_text_and_html() {
    let page = Page::read(LETTER).expect("a letter");
    assert_eq!(page.title, "Order 7: shipped");
    let text = "Dear Ann,

it has left.
Carried by Falcon & Sons.

- Tracking number: X1
- Follow it: https://shop.example/track?a=1&b=2

Item     Amount
---------------
2 × Mug   25.00
Total    125.00
";
    assert_eq!(page.text(), text);
    let html = "<p>Dear Ann,</p>
<p>it has left.<br>
Carried by Falcon &amp; Sons.</p>
<ul>
<li>Tracking number: <strong>X1</strong></li>
<li><a href=\"https://shop.example/track?a=1&amp;b=2\">Follow it</a></li>
</ul>
<table>
<tr><th scope=\"col\">Item</th><th scope=\"col\" class=\"amount\">Amount</th></tr>
<tr><td>2 × Mug</td><td class=\"amount\">25.00</td></tr>
<tr><td><strong>Total</strong></td><td class=\"amount\"><strong>125.00</strong></td></tr>
</table>
";
    assert_eq!(page.html(), html);
}

#[test]
fn long_lines_are_wrapped_between_words() {
    let page =
        Page::read(&format!("# A\n\n{}\n\n- {}", "word ".repeat(40), "item ".repeat(40))).expect("a letter");
    let text = page.text();
    assert!(text.lines().all(|it| it.len() <= 76 && it == it.trim_end()), "{text}");
    assert_eq!(text.matches("word").count() + text.matches("item").count(), 80);
    assert!(text.contains("\n  item "), "{text}");
}

#[test]
fn what_a_letter_cannot_have_is_named() {
    let refused = |source: &str| Page::read(source).expect_err("a refusal");
    assert_eq!(refused("Dear Ann"), "the first line has to be the subject, behind a #");
    assert_eq!(refused("# A"), "there is nothing below the subject");
    assert_eq!(refused("# A\n\nText\n\n# B"), "a letter has one line with a #");
    assert_eq!(refused("Text\n\n# B"), "the subject, behind a #, comes first");
    assert_eq!(refused("# A\n\nText <b>x</b>"), "a letter has no HTML of its own: <b>");
    for source in ["![p](https://x.example/p.png)", "> quoted", "    code", "1. one", "- a\n  - b", "`code`"]
    {
        assert!(refused(&format!("# A\n\n{source}\n")).contains("cannot have"), "{source}");
    }
}

proptest! {
    #[test]
    fn a_value_is_read_as_it_is_and_never_as_markup(value in "[ -~äж€]{1,40}") {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assume!(!value.is_empty());
        let it = escaped(&value);
        let source = format!("# S {it}\n\n{it}\n\n- {it}\n\n| H | I |\n|---|--:|\n| {it} | x |\n\n[{it}](https://x.example/{it})\n");
        let page = Page::read(&source).expect("a letter");
        prop_assert_eq!(&page.title, &format!("S {value}"));
        let text = |it: &str| Span::Text(it.to_owned());
        prop_assert_eq!(&page.blocks[0], &Block::Paragraph(vec![text(&value)]));
        prop_assert_eq!(&page.blocks[1], &Block::List(vec![vec![text(&value)]]));
        let Block::Table(table) = &page.blocks[2] else { panic!("a table") };
        prop_assert_eq!(&table.rows[1], &vec![vec![text(&value)], vec![text("x")]]);
        let html = page.html();
        prop_assert!(!html.contains("<b") && !html.contains("<i"), "{}", html);
    }
}
