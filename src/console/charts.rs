//! Charts as inline SVG: pure functions of names and numbers. Each has a title, a sentence of what it shows, its values as text
//! beside what is drawn, and a table of them; nothing is said by colour alone.

use std::fmt::Write as _;

/// Width of a chart, in units of its own; they are near to pixels on a phone.
const WIDTH: i64 = 360;

/// Height of the columns, and what is above and below them: values and names.
const COLUMNS_HIGH: i64 = 120;
const ABOVE: i64 = 18;
const BELOW: i64 = 20;

/// Height of a row with its name, value and bar.
const ROW_HIGH: i64 = 34;
const BAR_HIGH: i64 = 8;

/// Letters of a name that fit beside its value; the whole name is in the table.
const NAME_MAX: usize = 30;

/// Columns with more neighbours than this have no room for a value above each.
const WITH_VALUES_MAX: usize = 14;

/// What is drawn, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    /// Unique on its page.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What it shows, in a sentence.
    pub(super) says: &'static str,
    /// What there is to say without any value.
    pub(super) empty: &'static str,
    /// The words over the columns of the table.
    pub(super) head: [&'static str; 2],
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) name: String,
    /// How long the bar is; None: there is no value, and nothing is drawn.
    pub(super) length: Option<i64>,
    /// The value beside it, short.
    pub(super) short: String,
    /// The value in the table, in full.
    pub(super) full: String,
}

/// Columns side by side, the oldest first. `longest` is the value of a full column; None: that of the longest one.
pub(super) fn columns(about: &About, bars: &[Bar], longest: Option<i64>) -> String {
    let Some(top) = top(bars, longest) else { return nothing(about) };
    let (high, count) = (ABOVE + COLUMNS_HIGH + BELOW, i64::try_from(bars.len()).unwrap_or(i64::MAX).max(1));
    let (floor, apart) = (ABOVE + COLUMNS_HIGH, WIDTH / count);
    let mut svg = begin(about, high);
    let _ = write!(svg, "<path class=\"axis\" d=\"M0 {floor}.5H{WIDTH}\"/>");
    let has_values = bars.len() <= WITH_VALUES_MAX;
    let largest = bars.iter().max_by_key(|it| it.length).map(|it| &it.name);
    for (bar, at) in bars.iter().zip(0..) {
        let Some(length) = bar.length else { continue };
        let (left, tall) = (apart * at, scaled(length, top, COLUMNS_HIGH));
        let (x, wide, y) = (left + 1, (apart - 2).max(1), floor - tall);
        let _ = write!(svg, "<rect class=\"bar\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{tall}\"/>");
        if has_values || Some(&bar.name) == largest {
            let (middle, anchor) = placed(left + apart / 2);
            let value = escaped(&bar.short);
            let _ =
                write!(svg, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"{anchor}\">{value}</text>", y - 4);
        }
    }
    let named = [(0, 0, "start"), (bars.len() / 2, WIDTH / 2, "middle"), (bars.len() - 1, WIDTH, "end")];
    let named = if bars.len() < 3 { &named[..1] } else { &named[..] };
    for (index, x, anchor) in named {
        let name = bars.get(*index).map(|it| escaped(&it.name)).unwrap_or_default();
        let _ = write!(svg, "<text x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{name}</text>", floor + 15);
    }
    svg.push_str("</svg>");
    svg + &table(about, bars)
}

/// Bars one below the other, each under its name and value. `longest` is the value of a full bar; None: that of the longest.
pub(super) fn rows(about: &About, bars: &[Bar], longest: Option<i64>) -> String {
    let Some(top) = top(bars, longest) else { return nothing(about) };
    let high = ROW_HIGH.saturating_mul(i64::try_from(bars.len()).unwrap_or(i64::MAX));
    let mut svg = begin(about, high);
    for (bar, at) in bars.iter().zip(0..) {
        let (text, line) = (ROW_HIGH * at + 14, ROW_HIGH * at + 20);
        let (name, value) = (escaped(&shortened(&bar.name)), escaped(&bar.short));
        let wide = scaled(bar.length.unwrap_or_default(), top, WIDTH);
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{text}\">{name}</text><text x=\"{WIDTH}\" y=\"{text}\" text-anchor=\"end\">{value}</text>\
            <rect class=\"rail\" y=\"{line}\" width=\"{WIDTH}\" height=\"{BAR_HIGH}\"/>\
            <rect class=\"bar\" y=\"{line}\" width=\"{wide}\" height=\"{BAR_HIGH}\"/>"
        );
    }
    svg.push_str("</svg>");
    svg + &table(about, bars)
}

/// `1,234,567`.
pub(super) fn grouped(number: i64) -> String {
    let mut digits = number.unsigned_abs().to_string();
    let mut at = digits.len();
    while at > 3 {
        at -= 3;
        digits.insert(at, ',');
    }
    if number < 0 { format!("−{digits}") } else { digits }
}

/// `987`, `12.3k`, `4.5M`: at most six letters.
pub(super) fn brief(number: i64) -> String {
    let units =
        [(1_000_000_000_000_000, "P"), (1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M")];
    let mut units = units.into_iter().chain([(1_000, "k")]);
    match units.find(|it| number >= it.0.max(10_000)) {
        Some((unit, letter)) if number / unit < 100 => {
            format!("{}.{}{letter}", number / unit, number % unit / (unit / 10))
        }
        Some((unit, letter)) => format!("{}{letter}", grouped(number / unit)),
        None => grouped(number),
    }
}

/// The value of a full bar; None: no bar has a value.
fn top(bars: &[Bar], longest: Option<i64>) -> Option<i64> {
    let most = bars.iter().filter_map(|it| it.length).max()?;
    Some(longest.unwrap_or(most).max(1))
}

/// As long as the value is of the full one; what is more than nothing is seen.
fn scaled(value: i64, top: i64, full: i64) -> i64 {
    let length = i128::from(value.clamp(0, top)) * i128::from(full) / i128::from(top);
    let length = i64::try_from(length).unwrap_or(full);
    if value > 0 { length.max(1) } else { length }
}

/// Where a text stands so that it does not leave the picture.
fn placed(middle: i64) -> (i64, &'static str) {
    match middle {
        it if it < 20 => (0, "start"),
        it if it > WIDTH - 20 => (WIDTH, "end"),
        it => (it, "middle"),
    }
}

fn begin(about: &About, high: i64) -> String {
    let About { id, title, says, .. } = about;
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {high}\" role=\"img\" aria-labelledby=\"{id}-title {id}-says\">\
        <title id=\"{id}-title\">{}</title><desc id=\"{id}-says\">{}</desc>",
        escaped(title),
        escaped(says)
    )
}

fn nothing(about: &About) -> String {
    format!("<p class=\"empty\">{}</p>", escaped(about.empty))
}

fn table(about: &About, bars: &[Bar]) -> String {
    let [name, value] = about.head.map(escaped);
    let title = escaped(about.title);
    let mut table = format!(
        "<details><summary>In figures<span class=\"hidden\">: {title}</span></summary><div class=\"wide\"><table>\
        <thead><tr><th scope=\"col\">{name}</th><th scope=\"col\" class=\"figure\">{value}</th></tr></thead><tbody>"
    );
    for bar in bars {
        let (name, value) = (escaped(&bar.name), escaped(&bar.full));
        let _ = write!(table, "<tr><th scope=\"row\">{name}</th><td class=\"figure\">{value}</td></tr>");
    }
    table.push_str("</tbody></table></div></details>");
    table
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(NAME_MAX) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About = About {
        id: "test",
        title: "Orders a day",
        says: "How many came in.",
        empty: "No order came in.",
        head: ["Day", "Orders"],
    };

    fn bar(name: &str, length: impl Into<Option<i64>>) -> Bar {
        let length = length.into();
        let short = length.map(brief).unwrap_or_default();
        Bar { name: name.to_owned(), length, short, full: length.map(grouped).unwrap_or_default() }
    }

    /// The heights of the columns or the widths of the bars.
    fn drawn(svg: &str, side: &str) -> Vec<i64> {
        let bars = svg.split("<rect class=\"bar\"").skip(1);
        let side = format!(" {side}=\"");
        let number = |it: &str| it.split_once(&side)?.1.split('"').next()?.parse().ok();
        bars.map(|it| number(it).expect("a bar has sides")).collect()
    }

    fn texts(svg: &str) -> Vec<&str> {
        svg.split("<text").skip(1).filter_map(|it| it.split(['>', '<']).nth(1)).collect()
    }

    #[test]
    fn without_values_there_is_a_sentence() {
        for empty in
            [columns(&ABOUT, &[], None), rows(&ABOUT, &[], None), columns(&ABOUT, &[bar("a", None)], None)]
        {
            assert_eq!(empty, "<p class=\"empty\">No order came in.</p>");
        }
    }

    #[test]
    fn one_value_fills_the_chart_and_zeros_draw_nothing_tall() {
        let one = columns(&ABOUT, &[bar("30 Nov", 7)], None);
        assert_eq!((drawn(&one, "height"), texts(&one)), (vec![COLUMNS_HIGH], vec!["7", "30 Nov"]));
        assert_eq!(drawn(&columns(&ABOUT, &[bar("a", 0), bar("b", 0)], None), "height"), [0, 0]);
        assert_eq!(drawn(&rows(&ABOUT, &[bar("a", 30)], Some(60)), "width"), [WIDTH / 2]);
    }

    #[test]
    fn lengths_are_in_proportion_and_the_smallest_is_seen() {
        let svg = columns(&ABOUT, &[bar("a", 1), bar("b", 500), bar("c", 1_000), bar("d", None)], None);
        assert_eq!(drawn(&svg, "height"), [1, 60, 120]);
        assert_eq!(texts(&svg), ["1", "500", "1,000", "a", "c", "d"]);
        let beyond = rows(&ABOUT, &[bar("a", 90), bar("b", -3)], Some(30));
        assert_eq!(drawn(&beyond, "width"), [WIDTH, 0]);
    }

    #[test]
    fn the_largest_numbers_neither_overflow_nor_leave_the_picture() {
        let days: Vec<Bar> = (1..=30).map(|it| bar(&format!("day {it}"), i64::MAX - it)).collect();
        let svg = columns(&ABOUT, &days, None);
        assert_eq!(drawn(&svg, "height").len(), 30);
        assert!(drawn(&svg, "height").iter().all(|it| (COLUMNS_HIGH - 1..=COLUMNS_HIGH).contains(it)));
        // Of so many columns only the tallest has its value above it.
        assert_eq!(texts(&svg), ["9,223P", "day 1", "day 16", "day 30"]);
        assert!(svg.contains("<td class=\"figure\">9,223,372,036,854,775,806</td>"), "{svg}");
        assert!(drawn(&rows(&ABOUT, &days, None), "width").iter().all(|it| *it <= WIDTH));
    }

    #[test]
    fn readers_of_the_screen_are_told_what_it_is_and_every_value() {
        let svg = rows(&ABOUT, &[bar("<b>\"&", 3), bar(&"long ".repeat(20), 4)], None);
        for told in [
            "role=\"img\" aria-labelledby=\"test-title test-says\"",
            "<title id=\"test-title\">Orders a day</title><desc id=\"test-says\">How many came in.</desc>",
            "<th scope=\"row\">&lt;b&gt;&quot;&amp;</th><td class=\"figure\">3</td>",
            "In figures<span class=\"hidden\">: Orders a day</span>",
        ] {
            assert!(svg.contains(told), "{told} is not in {svg}");
        }
        assert_eq!(texts(&svg), ["&lt;b&gt;&quot;&amp;", "3", "long long long long long long …", "4"]);
    }

    #[test]
    fn numbers_are_short_beside_a_bar_and_whole_in_the_table() {
        let brief = [0, 999, 9_999, 10_000, 99_999, 100_000, 1_234_567, 987_654_321].map(brief);
        assert_eq!(brief, ["0", "999", "9,999", "10.0k", "99.9k", "100k", "1.2M", "987M"]);
        assert_eq!([1, 1_000, 1_234_567, -4_000].map(grouped), ["1", "1,000", "1,234,567", "−4,000"]);
    }
}
