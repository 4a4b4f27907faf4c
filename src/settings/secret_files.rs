//! Secrets that stand in files of their own: `password_file` for `password`.

use std::fs::File;
use std::io::Read;

use figment::value::{Dict, Value};

use crate::domain::Problems;

/// The settings that are secret, `*` for each code. Those of a map have a map of files beside it.
const SECRETS: [&str; 3] = ["database_url", "mail.smtp.password", "couriers.*.token"];

/// Groups with a map of secrets by code, and one of their files beside it.
const MAPS: [(&str, &str, &str); 2] =
    [("webhooks", "secrets", "secret_files"), ("archive", "keys", "key_files")];

/// No secret is longer than this, in bytes.
const BYTES_MAX: u64 = 65_536;

/// Stands for a text that could not be read. It passes as any of the secrets, so that nothing else is said of it.
const UNREADABLE: &str = "postgres://unreadable";

/// Puts the texts of the files in the places of the secrets.
pub(super) fn read_secret_files(tree: &mut Value, bad: &mut Problems) {
    for secret in SECRETS {
        let steps: Vec<_> = secret.split('.').collect();
        look_into(tree, &steps, "", bad);
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
    let place = group_of.entry(secrets.to_owned()).or_insert_with(|| Dict::new().into());
    let Value::Dict(_, texts) = place else { return };
    for (code, file) in named {
        let key = format!("{group}.{files}.{code}");
        put(texts, &code, &file, &format!("{group}.{secrets}.{code}"), &key, bad);
    }
}

/// `before` is the key of the dictionary, with its dot.
fn look_into(place: &mut Value, steps: &[&str], before: &str, bad: &mut Problems) {
    let (Value::Dict(_, dict), Some((step, rest))) = (place, steps.split_first()) else { return };
    if rest.is_empty() {
        let file_key = format!("{step}_file");
        if let Some(file) = dict.remove(&file_key) {
            put(dict, step, &file, &format!("{before}{step}"), &format!("{before}{file_key}"), bad);
        }
        return;
    }
    for (key, inner) in dict.iter_mut().filter(|(key, _)| *step == "*" || key == step) {
        look_into(inner, rest, &format!("{before}{key}."), bad);
    }
}

fn put(dict: &mut Dict, name: &str, file: &Value, key: &str, file_key: &str, bad: &mut Problems) {
    if dict.contains_key(name) {
        return bad.add(file_key, format!("{key} is set too: only one of them may be"));
    }
    let text = match file.as_str().map(read) {
        None => Err("must be the name of a file".to_owned()),
        Some(read) => read,
    };
    let text = text.unwrap_or_else(|why| {
        bad.add(file_key, why);
        UNREADABLE.to_owned()
    });
    dict.insert(name.to_owned(), Value::String(file.tag(), text));
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
