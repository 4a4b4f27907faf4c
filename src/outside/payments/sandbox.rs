//! A provider that moves no money, for trying things out.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::domain::{
    Money, PaymentId, ProviderAnswer, ProviderPayment, ProviderRequest, RefundId, Timestamp,
};
use crate::faults;
use crate::outside::payments::contract::PaymentProvider;

/// Calls that share one lock on the sandbox's ledger at most.
const CALLS_AT_ONCE: usize = 64;

/// A provider without a company behind it: it moves numbers in a ledger of its own, and the token says how it
/// behaves. The same calls get the same answers, always.
///
/// | token | behaviour |
/// |---|---|
/// | `tok_success` | done at once |
/// | `tok_decline`, `tok_decline_insufficient_funds` | declined |
/// | `tok_timeout` | done, but the first answer is lost |
/// | `tok_timeout_decline` | declined, but the first answer is lost |
/// | `tok_error` | fails twice without an effect, then done |
/// | `tok_duplicate` | done; every call reaches the provider twice |
/// | `tok_refund_decline` | done; its refunds are declined |
/// | `tok_refund_timeout` | done; the first answer to each refund is lost |
/// | anything else | declined: not a token that it knows |
pub struct Sandbox {
    ledger: Arc<Mutex<Ledger>>,
    asked: mpsc::Sender<LedgerCall>,
}

/// A call on its way into the ledger.
struct LedgerCall {
    call: ProviderCall,
    answer: oneshot::Sender<io::Result<ProviderAnswer>>,
}

/// Ledger entry of one key, for tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// `CHARGE/pay_…`, `REFUND/ref_…`.
    pub key: String,
    pub payment: PaymentId,
    pub amount: Money,
    /// How often the provider was asked.
    pub calls: u32,
    /// How often money moved.
    pub effects: u32,
}

impl Sandbox {
    /// With a ledger in a file, which processes may share. It outlives a kill of the process, as a provider would;
    /// not a power cut.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }

        let mut ledger = Ledger { file: Some(options.open(path)?), ..Ledger::default() };
        ledger.locked(|_| Ok(()))?;
        Self::new(ledger)
    }

    /// With a ledger that ends with the process.
    pub fn in_memory() -> Self {
        Self::new(Ledger::default()).expect("a thread can be started")
    }

    fn new(ledger: Ledger) -> io::Result<Self> {
        let ledger = Arc::new(Mutex::new(ledger));
        let (asked, calls) = mpsc::channel();
        // One thread keeps the ledger: others would only wait for its lock.
        let keeping = Arc::clone(&ledger);
        std::thread::Builder::new().name("sandbox".to_owned()).spawn(move || keep(&keeping, &calls))?;
        Ok(Self { ledger, asked })
    }

    /// Every key that was ever used, as this process has seen the ledger.
    pub fn charges(&self) -> Vec<Charge> {
        let ledger = lock(&self.ledger);
        let charge = |(key, kept): (&String, &Kept)| Charge {
            key: key.clone(),
            payment: kept.payment,
            amount: kept.amount,
            calls: kept.calls,
            effects: kept.effects,
        };
        ledger.kept.iter().map(charge).collect()
    }

    async fn call(&self, call: ProviderCall) -> ProviderAnswer {
        let (answer, answered) = oneshot::channel();
        let given_up = || ProviderAnswer::Unknown("the sandbox gave up".to_owned());
        if self.asked.send(LedgerCall { call, answer }).is_err() {
            return given_up();
        }
        match answered.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::error!(%error, "the sandbox's ledger cannot be kept");
                ProviderAnswer::Unknown("the sandbox's ledger cannot be kept".to_owned())
            }
            Err(_) => given_up(),
        }
    }
}

/// Answers calls until the last client is gone; calls that came together share one lock on the file.
fn keep(ledger: &Mutex<Ledger>, calls: &mpsc::Receiver<LedgerCall>) {
    while let Ok(first) = calls.recv() {
        let mut asked: Vec<LedgerCall> =
            iter::once(first).chain(calls.try_iter()).take(CALLS_AT_ONCE).collect();
        // A caller that has stopped waiting asks again, with the same key.
        asked.retain(|it| !it.answer.is_closed());
        let taking = || lock(ledger).take(asked.iter().map(|it| &it.call));
        let Ok(answers) = catch_unwind(AssertUnwindSafe(taking)) else {
            tracing::error!("the sandbox's ledger panicked; open calls are answered as unknown");
            continue;
        };
        for (asked, answer) in asked.into_iter().zip(answers) {
            let _ = asked.answer.send(answer);
        }
    }
}

#[async_trait]
impl PaymentProvider for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    async fn request(
        &self,
        request: ProviderRequest,
        key: PaymentId,
        token: &str,
        _payment_reference: Option<&str>,
        amount: Money,
    ) -> ProviderAnswer {
        let what = match request {
            ProviderRequest::Authorize => What::Authorize,
            ProviderRequest::Charge => What::Charge,
            ProviderRequest::Capture => What::Capture,
            ProviderRequest::Void => What::Void,
        };
        let token = token.to_owned();
        self.call(ProviderCall { key: format!("{request}/{key}"), what, payment: key, token, amount }).await
    }

    async fn refund(&self, key: RefundId, payment_reference: &str, amount: Money) -> ProviderAnswer {
        let payment = payment_reference.strip_prefix(REFERENCE).and_then(|it| it.parse().ok());
        let Some(payment) = payment else {
            return ProviderAnswer::Declined("no such payment".to_owned());
        };
        let token = String::new();
        self.call(ProviderCall { key: format!("REFUND/{key}"), what: What::Refund, payment, token, amount })
            .await
    }

    /// Its ledger has no times: all of them.
    async fn payments_since(&self, _since: Timestamp) -> Result<Option<Vec<ProviderPayment>>, String> {
        let ledger = Arc::clone(&self.ledger);
        let looking = tokio::task::spawn_blocking(move || {
            lock(&ledger).locked(|ledger| Ok(ledger.accounts.iter().map(known_payment).collect::<Vec<_>>()))
        });
        let known = looking.await.map_err(|_| "the sandbox's ledger panicked".to_owned())?;
        known.map(Some).map_err(|error| format!("the sandbox's ledger cannot be read: {error}"))
    }
}

fn known_payment((id, account): (&PaymentId, &Account)) -> ProviderPayment {
    let Account { token: _, amount, captured_minor, refunded_minor, voided } = account;
    ProviderPayment {
        id: *id,
        reference: format!("{REFERENCE}{id}"),
        amount: *amount,
        captured_minor: *captured_minor,
        refunded_minor: *refunded_minor,
        is_voided: *voided,
    }
}

/// Prefix of the sandbox's references; the payment's id follows.
const REFERENCE: &str = "sandbox-";

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    // A panic inside leaves at worst a line unread; it is read with the next call.
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum What {
    Authorize,
    Charge,
    Capture,
    Void,
    Refund,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ProviderCall {
    key: String,
    what: What,
    payment: PaymentId,
    /// Empty for a refund: the payment's counts.
    token: String,
    amount: Money,
}

/// A final answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Word {
    Done(String),
    Declined(String),
}

/// One line of the file: a call, and the word it brought about if it was the one that did.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    call: ProviderCall,
    word: Option<Word>,
}

/// How a token behaves: the call of a key that is decided, and the first one that is answered.
struct Manner {
    decided_at: u32,
    answered_from: u32,
    declined: Option<&'static str>,
}

/// State of one key.
struct Kept {
    payment: PaymentId,
    token: String,
    amount: Money,
    calls: u32,
    effects: u32,
    word: Option<Word>,
}

/// Money moved for one payment, in minor units.
struct Account {
    token: String,
    amount: Money,
    captured_minor: i64,
    refunded_minor: i64,
    voided: bool,
}

#[derive(Default)]
struct Ledger {
    /// None: kept in memory only.
    file: Option<File>,
    /// Bytes of the file that are known.
    known: u64,
    kept: BTreeMap<String, Kept>,
    accounts: BTreeMap<PaymentId, Account>,
}

impl Ledger {
    /// Takes these calls one after the other. After one that could not be written none is taken: its line may have no
    /// end, so the next line would not be separate.
    fn take<'a>(
        &mut self,
        calls: impl Iterator<Item = &'a ProviderCall> + Clone,
    ) -> Vec<io::Result<ProviderAnswer>> {
        let mut answers = Vec::new();
        let taken = self.locked(|ledger| {
            for call in calls.clone() {
                answers.push(ledger.take_one(call)?);
            }
            Ok(())
        });
        let mut answers: Vec<_> = answers.into_iter().map(Ok).collect();
        if let Err(error) = taken {
            let same = || Err(io::Error::new(error.kind(), error.to_string()));
            answers.resize_with(calls.count(), same);
        }
        answers
    }

    /// One call; for some tokens it arrives twice.
    fn take_one(&mut self, call: &ProviderCall) -> io::Result<ProviderAnswer> {
        let answer = self.take_once(call)?;
        if call.token == "tok_duplicate" { self.take_once(call) } else { Ok(answer) }
    }

    fn take_once(&mut self, call: &ProviderCall) -> io::Result<ProviderAnswer> {
        let manner = self.manner(call);
        let nth = match self.kept.get(&call.key) {
            Some(kept) if kept.amount != call.amount || kept.token != call.token => {
                return Ok(ProviderAnswer::Unknown("the key was used for something else".to_owned()));
            }
            Some(kept) => kept.calls + 1,
            None => 1,
        };

        let word = (nth == manner.decided_at).then(|| self.decide(call, &manner));
        self.keep(Line { call: call.clone(), word })?;

        let word = self.kept.get(&call.key).and_then(|it| it.word.clone());
        Ok(match word {
            Some(Word::Done(reference)) if nth >= manner.answered_from => ProviderAnswer::Done(reference),
            Some(Word::Declined(why)) if nth >= manner.answered_from => ProviderAnswer::Declined(why),
            Some(_) => ProviderAnswer::Unknown("no answer in time".to_owned()),
            None => ProviderAnswer::Unknown("the provider failed".to_owned()),
        })
    }

    fn manner(&self, call: &ProviderCall) -> Manner {
        let at_once = Manner { decided_at: 1, answered_from: 1, declined: None };
        if call.what == What::Refund {
            return match self.accounts.get(&call.payment).map(|it| it.token.as_str()) {
                Some("tok_refund_decline") => {
                    Manner { declined: Some("the account takes no refunds"), ..at_once }
                }
                Some("tok_refund_timeout") => Manner { answered_from: 2, ..at_once },
                _ => at_once,
            };
        }
        match call.token.as_str() {
            "tok_decline" => Manner { declined: Some("declined by the issuer"), ..at_once },
            "tok_decline_insufficient_funds" => Manner { declined: Some("insufficient funds"), ..at_once },
            "tok_timeout" => Manner { answered_from: 2, ..at_once },
            "tok_timeout_decline" => {
                Manner { answered_from: 2, declined: Some("declined by the issuer"), ..at_once }
            }
            "tok_error" => Manner { decided_at: 3, answered_from: 3, ..at_once },
            "tok_success" | "tok_duplicate" | "tok_refund_decline" | "tok_refund_timeout" => at_once,
            _ => Manner { declined: Some("the sandbox provider does not know this token"), ..at_once },
        }
    }

    /// The one decision on a key.
    fn decide(&self, call: &ProviderCall, manner: &Manner) -> Word {
        if let Some(why) = manner.declined {
            return Word::Declined(why.to_owned());
        }
        let open = |it: &&Account| !it.voided && it.captured_minor == 0 && it.amount == call.amount;
        let account = self.accounts.get(&call.payment);
        let refused = match call.what {
            What::Authorize | What::Charge => {
                account.is_some().then_some("the payment was authorised before")
            }
            What::Capture => account.filter(open).is_none().then_some("no such amount is authorised"),
            What::Void => account.filter(open).is_none().then_some("there is nothing to void"),
            What::Refund => {
                let covers = |it: &&Account| {
                    let left = it.captured_minor - it.refunded_minor;
                    it.amount.currency == call.amount.currency && (1..=left).contains(&call.amount.minor)
                };
                account.filter(covers).is_none().then_some("more than was captured and not paid back")
            }
        };
        match refused {
            Some(why) => Word::Declined(why.to_owned()),
            None => Word::Done(format!("{REFERENCE}{}", call.payment)),
        }
    }

    /// Writes the line down, then takes it into account.
    fn keep(&mut self, line: Line) -> io::Result<()> {
        if let Some(mut file) = self.file.as_ref() {
            let mut text = serde_json::to_vec(&line)?;
            text.push(b'\n');
            if faults::at(format_args!("ledger.{}", line.call.key)).is_err() {
                file.write_all(&text[..text.len() / 2])?;
                return Err(io::ErrorKind::StorageFull.into());
            }
            file.write_all(&text)?;
            self.known += text.len() as u64;
        }
        self.read(line);
        Ok(())
    }

    fn read(&mut self, line: Line) {
        let Line { call: ProviderCall { key, what, payment, token, amount }, word } = line;
        let kept = self.kept.entry(key).or_insert_with(|| Kept {
            payment,
            token: token.clone(),
            amount,
            calls: 0,
            effects: 0,
            word: None,
        });
        kept.calls += 1;
        let Some(word) = word else { return };
        kept.effects += u32::from(matches!(word, Word::Done(_)));
        let done = matches!(word, Word::Done(_));
        kept.word = Some(word);
        if !done {
            return;
        }

        let account = self.accounts.entry(payment).or_insert_with(|| Account {
            token,
            amount,
            captured_minor: 0,
            refunded_minor: 0,
            voided: false,
        });
        match what {
            What::Authorize => {}
            What::Charge | What::Capture => account.captured_minor += amount.minor,
            What::Void => account.voided = true,
            What::Refund => account.refunded_minor += amount.minor,
        }
    }

    /// Works on the ledger while no other process does, knowing all that others wrote.
    fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        let Some(file) = &self.file else { return work(self) };
        let _locked = Locked::wait_for(file)?;
        self.catch_up()?;
        work(self)
    }

    fn catch_up(&mut self) -> io::Result<()> {
        let Some(mut file) = self.file.as_ref() else { return Ok(()) };
        let mut news = Vec::new();
        file.seek(SeekFrom::Start(self.known))?;
        file.read_to_end(&mut news)?;

        // Under the lock there is no other writer: what follows the last line end was torn by a kill and had no answer.
        let whole = news.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
        if whole < news.len() {
            file.set_len(self.known + whole as u64)?;
        }
        for line in news[..whole].split_inclusive(|it| *it == b'\n') {
            if line != b"\n" {
                self.read(serde_json::from_slice(line)?);
            }
            // Counted line by line, so that an unreadable line makes no earlier one be read twice.
            self.known += line.len() as u64;
        }
        Ok(())
    }
}

/// The ledger's file while no other process works on it; given back also in a panic.
struct Locked(File);

impl Locked {
    fn wait_for(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        file.lock()?;
        Ok(Self(file))
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // One that cannot be given back ends with the process.
        let _ = self.0.unlock();
    }
}
