//! The shop's own templates of letters: the files of a folder, by name.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Bytes of a template.
const FILE_MAX: u64 = 64 * 1_024;

/// The files of a folder and of the folders in it, one per language: `layout.html`, `de/shipped.md`. Hidden files are
/// left out, as editors leave some behind.
pub fn templates_in(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut files = BTreeMap::new();
    for (name, path) in entries(folder)? {
        if !path.is_dir() {
            files.insert(name, read(&path)?);
            continue;
        }
        for (file, path) in entries(&path)? {
            files.insert(format!("{name}/{file}"), read(&path)?);
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<(String, std::path::PathBuf)>, String> {
    let failed = |it: io::Error| format!("{}: {it}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<String, String> {
    let failed = |it: io::Error| format!("{}: {it}", path.display());
    if fs::metadata(path).map_err(failed)?.len() > FILE_MAX {
        return Err(format!("{}: a template has at most {FILE_MAX} bytes", path.display()));
    }
    fs::read_to_string(path).map_err(failed)
}
