//! The templates of letters: one file per kind and language, compiled in; files of the shop's own may replace them.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, Serde};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, context,
    escape_formatter,
};

use crate::domain::documents::letters::facts::Facts;
use crate::domain::documents::letters::files::{self, LAYOUT_HTML};
use crate::domain::documents::letters::language::Language;
use crate::domain::documents::letters::markup::{Page, escaped};
use crate::domain::documents::letters::samples::samples;
use crate::domain::model::message::MessageKind;

/// What a letter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The templates of every language.
#[derive(Debug)]
pub(super) struct Templates(BTreeMap<Language, Environment<'static>>);

/// What every letter of a language is put into.
const LAYOUT: &str = "layout.md";

impl Templates {
    /// With files of the shop's own in place of those that are compiled in, by name: `de/shipped.md`. Names every file
    /// that cannot be used, and what is wrong with it.
    pub(super) fn new(own: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let mut faults: Vec<String> = Vec::new();
        for name in own.keys().filter(|it| files::built_in(it).is_none()) {
            faults.push(format!("{name}: no letter is written from a file of this name"));
        }
        let mut all = BTreeMap::new();
        for language in Language::ALL {
            all.insert(*language, environment(*language, own, &mut faults));
        }
        let templates = Self(all);
        if !own.is_empty() && faults.is_empty() {
            templates.try_samples(&mut faults);
        }
        match faults.is_empty() {
            true => Ok(templates),
            false => Err(faults),
        }
    }

    pub(super) fn render(
        &self,
        language: Language,
        kind: MessageKind,
        facts: &Facts,
    ) -> Result<Rendered, String> {
        let environment = &self.0[&language];
        let name = files::of_kind(kind);
        let said = |it: Error| fault(language, &it);
        let facts = Value::from(Serde(facts));
        let letter = environment.get_template(&name).and_then(|it| it.render(&facts)).map_err(said)?;
        let (title, letter) = letter.trim_start().split_once('\n').unwrap_or((letter.trim(), ""));

        let letter = Value::from_safe_string(letter.trim().to_owned());
        let layout = environment.get_template(LAYOUT).map_err(said)?;
        let source = layout.render(context! { letter, ..facts }).map_err(said)?;
        let page =
            Page::read(&format!("{title}\n\n{source}")).map_err(|it| format!("{language}/{name}: {it}"))?;

        let content = Value::from_safe_string(page.html());
        let layout = environment.get_template(LAYOUT_HTML).map_err(said)?;
        let html = layout
            .render(context! { language => language.as_str(), subject => page.title.as_str(), content });
        Ok(Rendered { text: page.text(), html: html.map_err(said)?, subject: page.title })
    }

    /// Writes every letter with all that it may tell, and with no more than it must.
    fn try_samples(&self, faults: &mut Vec<String>) {
        for language in Language::ALL {
            for kind in MessageKind::ALL {
                let fault = samples(*kind).iter().find_map(|it| self.render(*language, *kind, it).err());
                faults.extend(fault.filter(|it| !faults.contains(it)));
            }
        }
    }
}

fn environment(
    language: Language,
    own: &BTreeMap<String, String>,
    faults: &mut Vec<String>,
) -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax =
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters, with blocks on lines of their own"));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
        true => AutoEscape::Html,
        false => AutoEscape::None,
    });
    environment.set_formatter(write_value);
    environment.add_filter("plural", move |count: u64, forms: Rest<String>| match forms.len() {
        given if given == language.forms() => Ok(forms[language.form(count)].clone()),
        given => Err(misused(format!("plural takes {} forms here, not {given}", language.forms()))),
    });
    environment.add_filter("stacked", stacked);
    for &(name, source) in files::of_language(language) {
        let path = if name == LAYOUT_HTML { name.to_owned() } else { format!("{language}/{name}") };
        let source = own.get(&path).cloned().unwrap_or_else(|| source.to_owned());
        if let Err(error) = environment.add_template_owned(name, source) {
            let fault = fault(language, &error);
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    environment
}

/// Values are read as they are: never as markup, and never as HTML.
fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_none() || value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "this may be missing: ask for it with if"));
    }
    if matches!(state.auto_escape(), AutoEscape::Html) {
        return escape_formatter(out, state, value);
    }
    let written = match (value.is_safe(), value.as_str()) {
        (true, Some(text)) => out.write_str(text),
        (_, Some(text)) => out.write_str(&escaped(text)),
        (_, None) => out.write_str(&escaped(&value.to_string())),
    };
    written.map_err(Error::from)
}

/// Lines one below the other, as those of an address.
fn stacked(lines: Vec<String>) -> Value {
    let lines: Vec<_> = lines.iter().map(|it| escaped(it)).collect();
    Value::from_safe_string(lines.join("\\\n"))
}

fn misused(why: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

/// File, line and words of what is wrong with a template: of the innermost one, where one includes another.
fn fault(language: Language, error: &Error) -> String {
    let mut inner = error;
    while let Some(source) = std::error::Error::source(inner).and_then(|it| it.downcast_ref::<Error>()) {
        inner = source;
    }
    let file = match inner.name() {
        Some(LAYOUT_HTML) => LAYOUT_HTML.to_owned(),
        Some(name) => format!("{language}/{name}"),
        None => language.to_string(),
    };
    let line = inner.line().map(|it| format!(", line {it}")).unwrap_or_default();
    let words = inner.detail().map_or_else(|| inner.kind().to_string(), str::to_owned);
    format!("{file}{line}: {words}")
}
