//! Secrets that stand in files of their own: `password_file` for `password`.

use std::fs::File;
use std::io::Read;

use figment::value::{Dict, Value};

use crate::domain::Problems;

/// The settings that are secret, `*` for each code. Those of a map have a map of files beside it.
const SECRETS: [&str; 5] = [
    "database_url",
    "mail.smtp.password",
    "couriers.*.token",
    "events.subscribers.*.token",
    "events.subscribers.*.credentials",
];

/// Groups with a map of secrets by code, and one of their files beside it.
const MAPS: [(&str, &str, &str); 2] =
    [("webhooks", "secrets", "secret_files"), ("archive", "keys", "key_files")];

/// Lists of secrets, `*` for each name, each with the list of files that may stand for it.
const LISTS: [(&str, &str, &str); 1] = [("events.subscribers.*", "secrets", "secret_files")];

/// No secret is longer than this, in bytes.
const BYTES_MAX: u64 = 65_536;

/// Stands for a text that could not be read. It passes as any of the secrets, so that nothing else is said of it.
const UNREADABLE: &str = "postgres://unreadable";

/// The same in a list of those that sign events.
const UNREADABLE_KEY: &str = "whsec_dW5yZWFkYWJsZXVucmVhZGFibGV1bnJlYWRhYmxl";

/// Puts the texts of the files under the keys of the secrets.
pub(super) fn read_secret_files(tree: &mut Value, bad: &mut Problems) {
    for secret in SECRETS {
        let mut steps: Vec<_> = secret.split('.').collect();
        let Some(name) = steps.pop() else { continue };
        at_each(tree, &steps, "", &mut |dict, before| take_file(dict, name, before, bad));
    }
    for (lists, secrets, files) in LISTS {
        let steps: Vec<_> = lists.split('.').collect();
        at_each(tree, &steps, "", &mut |dict, before| take_files(dict, (secrets, files), before, bad));
    }
    for map in MAPS {
        read_map(tree, map, bad);
    }
}

fn read_map(tree: &mut Value, (group, secrets, files): (&str, &str, &str), bad: &mut Problems) {
    let Value::Dict(_, all) = tree else { return };
    let Some(Value::Dict(_, group_of)) = all.get_mut(group) else { return };
    let named = match group_of.remove(files) {
        None => return,
        Some(Value::Dict(_, named)) => named,
        Some(_) => return bad.add(format!("{group}.{files}"), "must be a map of files by code"),
    };
    let node = group_of.entry(secrets.to_owned()).or_insert_with(|| Dict::new().into());
    let Value::Dict(_, texts) = node else { return };
    for (code, file) in named {
        let key = format!("{group}.{files}.{code}");
        put(texts, &code, &file, &format!("{group}.{secrets}.{code}"), &key, bad);
    }
}

/// Looks at each dictionary that the steps lead to. `before` is the key of the present one, with its dot.
fn at_each(node: &mut Value, steps: &[&str], before: &str, look: &mut dyn FnMut(&mut Dict, &str)) {
    let Value::Dict(_, dict) = node else { return };
    let Some((step, rest)) = steps.split_first() else { return look(dict, before) };
    for (key, inner) in dict.iter_mut().filter(|(key, _)| *step == "*" || key == step) {
        at_each(inner, rest, &format!("{before}{key}."), look);
    }
}

fn take_file(dict: &mut Dict, name: &str, before: &str, bad: &mut Problems) {
    let file_key = format!("{name}_file");
    if let Some(file) = dict.remove(&file_key) {
        put(dict, name, &file, &format!("{before}{name}"), &format!("{before}{file_key}"), bad);
    }
}

fn take_files(dict: &mut Dict, (secrets, files): (&str, &str), before: &str, bad: &mut Problems) {
    let Some(named) = dict.remove(files) else { return };
    let key = format!("{before}{files}");
    if dict.contains_key(secrets) {
        return bad.add(key, format!("{before}{secrets} is set too: only one of them may be"));
    }
    let tag = named.tag();
    let texts: Vec<Value> = match named {
        Value::Array(_, named) => {
            let texts = named.iter().enumerate().map(|(index, file)| {
                let text = text_of(file).unwrap_or_else(|why| {
                    bad.add(format!("{key}.{index}"), why);
                    UNREADABLE_KEY.to_owned()
                });
                Value::String(file.tag(), text)
            });
            texts.collect()
        }
        _ => {
            bad.add(key, "must be a list of files");
            vec![Value::String(tag, UNREADABLE_KEY.to_owned())]
        }
    };
    dict.insert(secrets.to_owned(), Value::Array(tag, texts));
}

fn put(dict: &mut Dict, name: &str, file: &Value, key: &str, file_key: &str, bad: &mut Problems) {
    if dict.contains_key(name) {
        return bad.add(file_key, format!("{key} is set too: only one of them may be"));
    }
    let text = text_of(file).unwrap_or_else(|why| {
        bad.add(file_key, why);
        UNREADABLE.to_owned()
    });
    dict.insert(name.to_owned(), Value::String(file.tag(), text));
}

/// What stands in the file of that name, or why there is nothing.
fn text_of(file: &Value) -> Result<String, String> {
    file.as_str().map_or_else(|| Err("must be the name of a file".to_owned()), read)
}

/// The text of a file, without the line end that editors put behind it.
fn read(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let opened = File::open(path).and_then(|it| it.take(BYTES_MAX + 1).read_to_string(&mut text));
    opened.map_err(|it| format!("{path} cannot be read: {it}"))?;
    if text.len() as u64 > BYTES_MAX {
        return Err(format!("{path} has more than {BYTES_MAX} bytes"));
    }
    let text = text.strip_suffix('\n').map_or(text.as_str(), |it| it.strip_suffix('\r').unwrap_or(it));
    if text.is_empty() { Err(format!("{path} is empty")) } else { Ok(text.to_owned()) }
}
