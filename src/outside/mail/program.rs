//! Letters to a program that sends them.

use std::io::{self, PipeReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::domain::{Sender, Unsent};
use crate::outside::mail::contract::{Email, Mail};
use crate::outside::mail::message::{Encoding, written};
use crate::outside::mail::outages::Outages;
use crate::outside::mail::words::cleaned;

/// How long a mail program may take.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(8);

/// Bytes of a program's output that are kept; it may write more.
const OUTPUT_KEPT: u64 = 4_096;

/// How long a program that has ended may leave its output open, as one does that another goes on behind.
const OUTPUT_WITHIN: Duration = Duration::from_millis(200);

/// Hands letters to a program that takes them as `sendmail -i -f SENDER -- RECIPIENT` does: postfix, exim, msmtp, or a
/// script in front of a mail company's API. The recipient is that argument alone, never what a program might read in the
/// header. Sent twice, the customer may get two with the same Message-ID, of which mail readers show one. A program that
/// hangs is taken for an outage.
pub struct Sendmail {
    program: PathBuf,
    from: Sender,
    outages: Outages,
}

impl Sendmail {
    pub fn new(program: impl Into<PathBuf>, from: Sender) -> Self {
        Self { program: program.into(), from, outages: Outages::default() }
    }
}

#[async_trait]
impl Mail for Sendmail {
    async fn send(&self, email: &Email) -> Result<(), Unsent> {
        let text = written(email, &self.from, Encoding::Ascii)?.bytes;
        // The program reads it as a text file of this system.
        let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
        self.outages.admit()?;
        let (program, from, to) = (self.program.clone(), self.from.address.to_string(), email.to.to_string());
        let handing_over = tokio::task::spawn_blocking(move || hand_over(&program, &from, &to, text));
        let Ok(ended) = handing_over.await else {
            return Err(Unsent::Later("the mail program: waiting was given up".to_owned()));
        };
        match ended {
            Ended::Hung => {
                self.outages.is_away("the mail program took too long");
                Err(Unsent::Later("the mail program took too long".to_owned()))
            }
            Ended::With(sent) => {
                self.outages.is_there();
                sent
            }
        }
    }
}

enum Ended {
    With(Result<(), Unsent>),
    /// It was stopped; whether it took the letter nobody knows.
    Hung,
}

/// The exit codes of `sysexits.h` by which a mail program says that it will never take this letter: EX_DATAERR and
/// EX_NOUSER. EX_NOHOST (68) is not among them, as some programs return it when they cannot find their relay; the causes
/// of all other codes can be repaired.
const REFUSED: [i32; 2] = [65, 67];

fn hand_over(program: &Path, from: &str, to: &str, text: String) -> Ended {
    match run(program, from, to, text) {
        Ok(ended) => ended,
        Err(error) => Ended::With(Err(Unsent::Later(format!("the mail program: {error}")))),
    }
}

fn run(program: &Path, from: &str, to: &str, text: String) -> io::Result<Ended> {
    let (its_input, mut input) = io::pipe()?;
    let (output, its_output) = io::pipe()?;
    let mut command = Command::new(program);
    // An address behind `--` is never an option, whatever it begins with.
    command
        .args(["-i", "-f", from, "--", to])
        .stdin(its_input)
        .stdout(its_output.try_clone()?)
        .stderr(its_output);
    let mut child = command.spawn()?;
    // It keeps the ends of the pipes that are the child's.
    drop(command);

    // From threads of their own: a program that does not read, or writes much, must not block the caller.
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let (heard, hearing) = mpsc::channel();
    std::thread::spawn(move || heard.send(read_output(output)));
    let Some(status) = await_exit(&mut child)? else { return Ok(Ended::Hung) };

    let read = writing.join().is_ok_and(|it| it.is_ok());
    let words = hearing.recv_timeout(OUTPUT_WITHIN).unwrap_or_default();
    let why = match words.as_str() {
        "" => format!("the mail program: {status}"),
        words => format!("the mail program: {status}: {words}"),
    };
    let refused = status.code().is_some_and(|it| REFUSED.contains(&it));
    Ok(Ended::With(match (status.success(), refused, read) {
        (false, true, _) => Err(Unsent::Refused(why)),
        (false, false, _) => Err(Unsent::Later(why)),
        (true, _, false) => Err(Unsent::Later("the mail program did not read the letter".to_owned())),
        (true, _, true) => Ok(()),
    }))
}

/// What the program says; all of it is read, so that it never waits for a reader.
fn read_output(mut output: PipeReader) -> String {
    let mut kept = Vec::new();
    // What cannot be read is not kept: the exit code says what matters.
    let _ = output.by_ref().take(OUTPUT_KEPT).read_to_end(&mut kept);
    let _ = io::copy(&mut output, &mut io::sink());
    cleaned(&String::from_utf8_lossy(&kept))
}

/// None: it took too long and was stopped.
fn await_exit(child: &mut Child) -> io::Result<Option<std::process::ExitStatus>> {
    let ends = Instant::now() + HANDED_OVER_WITHIN;
    while Instant::now() < ends {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}
