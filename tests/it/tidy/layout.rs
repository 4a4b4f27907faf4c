//! The layout of the source: which modules of the domain may use which, no circular use of files, limits on lengths.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::rust_files;

/// The wings of the domain: each may use those before it, as `src/domain/mod.rs` says.
const WINGS: [&str; 18] = [
    "model",
    "unit",
    "billing",
    "documents",
    "promise",
    "inventory",
    "catalogue",
    "couriers",
    "shipping",
    "discounts",
    "customers",
    "access",
    "returns",
    "approvals",
    "ordering",
    "privacy",
    "process",
    "invariants",
];

/// Lines of a file.
const FILE_MAX: usize = 600;

/// Lines of a function.
const FUNCTION_MAX: usize = 70;

/// Functions that are longer: mappings of one field or word a line, and sequences that are read from top to bottom.
const LONG: &[(&str, &str)] = &[
    ("src/domain/ordering/receive.rs", "build_order"),
    ("src/domain/privacy/redact.rs", "erase_data"),
    ("src/domain/process/timeline/steps.rs", "step"),
    ("src/domain/process/unavailable.rs", "why_not_order_call"),
    ("src/rpc/ordering/reply.rs", "order"),
    ("src/store/writer/lane.rs", "serve"),
];

#[test]
fn no_wing_of_the_domain_uses_what_comes_after_it() {
    let rank = |wing: &str| WINGS.iter().position(|it| *it == wing);
    let mut crossed = Vec::new();
    for (file, source) in sources("src/domain") {
        let of_tests = file.ends_with("tests.rs") || file.components().any(|it| it.as_os_str() == "tests");
        let Some(from) = module_of(&file).get(1).and_then(|it| rank(it)).filter(|_| !of_tests) else {
            continue;
        };
        for path in paths_in(&source, &module_of(&file)) {
            let to = path.get(1).filter(|_| path[0] == "domain").and_then(|it| rank(it));
            if to.is_some_and(|it| it > from) {
                crossed.push(format!("{} uses {}", file.display(), path.join("::")));
            }
        }
    }
    assert!(crossed.is_empty(), "{}", crossed.join("\n"));
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let sources = sources("src");
    let modules: BTreeSet<_> = sources.keys().map(|it| module_of(it)).collect();
    let mut open: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (file, source) in &sources {
        let module = module_of(file);
        let used = paths_of_file(source, &module).into_iter().filter_map(|path| {
            (1..=path.len()).rev().map(|it| path[..it].to_vec()).find(|it| modules.contains(it))
        });
        open.insert(module.clone(), used.filter(|it| *it != module).collect());
    }

    // Modules that use none of the rest are removed, again and again; a circle remains.
    loop {
        let left: BTreeSet<_> = open.keys().cloned().collect();
        let before = open.len();
        open.retain(|_, used| used.iter().any(|it| left.contains(it)));
        if open.len() == before {
            break;
        }
    }
    let circle: Vec<_> = open.keys().map(|it| it.join("::")).collect();
    assert!(circle.is_empty(), "a circle among, or above: {}", circle.join(", "));
}

#[test]
fn no_file_is_too_long_to_read() {
    let files =
        ["src", "tests/it", "api/src", "migrations/src"].into_iter().flat_map(|it| rust_files(Path::new(it)));
    let long = files.filter_map(|file| {
        let lines = fs::read_to_string(&file).expect("a source file can be read").lines().count();
        (lines > FILE_MAX).then(|| format!("{}: {lines} lines", file.display()))
    });
    let long: Vec<_> = long.collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn no_function_is_too_long_to_read() {
    let mut long = BTreeSet::new();
    for (file, code) in sources("src") {
        let name = file.to_string_lossy().into_owned();
        if !name.contains("/tests/") && !name.ends_with("/tests.rs") {
            long.extend(long_functions(&code).into_iter().map(|it| (name.clone(), it)));
        }
    }
    let named: BTreeSet<_> =
        LONG.iter().map(|(file, name)| ((*file).to_owned(), (*name).to_owned())).collect();
    let unnamed: Vec<_> = long.difference(&named).collect();
    let idle: Vec<_> = named.difference(&long).collect();
    assert!(unnamed.is_empty() && idle.is_empty(), "too long: {unnamed:?}; named without need: {idle:?}");
}

/// The names of functions of more than [`FUNCTION_MAX`] lines.
fn long_functions(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ").filter(|(at, _)| !code[..*at].ends_with(is_of_word)) {
        let name: String = code[at + 3..].chars().take_while(|it| is_of_word(*it)).collect();
        let Some(begin) = code[at..].find(['{', ';']).map(|it| at + it) else { continue };
        let mut depth = 0;
        let end = code[begin..].char_indices().find(|(_, it)| {
            depth += i32::from(*it == '{') - i32::from(*it == '}');
            depth == 0
        });
        let lines = end.map_or(0, |(end, _)| code[at..begin + end].lines().count());
        if lines > FUNCTION_MAX {
            found.push(name);
        }
    }
    found
}

/// Each source file below, without its comments and texts.
fn sources(folder: &str) -> BTreeMap<PathBuf, String> {
    let read = |it: PathBuf| {
        let text = fs::read_to_string(&it).expect("a source file can be read");
        (it, code_of(&text))
    };
    rust_files(Path::new(folder)).into_iter().map(read).collect()
}

/// `src/store/rows/mod.rs` is `store::rows`.
fn module_of(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let names = path.components().skip(1).map(|it| it.as_os_str().to_string_lossy().into_owned());
    names.filter(|it| it != "mod").collect()
}

/// The paths that a file names. In the tests at its end `super` is the file itself.
fn paths_of_file(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let (own, tests) = code.split_once("mod tests {").unwrap_or((code, ""));
    let mut in_tests = module.to_vec();
    in_tests.push("tests".to_owned());
    [paths_in(own, module), paths_in(tests, &in_tests)].concat()
}

/// The paths from the root that code names: `crate::…` and `super::…`, braces of a use spread out.
fn paths_in(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, head) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        if code[..at].ends_with(|it| is_of_word(it) || it == ':' || it == '$') {
            continue;
        }
        let mut base = match head {
            "crate::" => Vec::new(),
            _ => module[..module.len() - 1].to_vec(),
        };
        let mut rest = &code[at + head.len()..];
        while let Some(further) = rest.strip_prefix("super::") {
            base.pop();
            rest = further;
        }
        spread(rest, &base, &mut found);
    }
    found
}

/// Takes one path off the text, or one group in braces; returns what comes after it.
fn spread<'a>(text: &'a str, base: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = base.to_vec();
    let mut rest = text.trim_start();
    loop {
        if let Some(mut inner) = rest.strip_prefix('{') {
            while !inner.trim_start().starts_with('}') && !inner.trim_start().is_empty() {
                inner = spread(inner, &path, found).trim_start().trim_start_matches(',');
            }
            return inner.trim_start().trim_start_matches('}');
        }
        let end = rest.find(|it| !is_of_word(it)).unwrap_or(rest.len());
        if &rest[..end] != "self" {
            path.push(rest[..end].to_owned());
        }
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(further) if end > 0 => rest = further,
            _ => break,
        }
    }
    found.push(path);
    // `as name`, `*`: up to the comma or the end of the group.
    &rest[rest.find([',', '}', ';']).unwrap_or(rest.len())..]
}

fn is_of_word(it: char) -> bool {
    it.is_alphanumeric() || it == '_'
}

/// The text with comments left out and what stands in quotes made empty; lines stay lines.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let raw =
            rest.strip_prefix('r').map(|it| it.trim_start_matches('#')).filter(|it| it.starts_with('"'));
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(body) = raw.filter(|_| !code.ends_with(is_of_word)) {
            let end = format!("\"{}", "#".repeat(rest.len() - body.len() - 1));
            rest.len() - body.len() + 1 + body[1..].find(&end).map_or(body.len() - 1, |it| it + end.len())
        } else if first == '"' {
            1 + end_of_quote(&rest[1..], '"')
        } else if first == '\'' && is_char(rest) {
            1 + end_of_quote(&rest[1..], '\'')
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.extend(rest[..taken].chars().filter(|it| *it == '\n'));
        rest = &rest[taken..];
    }
    code
}

/// A character in quotes, and not a lifetime.
fn is_char(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

fn end_of_quote(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.char_indices().find(|(_, it)| {
        let ends = *it == quote && !escaped;
        escaped = *it == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, it)| at + it.len_utf8())
}
