//! The log without a process: what cannot be written, what is not understood, what JSON says.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tracing::subscriber::with_default;

use super::lines::Lines;
use super::{chosen, filter, json};

const SOON: Duration = Duration::from_secs(10);

/// A disk to write to that may be full.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    text: Vec<u8>,
    room: Option<usize>,
}

impl Disk {
    fn has_room(&self, room: Option<usize>) {
        self.0.lock().expect("nobody panicked").room = room;
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panicked").text.clone()).expect("text")
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().expect("nobody panicked");
        let room = kept.room.unwrap_or(bytes.len()).min(bytes.len());
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        kept.text.extend_from_slice(&bytes[..room]);
        kept.room = kept.room.map(|it| it - room);
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hand_over(lines: &Lines, line: &str) {
    (&mut &*lines).write_all(line.as_bytes()).expect("it never fails");
}

#[test]
fn lines_without_room_are_dropped_and_the_next_begins_on_a_line_of_its_own() {
    let disk = Disk::default();
    let lines = Lines::to(disk.clone()).expect("a thread");
    disk.has_room(Some(4));
    hand_over(&lines, "cut off\n");
    hand_over(&lines, "lost\n");
    lines.flush(SOON);
    disk.has_room(None);
    hand_over(&lines, "whole\n");
    lines.flush(SOON);
    assert_eq!(disk.text(), "cut \nwhole\n");
}

/// A reader that takes nothing until it is released.
struct Slow(Receiver<()>);

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Released by closing the channel: from then on it takes all.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nobody_waits_for_a_reader_that_does_not_read_and_the_last_lines_wait_only_so_long() {
    let (go, wait): (Sender<()>, _) = mpsc::channel();
    let lines = Lines::to(Slow(wait)).expect("a thread");
    // More than any queue of ours holds: a call that waited would never come back.
    for _ in 0..20_000 {
        hand_over(&lines, "a line\n");
    }
    lines.flush(Duration::from_millis(20));
    drop(go);
    lines.flush(SOON);
}

#[test]
fn a_filter_that_says_nothing_or_a_word_that_is_no_level_is_refused() {
    for good in ["info", "WARN", "off", "warn,consign=debug", "info,sqlx=warn,", "consign::rpc", "3"] {
        assert!(filter(good).is_ok(), "{good}");
    }
    for wrong in ["", "  ", "verbose", "debgu,sqlx=warn", "consign=loud", "info,[", "a=b=c"] {
        assert!(filter(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_variable_that_is_not_understood_leaves_the_choice_to_the_settings() {
    let of = |variable: Option<&str>| {
        let (filter, why) = chosen(variable.map(OsStr::new), "warn");
        (filter.to_string(), why.is_some())
    };
    assert_eq!(of(None), ("warn".to_owned(), false));
    assert_eq!(of(Some("debug")), ("debug".to_owned(), false));
    assert_eq!(of(Some("")), ("warn".to_owned(), true));
    assert_eq!(of(Some("loud")), ("warn".to_owned(), true));
}

fn logged(event: impl FnOnce()) -> Vec<String> {
    let disk = Disk::default();
    let lines = Lines::to(disk.clone()).expect("a thread");
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .event_format(json::Json)
        .with_writer(lines.clone())
        .finish();
    with_default(subscriber, event);
    lines.flush(SOON);
    disk.text().lines().map(str::to_owned).collect()
}

#[test]
fn every_line_of_json_has_each_key_once() {
    let lines = logged(|| {
        let shown = "a \"quoted\"\nline";
        tracing::info!(message = "first", "second");
        tracing::warn!(level = "mine", target = 3, %shown, odd = f64::NAN, on = true, "third {}", 3);
        tracing::error!(name: "named", only = 1);
    });
    assert_eq!(lines.len(), 3, "{lines:?}");
    for line in &lines {
        let read: Value = serde_json::from_str(line).expect("JSON");
        for key in ["timestamp", "level", "target", "message"] {
            assert!(read.get(key).is_some_and(Value::is_string), "{key} in {line}");
            assert_eq!(line.matches(&format!("\"{key}\":")).count(), 1, "{line}");
        }
    }
    let read: Value = serde_json::from_str(&lines[1]).expect("JSON");
    assert_eq!(read["shown"], "a \"quoted\"\nline");
    assert_eq!((&read["level"], &read["field.level"]), (&"WARN".into(), &"mine".into()));
    assert_eq!((&read["field.target"], &read["odd"], &read["on"]), (&3.into(), &Value::Null, &true.into()));
}
