//! The markup of letters: a small part of Markdown, written out as plain text and as HTML from one reading.
//!
//! A letter has one title, its subject, and then paragraphs, lists and tables with bold words and links. Anything else
//! of Markdown, such as pictures and HTML, is refused.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use pulldown_cmark::{Alignment, Event, Options, Parser, Tag, TagEnd};

/// A letter as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// One line.
    pub title: String,
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Block {
    Paragraph(Vec<Span>),
    List(Vec<Vec<Span>>),
    Table(Table),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Table {
    /// Which columns are set to the right, as amounts are.
    right: Vec<bool>,
    /// The head first.
    rows: Vec<Vec<Vec<Span>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Span {
    Text(String),
    Bold(String),
    Link { label: String, url: String },
    Break,
}

/// A value within a letter's source, so that it is read as it is and never as markup: one line.
pub(super) fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 16);
    for char in value.chars() {
        match char {
            it if it.is_ascii_punctuation() => add_reference(&mut text, it),
            it if it.is_control() => text.push(' '),
            it => text.push(it),
        }
    }
    text
}

/// `&#42;` for `*`.
fn add_reference(text: &mut String, punctuation: char) {
    let digit = |it: u32| char::from_digit(it % 10, 10).unwrap_or_default();
    let code = u32::from(punctuation);
    text.push_str("&#");
    if code >= 100 {
        text.push(digit(code / 100));
    }
    text.push(digit(code / 10));
    text.push(digit(code));
    text.push(';');
}

impl Page {
    pub(super) fn read(source: &str) -> Result<Self, String> {
        let mut reader = Reader::default();
        for event in Parser::new_ext(source, Options::ENABLE_TABLES) {
            reader.take(event)?;
        }
        let title = reader.title.filter(|it| !it.is_empty());
        let title = title.ok_or("the first line has to be the subject, behind a #")?;
        match reader.blocks.is_empty() {
            true => Err("there is nothing below the subject".to_owned()),
            false => Ok(Self { title, blocks: reader.blocks }),
        }
    }

    /// Plain text, wrapped.
    pub(super) fn text(&self) -> String {
        let blocks = self.blocks.iter().map(|block| match block {
            Block::Paragraph(spans) => wrapped(&plain(spans), ""),
            Block::List(items) => items
                .iter()
                .map(|it| format!("- {}", wrapped(&plain(it), "  ")))
                .collect::<Vec<_>>()
                .join("\n"),
            Block::Table(table) => table.text(),
        });
        let mut text = blocks.collect::<Vec<_>>().join("\n\n");
        text.push('\n');
        text
    }

    /// The part of an HTML page that says the same.
    pub(super) fn html(&self) -> String {
        let mut html = String::new();
        for block in &self.blocks {
            match block {
                Block::Paragraph(spans) => {
                    html.push_str("<p>");
                    add_inline(&mut html, spans);
                    html.push_str("</p>\n");
                }
                Block::List(items) => {
                    html.push_str("<ul>\n");
                    for item in items {
                        html.push_str("<li>");
                        add_inline(&mut html, item);
                        html.push_str("</li>\n");
                    }
                    html.push_str("</ul>\n");
                }
                Block::Table(table) => table.add_html(&mut html),
            }
        }
        html
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    title: Option<String>,
    blocks: Vec<Block>,
    spans: Vec<Span>,
    items: Option<Vec<Vec<Span>>>,
    is_in_item: bool,
    table: Table,
    row: Vec<Vec<Span>>,
    is_bold: bool,
    link: Option<(String, String)>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => {
                self.add(&text);
                Ok(())
            }
            Event::SoftBreak => {
                self.add(" ");
                Ok(())
            }
            Event::HardBreak => {
                self.spans.push(Span::Break);
                Ok(())
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                Err(format!("a letter has no HTML of its own: {}", html.trim()))
            }
            other => Err(format!("a letter cannot have this: {other:?}")),
        }
    }

    fn add(&mut self, text: &str) {
        match (&mut self.link, self.is_bold, self.spans.last_mut()) {
            (Some((label, _)), _, _) => label.push_str(text),
            (None, true, Some(Span::Bold(last))) | (None, false, Some(Span::Text(last))) => {
                last.push_str(text)
            }
            (None, true, _) => self.spans.push(Span::Bold(text.to_owned())),
            (None, false, _) => self.spans.push(Span::Text(text.to_owned())),
        }
    }

    fn begin(&mut self, tag: Tag<'_>) -> Result<(), String> {
        match tag {
            Tag::Heading { .. } if self.title.is_some() => Err("a letter has one line with a #".to_owned()),
            Tag::Heading { .. } if !self.blocks.is_empty() => {
                Err("the subject, behind a #, comes first".to_owned())
            }
            Tag::List(None) if self.items.is_none() => {
                self.items = Some(Vec::new());
                Ok(())
            }
            Tag::Item => {
                self.is_in_item = true;
                Ok(())
            }
            Tag::Table(alignments) => {
                let right = alignments.iter().map(|it| *it == Alignment::Right).collect();
                self.table = Table { right, rows: Vec::new() };
                Ok(())
            }
            Tag::Strong => {
                self.is_bold = true;
                Ok(())
            }
            Tag::Link { dest_url, .. } => {
                self.link = Some((String::new(), dest_url.into_string()));
                Ok(())
            }
            Tag::Heading { .. } | Tag::Paragraph | Tag::TableHead | Tag::TableRow | Tag::TableCell => Ok(()),
            Tag::HtmlBlock => Ok(()),
            other => Err(format!("a letter cannot have this: {other:?}")),
        }
    }

    fn end(&mut self, tag: TagEnd) -> Result<(), String> {
        match tag {
            TagEnd::Heading(_) => {
                self.title = Some(plain(&std::mem::take(&mut self.spans)).replace('\n', " "))
            }
            TagEnd::Paragraph if self.is_in_item => {}
            TagEnd::Paragraph => self.blocks.push(Block::Paragraph(std::mem::take(&mut self.spans))),
            TagEnd::Item => {
                self.is_in_item = false;
                let item = std::mem::take(&mut self.spans);
                self.items.get_or_insert_default().push(item);
            }
            TagEnd::List(_) => self.blocks.push(Block::List(self.items.take().unwrap_or_default())),
            TagEnd::TableCell => self.row.push(std::mem::take(&mut self.spans)),
            TagEnd::TableHead | TagEnd::TableRow => self.table.rows.push(std::mem::take(&mut self.row)),
            TagEnd::Table => self.blocks.push(Block::Table(std::mem::take(&mut self.table))),
            TagEnd::Strong => self.is_bold = false,
            TagEnd::Link => {
                if let Some((label, url)) = self.link.take() {
                    self.spans.push(Span::Link { label, url });
                }
            }
            // Nothing else was begun.
            _ => {}
        }
        Ok(())
    }
}

/// Characters of a line of text. A word that is longer stays whole.
const LINE_MAX: usize = 76;

/// Characters of a column; what is longer sticks out.
const COLUMN_MAX: usize = 44;

fn plain(spans: &[Span]) -> String {
    let mut text = String::new();
    for span in spans {
        match span {
            Span::Text(it) | Span::Bold(it) => text.push_str(it),
            Span::Link { label, url } => {
                let _ = write!(text, "{label}: {url}");
            }
            Span::Break => text.push('\n'),
        }
    }
    text
}

/// Lines of at most [`LINE_MAX`] characters, all but the first behind an indent.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let mut filled = String::new();
        for word in line.split(' ').filter(|it| !it.is_empty()) {
            let length = indent.len() + filled.chars().count() + 1 + word.chars().count();
            if !filled.is_empty() && length > LINE_MAX {
                lines.push(std::mem::take(&mut filled));
            }
            if !filled.is_empty() {
                filled.push(' ');
            }
            filled.push_str(word);
        }
        lines.push(filled);
    }
    lines.join(&format!("\n{indent}"))
}

impl Table {
    fn text(&self) -> String {
        let rows = self.rows.iter().map(|row| row.iter().map(|it| plain(it).replace('\n', " ")).collect());
        let rows: Vec<Vec<String>> = rows.collect();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|it| it.get(column));
            cells.map(|it| it.chars().count()).max().unwrap_or(0).min(COLUMN_MAX)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        let mut lines = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(widths.iter().zip(&self.right));
            let line = cells.map(|(text, (width, right))| match right {
                true => format!("{text:>width$}"),
                false => format!("{text:<width$}"),
            });
            lines.push(line.collect::<Vec<_>>().join("  ").trim_end().to_owned());
            if index == 0 {
                lines.push("-".repeat(widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)));
            }
        }
        lines.join("\n")
    }

    fn add_html(&self, html: &mut String) {
        html.push_str("<table>\n");
        for (index, row) in self.rows.iter().enumerate() {
            let (begin, end) = if index == 0 { ("<th scope=\"col\"", "</th>") } else { ("<td", "</td>") };
            html.push_str("<tr>");
            for (spans, right) in row.iter().zip(&self.right) {
                html.push_str(begin);
                html.push_str(if *right { " class=\"amount\">" } else { ">" });
                add_inline(html, spans);
                html.push_str(end);
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</table>\n");
    }
}

fn add_inline(html: &mut String, spans: &[Span]) {
    for span in spans {
        match span {
            Span::Text(it) => add_in_html(html, it),
            Span::Bold(it) => {
                html.push_str("<strong>");
                add_in_html(html, it);
                html.push_str("</strong>");
            }
            Span::Link { label, url } => {
                let label = if label.is_empty() { url } else { label };
                html.push_str("<a href=\"");
                add_in_html(html, url);
                html.push_str("\">");
                add_in_html(html, label);
                html.push_str("</a>");
            }
            Span::Break => html.push_str("<br>\n"),
        }
    }
}

fn add_in_html(html: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, after) = rest.split_at(at);
        html.push_str(before);
        html.push_str(match after.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        });
        rest = &after[1..];
    }
    html.push_str(rest);
}
