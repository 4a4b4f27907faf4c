//! The papers: short where they are to be short, and true in what a machine can look up.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use consign::settings::Settings;

/// What fits into three minutes of reading.
const README_BYTES_MAX: u64 = 9_216;

/// Names that begin with one of these are files of this repository.
const ROOTS: &[&str] =
    &["src/", "proto/", "tests/", "api/", "migrations/", "docs/", "examples/", ".ci/", ".cargo/"];

#[test]
fn the_readme_is_read_in_three_minutes() {
    let bytes = fs::metadata("README.md").unwrap().len();
    assert!(
        bytes <= README_BYTES_MAX,
        "README.md has {bytes} bytes; move what is not for everybody to docs/"
    );
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    for paper in papers() {
        let text = prose(&paper);
        for target in between(&text, "](", ")").filter(|it| !it.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => paper.clone(),
                file => paper.parent().expect("a file is in a folder").join(file),
            };
            if !file.exists() || !(anchor.is_empty() || anchors(&file).contains(anchor)) {
                dead.push(format!("{}: {target}", paper.display()));
            }
        }
    }
    assert!(dead.is_empty(), "these links lead nowhere:\n{}", dead.join("\n"));
}

#[test]
fn every_file_that_is_named_is_there() {
    let mut missing = Vec::new();
    for paper in papers().into_iter().filter(|it| !it.ends_with("CHANGELOG.md")) {
        let text = prose(&paper);
        for name in between(&text, "`", "`").filter(|it| ROOTS.iter().any(|root| it.starts_with(root))) {
            let is_pattern = name.contains(['<', '*', '{', '…', ' ']);
            if !is_pattern && !Path::new(name).exists() {
                missing.push(format!("{}: {name}", paper.display()));
            }
        }
    }
    assert!(missing.is_empty(), "these files are named and are not there:\n{}", missing.join("\n"));
}

#[test]
fn every_setting_is_explained() {
    let page = fs::read_to_string("docs/operations.md").unwrap();
    let settings = Settings::default().print();
    let mut section = String::new();
    let mut missing = Vec::new();
    for line in settings.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = format!("{}.", name.trim_matches(['[', ']']));
        } else if let Some((key, _)) = line.split_once(" = ") {
            let key = format!("{section}{key}");
            // Entries of a map or a list are explained as one.
            let whole = section.trim_end_matches('.');
            if !page.contains(&format!("`{key}`")) && !page.contains(&format!("`{whole}`")) {
                missing.push(key);
            }
        }
    }
    assert!(missing.is_empty(), "docs/operations.md lacks these settings:\n{}", missing.join("\n"));
}

/// Names of functions have an underscore, and programs that papers call have none.
#[test]
fn no_shell_function_shadows_a_program() {
    let mut shadows = Vec::new();
    for paper in papers() {
        let text = fs::read_to_string(&paper).unwrap();
        for line in text.lines().map(str::trim_start) {
            let name = line.split_once("() {").map_or("", |it| it.0);
            let is_function =
                !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
            if is_function && !name.contains('_') {
                shadows.push(format!("{}: {line}", paper.display()));
            }
        }
    }
    assert!(shadows.is_empty(), "{}", shadows.join("\n"));
}

fn papers() -> Vec<PathBuf> {
    let mut found = vec!["README.md".into(), "CONTRIBUTING.md".into(), "CHANGELOG.md".into()];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A page without its blocks of code.
fn prose(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap();
    let parts = text.split("```").step_by(2);
    parts.collect::<Vec<_>>().join("\n")
}

fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(open)?;
        let (inner, left) = after.split_once(close)?;
        rest = left;
        Some(inner)
    })
}

/// What `#…` may name in a page: its headings, as they are made into anchors.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = prose(page);
    let headings = text.lines().filter(|it| it.starts_with('#')).map(|it| it.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|it| it.is_alphanumeric() || matches!(it, '-' | '_')).collect()
    };
    headings.map(anchor).collect()
}
