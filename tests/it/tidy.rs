//! The layer line: who may name whom. It reads text, so it is weaker than the compiler; it is enough to notice.

mod layout;

use std::fs;
use std::path::{Path, PathBuf};

/// Each room with what its code never names.
const LINES: &[(&str, &[&str])] = &[
    (
        "src/domain",
        &[
            "tonic",
            "prost",
            "sea_orm",
            "sqlx",
            "tokio",
            "crate::store",
            "crate::rpc",
            "crate::work",
            "crate::outside",
            "crate::pb",
        ],
    ),
    (
        "src/documents",
        &[
            "tonic",
            "prost",
            "sea_orm",
            "sqlx",
            "tokio",
            "crate::store",
            "crate::rpc",
            "crate::work",
            "crate::outside",
            "crate::pb",
        ],
    ),
    (
        "src/outside",
        &["tonic", "prost", "sea_orm", "sqlx", "crate::store", "crate::rpc", "crate::work", "crate::pb"],
    ),
    ("src/store", &["tonic", "prost", "crate::rpc", "crate::work", "crate::outside", "crate::pb"]),
    ("src/work", &["tonic", "prost", "sea_orm", "sqlx", "crate::rpc", "crate::pb"]),
    ("src/rpc", &["sea_orm", "sqlx", "crate::webhook", "crate::server"]),
    ("src/webhook", &["tonic", "sea_orm", "sqlx", "crate::server"]),
    ("src/operations", &["tonic", "prost", "sea_orm", "sqlx", "crate::domain", "crate::server"]),
    (
        "src/console",
        &["sea_orm", "sqlx", "crate::store", "crate::domain", "crate::rpc", "crate::work", "crate::server"],
    ),
    (
        "src/access",
        &[
            "tonic",
            "prost",
            "sea_orm",
            "sqlx",
            "crate::store",
            "crate::rpc",
            "crate::work",
            "crate::outside",
            "crate::server",
            "crate::settings",
        ],
    ),
    ("src/traces", &["tonic", "sea_orm", "sqlx", "crate::store", "crate::rpc", "crate::server"]),
    ("src/bench", &["sea_orm", "crate::store", "crate::rpc", "crate::work", "crate::outside"]),
    ("api/src", &["consign::", "sea_orm", "sqlx"]),
    ("migrations/src", &["consign::"]),
];

#[test]
fn no_layer_names_what_lies_above_it() {
    let mut crossed = Vec::new();
    for (room, banned) in LINES {
        for file in rust_files(Path::new(room)) {
            let text = fs::read_to_string(&file).expect("a source file can be read");
            for (line, number) in text.lines().zip(1..) {
                let code = line.split("//").next().unwrap_or_default();
                for name in banned.iter().filter(|it| names(code, it)) {
                    crossed.push(format!("{}:{number} names {name}", file.display()));
                }
            }
        }
    }
    assert!(crossed.is_empty(), "{}", crossed.join("\n"));
}

/// Whether the code uses the path or crate as a word of its own.
fn names(code: &str, name: &str) -> bool {
    let word = |it: char| it.is_alphanumeric() || it == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + name.len()..].chars().next();
        let free = before.is_none_or(|it| !word(it) && it != ':');
        free && (name.ends_with("::") || after.is_none_or(|it| !word(it)))
    })
}

#[test]
fn only_one_file_reads_the_clock() {
    let readers: Vec<PathBuf> = rust_files(Path::new("src"))
        .into_iter()
        .filter(|file| {
            let text = fs::read_to_string(file).expect("a source file can be read");
            text.contains("SystemTime::now") || text.contains("now_utc()")
        })
        .collect();
    assert_eq!(readers, [PathBuf::from("src/clock.rs")]);
}

/// These macros panic when nobody reads what they print.
#[test]
fn nothing_is_printed_that_a_closed_pipe_could_turn_into_a_panic() {
    let mut printing = Vec::new();
    for file in rust_files(Path::new("src")).into_iter().filter(|it| !it.starts_with("src/store/tests")) {
        let text = fs::read_to_string(&file).expect("a source file can be read");
        let prints = |line: &&str| ["println!(", "print!("].iter().any(|it| line.contains(it));
        printing.extend(text.lines().filter(prints).map(|it| format!("{}: {it}", file.display())));
    }
    assert!(printing.is_empty(), "{}", printing.join("\n"));
}

#[test]
fn nothing_is_left_to_be_done_in_the_code() {
    let marks = ["TO", "DO"].concat();
    for file in rust_files(Path::new("src"))
        .into_iter()
        .chain(rust_files(Path::new("api/src")))
        .chain(rust_files(Path::new("migrations/src")))
    {
        let text = fs::read_to_string(&file).expect("a source file can be read");
        assert!(!text.contains(&marks), "{} has a {marks}", file.display());
        assert!(text.starts_with("//!"), "{} does not say what lives in it", file.display());
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder exists") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
