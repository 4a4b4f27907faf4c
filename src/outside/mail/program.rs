//! Letters to a program that sends them.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::domain::{Letter, MessageId, Recipient, Sender, Unsent};
use crate::outside::mail::contract::Mail;
use crate::outside::mail::folder::addressee;
use crate::outside::mail::message::written;

/// How long a mail program may take.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(8);

/// Hands letters to a program that takes them as `sendmail -i -f SENDER -- RECIPIENT` does: postfix, exim, msmtp, or a
/// script in front of a mail company's API. The recipient is that argument alone, never what a program might read in the
/// header. Sent twice, the customer may get two with the same Message-ID, of which mail readers show one.
pub struct Sendmail {
    pub(super) program: PathBuf,
    pub(super) from: Sender,
}

impl Sendmail {
    pub fn new(program: impl Into<PathBuf>, from: Sender) -> Self {
        Self { program: program.into(), from }
    }
}

#[async_trait]
impl Mail for Sendmail {
    async fn send(&self, id: MessageId, letter: &Letter) -> Result<(), Unsent> {
        let recipient = addressee(letter)?;
        let to = match &recipient {
            Recipient::Email(address) => address.to_string(),
            Recipient::Phone(_) => {
                return Err(Unsent::Suppressed("the customer left no e-mail address".to_owned()));
            }
        };
        // The program reads it as a text file of this system.
        let text = written(id, letter, &recipient, &self.from).replace("\r\n", "\n");
        let (program, from) = (self.program.clone(), self.from.address.to_string());
        let handing_over = tokio::task::spawn_blocking(move || hand_over(&program, &from, &to, text));
        let given_up = |_| Err(Unsent::Later("the mail program: waiting was given up".to_owned()));
        handing_over.await.unwrap_or_else(given_up)
    }
}

/// The exit codes of `sysexits.h` by which a mail program says that it will never take this letter: EX_DATAERR and
/// EX_NOUSER. EX_NOHOST (68) is not among them, as some programs return it when they cannot find their relay; the causes
/// of all other codes can be repaired.
const REFUSED: [i32; 2] = [65, 67];

fn hand_over(program: &Path, from: &str, to: &str, text: String) -> Result<(), Unsent> {
    let failed = |it: io::Error| Unsent::Later(format!("the mail program: {it}"));
    let mut command = Command::new(program);
    // An address behind `--` is never an option, whatever it begins with.
    command
        .args(["-i", "-f", from, "--", to])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;

    // From a thread of its own: a program that does not read must not block the caller.
    let mut stdin = child.stdin.take().expect("it was asked for above");
    let writing = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let outcome = await_exit(&mut child).map_err(failed);
    let read = writing.join().is_ok_and(|it| it.is_ok());
    match outcome? {
        None => Err(Unsent::Later("the mail program took too long".to_owned())),
        Some(status) if status.code().is_some_and(|it| REFUSED.contains(&it)) => {
            Err(Unsent::Refused(format!("the mail program: {status}")))
        }
        Some(status) if !status.success() => Err(Unsent::Later(format!("the mail program: {status}"))),
        Some(_) if !read => Err(Unsent::Later("the mail program did not read the letter".to_owned())),
        Some(_) => Ok(()),
    }
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
