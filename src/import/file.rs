//! A file of rows, read one after the other, each with the line it begins on.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::import::Kind;
use crate::import::orders::{self, Keys, Orders};
use crate::import::row::{Given, Shape};

/// Longest line of JSON Lines; the server takes far shorter ones, unless its settings say otherwise.
const LINE_BYTES_MAX: u64 = 1_048_576;

/// A file that was opened, and its header read.
pub(super) struct Source {
    shape: Shape,
    bytes: u64,
    rows: Rows,
}

enum Rows {
    Table { header: Vec<String>, reader: Box<csv::Reader<Counted>> },
    Orders { header: Vec<String>, reader: Box<csv::Reader<Counted>>, orders: Box<Orders> },
    Lines { reader: BufReader<Counted>, line: u64 },
}

/// A row and its line, or why it cannot be read; none after the last.
pub(super) type Next = Option<(u64, Result<Given, String>)>;

pub(super) fn open(path: &Path, kind: Kind, position: Arc<AtomicU64>) -> Result<Source, String> {
    let shape = Shape::of(kind)?;
    let file = File::open(path).map_err(|it| it.to_string())?;
    let bytes = file.metadata().map_err(|it| it.to_string())?.len();
    let counted = Counted { file, position };
    let is_table = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("csv"));
    let rows = match is_table {
        true => table(&shape, kind, path, counted)?,
        false => Rows::Lines { reader: BufReader::new(counted), line: 0 },
    };
    Ok(Source { shape, bytes, rows })
}

fn table(shape: &Shape, kind: Kind, path: &Path, file: Counted) -> Result<Rows, String> {
    let (header, reader) = begin(kind, file)?;
    let columns = header.iter().map(String::as_str);
    match kind {
        Kind::Products | Kind::Stock => shape.check_columns(columns)?,
        Kind::Orders => orders::check_columns(columns)?,
    }
    if let Some(twice) = (1..header.len()).find(|it| header[..*it].contains(&header[*it])) {
        return Err(format!("column {:?} is there twice", header[twice]));
    }
    let reader = Box::new(reader);
    Ok(match kind {
        Kind::Products | Kind::Stock => Rows::Table { header, reader },
        Kind::Orders => {
            let orders = Box::new(Orders::with_torn(torn_orders(path)?));
            Rows::Orders { header, reader, orders }
        }
    })
}

/// Reads the header of a table.
fn begin(kind: Kind, file: Counted) -> Result<(Vec<String>, csv::Reader<Counted>), String> {
    // Of a row with too few or too many cells it has to be known which order it is of.
    let is_flexible = kind == Kind::Orders;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(is_flexible).from_reader(file);
    let header = reader.headers().map_err(|it| it.to_string())?;
    let mut header: Vec<String> = header.iter().map(str::to_owned).collect();
    // Spreadsheets begin their files with a byte order mark.
    if let Some(first) = header.first_mut() {
        *first = first.trim_start_matches('\u{feff}').to_owned();
    }
    Ok((header, reader))
}

/// The orders whose rows do not stand together. All keys are read before an order is sent: one that comes again further down
/// would have been sent in part by then.
fn torn_orders(path: &Path) -> Result<HashSet<String>, String> {
    let file = File::open(path).map_err(|it| it.to_string())?;
    let (header, mut reader) = begin(Kind::Orders, Counted { file, position: Arc::default() })?;
    let Some(column) = header.iter().position(|it| it == orders::KEY) else { return Ok(HashSet::new()) };
    let mut keys = Keys::default();
    while let Some((_, record)) = next_record(&mut reader).map_err(|it| it.to_string())? {
        if let Ok(record) = record {
            keys.take(record.get(column).unwrap_or_default());
        }
    }
    Ok(keys.torn())
}

impl Source {
    /// Size of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the next row. What cannot be read at all ends the file.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        let Self { shape, rows, .. } = self;
        match rows {
            Rows::Table { header, reader } => {
                let Some((line, record)) = next_record(reader)? else { return Ok(None) };
                let cells =
                    |it: csv::StringRecord| shape.of_cells(header.iter().map(String::as_str).zip(&it));
                Ok(Some((line, record.and_then(cells))))
            }
            Rows::Orders { header, reader, orders } => loop {
                if let Some(ready) = orders.ready() {
                    return Ok(Some(ready));
                }
                match next_record(reader)? {
                    None => {
                        orders.end(shape);
                        return Ok(orders.ready());
                    }
                    Some((line, Ok(record))) => take_row(shape, header, orders, line, &record),
                    Some((line, Err(why))) => orders.take_unknown(line, &why),
                }
            },
            Rows::Lines { reader, line } => loop {
                let Some(read) = next_line(reader)? else { return Ok(None) };
                *line += 1;
                match read {
                    Ok(text) if text.trim().is_empty() => {}
                    Ok(text) => return Ok(Some((*line, shape.of_json(&text)))),
                    Err(why) => return Ok(Some((*line, Err(why)))),
                }
            },
        }
    }
}

/// A row of a table and its line, or why it is none.
type Record = Option<(u64, Result<csv::StringRecord, String>)>;

fn next_record(reader: &mut csv::Reader<Counted>) -> io::Result<Record> {
    let mut record = csv::StringRecord::new();
    let line = reader.position().line();
    match reader.read_record(&mut record) {
        Ok(false) => Ok(None),
        Ok(true) => Ok(Some((record.position().map_or(line, csv::Position::line), Ok(record)))),
        Err(error) => match error.kind() {
            csv::ErrorKind::Io(_) => Err(io::Error::other(error)),
            _ => {
                let line = error.position().map_or(line, csv::Position::line);
                Ok(Some((line, Err(error.to_string()))))
            }
        },
    }
}

fn take_row(shape: &Shape, header: &[String], orders: &mut Orders, line: u64, record: &csv::StringRecord) {
    let cells: Vec<(&str, &str)> = header.iter().map(String::as_str).zip(record).collect();
    if record.len() == header.len() {
        return orders.take(shape, line, &cells);
    }
    let key = cells.iter().find(|it| it.0 == orders::KEY).map_or("", |it| it.1);
    let why = format!("has {} cells, and the header {}", record.len(), header.len());
    orders.take_bad(shape, line, key, &why);
}

/// The next line, or why it is none; of one that is too long no more than its beginning is held.
fn next_line(reader: &mut impl BufRead) -> io::Result<Option<Result<String, String>>> {
    let mut bytes = Vec::new();
    let read = reader.take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    let ended = bytes.last() == Some(&b'\n');
    if !ended && bytes.len() as u64 > LINE_BYTES_MAX {
        skip_line(reader)?;
        return Ok(Some(Err(format!("is longer than {LINE_BYTES_MAX} bytes"))));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned());
    Ok(Some(text.map(|it| it.trim_start_matches('\u{feff}').to_owned())))
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let (length, ended) = {
            let buffer = reader.fill_buf()?;
            match buffer.iter().position(|it| *it == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            }
        };
        reader.consume(length);
        if ended {
            return Ok(());
        }
    }
}

/// A file that tells how far it was read.
pub(super) struct Counted {
    file: File,
    position: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(name: &str, text: &[u8], kind: Kind) -> Result<Vec<(u64, bool)>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        let position = Arc::new(AtomicU64::new(0));
        let mut source = open(&path, kind, Arc::clone(&position))?;
        let mut read = Vec::new();
        while let Some((line, row)) = source.next().expect("a readable file") {
            read.push((line, row.is_ok()));
        }
        assert_eq!(position.load(Ordering::Relaxed), source.bytes());
        Ok(read)
    }

    #[test]
    fn the_rows_of_a_table_have_the_lines_they_begin_on() {
        let text = "\u{feff}sku,name,fragile\nA-1,\"two\nlines\",\nA-2,Mug,perhaps\nA-3,Mug\nA-4,Cup,yes\n";
        let read = rows("x.csv", text.as_bytes(), Kind::Products).expect("a table");
        assert_eq!(read, [(2, true), (4, false), (5, false), (6, true)]);
        assert!(rows("x.csv", b"sku,colour\n", Kind::Products).is_err());
        assert!(rows("x.csv", b"sku,sku\n", Kind::Products).is_err());
        assert!(rows("x.csv", b"channel\n", Kind::Orders).is_err());
    }

    #[test]
    fn the_rows_of_an_order_stand_together_and_its_line_is_that_of_the_first() {
        let text = "\u{feff}order,sku,quantity\n1,A-1,1\n1,B-2,2\n2,A-1\n2,A-1,3\n3,A-1,1\n3,\"B\n2\",1\n";
        let read = rows("x.csv", text.as_bytes(), Kind::Orders).expect("a table");
        assert_eq!(read, [(2, true), (4, false), (6, true)]);
        let torn = b"order,sku\n7,A-1\n8,A-1\n7,B-2\n9,A-1\n";
        let read = rows("x.csv", torn, Kind::Orders).expect("a table");
        assert_eq!(read, [(2, false), (3, true), (4, false), (5, true)]);
        let read = rows("x.csv", b"order,sku\n1,A-1\n\xff,A-1\n2,A-1\n3,A-1", Kind::Orders).expect("a table");
        assert_eq!(read, [(3, false), (4, false), (5, true)]);
    }

    #[test]
    fn a_line_that_is_no_row_does_not_hide_the_next_one() {
        let long = format!("{{\"name\": \"{}\"}}\n", "x".repeat(1_100_000));
        let text = format!("{{\"sku\": \"A-1\"}}\n\nnonsense\n{long}{{\"sku\": \"A-2\"}}");
        let read = rows("x.jsonl", text.as_bytes(), Kind::Products).expect("lines");
        assert_eq!(read, [(1, true), (3, false), (4, false), (5, true)]);
        let read = rows("x.jsonl", b"\xff\n{\"sku\": \"A-1\"}\n", Kind::Products).expect("lines");
        assert_eq!(read, [(1, false), (2, true)]);
    }
}
