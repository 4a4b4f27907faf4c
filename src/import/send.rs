//! Rows on their way to a server, and its answers, each matched with its line.

use futures_util::{StreamExt, stream};
use prost::Message;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use crate::client::{KeyedChannel, by};
use crate::import::file::{Next, Source};
use crate::import::orders::row_of;
use crate::import::progress::Progress;
use crate::import::row::{Given, typed};
use crate::import::{ImportError, Report};
use crate::pb;
use crate::pb::import_service_client::ImportServiceClient;
use crate::settings::Limits;
use crate::terminal::say;

/// Rows that wait to be sent.
const WAITING_MAX: usize = 64;

/// Rows that were sent, or could not be, and are not told yet.
const OPEN_MAX: usize = 4_096;

/// Messages of an import.
pub(super) trait Import: Message + Default + Send + 'static {
    type Response: Send + 'static;

    fn options(options: pb::ImportOptions) -> Self;

    fn row(row_key: String, given: &Given) -> Result<Self, String>;

    fn open(
        client: ImportServiceClient<KeyedChannel>,
        rows: impl futures_util::Stream<Item = Self> + Send + 'static,
    ) -> impl Future<Output = Result<Streaming<Self::Response>, Status>> + Send;

    /// Either may be missing.
    fn answer(response: Self::Response) -> (Option<pb::ImportResult>, Option<pb::ImportSummary>);
}

macro_rules! imports {
    ($($request:ident, $response:ident, $answer:ident, $method:ident, $row:ident, $mask:expr;)+) => { $(
        impl Import for pb::$request {
            type Response = pb::$response;

            fn options(options: pb::ImportOptions) -> Self {
                Self { options: Some(options), ..Self::default() }
            }

            fn row(row_key: String, given: &Given) -> Result<Self, String> {
                let message = Self { row_key, $row: Some(typed(&given.message)?), ..Self::default() };
                let mask: fn(Self, &Given) -> Self = $mask;
                Ok(mask(message, given))
            }

            async fn open(
                mut client: ImportServiceClient<KeyedChannel>,
                rows: impl futures_util::Stream<Item = Self> + Send + 'static,
            ) -> Result<Streaming<Self::Response>, Status> {
                Ok(client.$method(by("import", rows)).await?.into_inner())
            }

            fn answer(response: Self::Response) -> (Option<pb::ImportResult>, Option<pb::ImportSummary>) {
                match response.answer {
                    Some(pb::$answer::Answer::Result(it)) => (Some(it), None),
                    Some(pb::$answer::Answer::Summary(it)) => (None, Some(it)),
                    None => (None, None),
                }
            }
        }
    )+ };
}

imports! {
    ImportProductsRequest, ImportProductsResponse, import_products_response, import_products, product, masked;
    ImportStockRequest, ImportStockResponse, import_stock_response, import_stock, stock, |it, _| it;
    ImportOrdersRequest, ImportOrdersResponse, import_orders_response, import_orders, order, |it, _| it;
}

/// Names the fields that the row has; its key and its kind are looked at in any case.
fn masked(message: pb::ImportProductsRequest, given: &Given) -> pb::ImportProductsRequest {
    let paths = given.fields.iter().filter(|it| !matches!(it.as_str(), "sku" | "kind")).cloned();
    let update_mask = prost_types::FieldMask { paths: paths.collect() };
    pb::ImportProductsRequest { update_mask: Some(update_mask), ..message }
}

/// A row of the file, in its order.
enum Open {
    /// `rows`: the lines of an order's own rows.
    Sent {
        line: u64,
        rows: Vec<u64>,
    },
    Unreadable {
        line: u64,
        why: String,
    },
}

/// Sends all rows, and says of each refused one why it was.
pub(super) async fn send<I: Import>(
    channel: KeyedChannel,
    options: pb::ImportOptions,
    source: Source,
    bar: &Progress,
) -> Result<Report, ImportError> {
    let import_id = options.import_id.clone();
    let (rows, waiting) = mpsc::channel(WAITING_MAX);
    let (opened, mut open) = mpsc::channel(OPEN_MAX);
    let ended = |why: String| ImportError::Ended { rows: bar.rows(), why, import_id: import_id.clone() };
    let reading = tokio::task::spawn_blocking(move || read::<I>(source, &rows, &opened));

    let first = stream::iter([I::options(options)]);
    let rest = stream::unfold(waiting, |mut it| async move { it.recv().await.map(|row| (row, it)) });
    let answers = I::open(ImportServiceClient::new(channel), first.chain(rest)).await;
    let mut answers = answers.map_err(|it| ended(told(&it)))?;

    let mut report = Report::default();
    let mut summed = false;
    while let Some(response) = answers.message().await.map_err(|it| ended(told(&it)))? {
        let (result, summary) = I::answer(response);
        if let Some(summary) = summary {
            (report.summary, summed) = (summary, true);
        }
        if let Some(result) = result {
            let (line, rows) = tell_unreadable(&mut open, bar, &mut report).await.unwrap_or_default();
            tell(line, &rows, &result, bar);
            bar.step();
        }
    }
    // What cannot be read at the end of the file follows the last row that was sent.
    tell_unreadable(&mut open, bar, &mut report).await;
    match reading.await {
        Ok(Ok(())) if summed => Ok(report),
        Ok(Ok(())) => Err(ended("the server sent no summary".to_owned())),
        Ok(Err(why)) => Err(ended(why)),
        Err(_) => Err(ended("the file could not be read".to_owned())),
    }
}

/// Reads the file to its end. What is too large for any server is not sent.
fn read<I: Import>(
    mut source: Source,
    rows: &mpsc::Sender<I>,
    opened: &mpsc::Sender<Open>,
) -> Result<(), String> {
    let most = usize::try_from(Limits::default().message_bytes).unwrap_or(usize::MAX);
    loop {
        let next: Next = source.next().map_err(|it| it.to_string())?;
        let Some((line, given)) = next else { return Ok(()) };
        let mut own = Vec::new();
        let message = given.and_then(|mut it| {
            own = std::mem::take(&mut it.lines);
            let key = it.key.clone().unwrap_or_else(|| line.to_string());
            let message = I::row(key, &it)?;
            match message.encoded_len() {
                bytes if bytes > most => Err(format!("has {bytes} bytes; a row has at most {most}")),
                _ => Ok(message),
            }
        });
        // When nobody takes them any more, the import is over.
        let sent = match message {
            Ok(message) => {
                opened.blocking_send(Open::Sent { line, rows: own }).is_ok()
                    && rows.blocking_send(message).is_ok()
            }
            Err(why) => opened.blocking_send(Open::Unreadable { line, why }).is_ok(),
        };
        if !sent {
            return Ok(());
        }
    }
}

/// The line of the next row that was sent, and those of an order's own rows, once those before it that were not are told. None: there is no such row.
async fn tell_unreadable(
    open: &mut mpsc::Receiver<Open>,
    bar: &Progress,
    report: &mut Report,
) -> Option<(u64, Vec<u64>)> {
    loop {
        match open.recv().await? {
            Open::Sent { line, rows } => return Some((line, rows)),
            Open::Unreadable { line, why } => {
                report.unreadable += 1;
                bar.clear();
                say(format_args!("line {line}: {why}"));
            }
        }
    }
}

/// Says why a row was refused, with every bad field; one of a line of an order with that line's own row.
fn tell(line: u64, rows: &[u64], result: &pb::ImportResult, bar: &Progress) {
    let Some(refusal) = &result.refusal else { return };
    let reason = refusal.reason().as_str_name();
    let reason = reason.strip_prefix("ERROR_REASON_").unwrap_or(reason);
    bar.clear();
    if refusal.problems.is_empty() {
        say(format_args!("line {line}: {reason}: {}", refusal.message));
    }
    for problem in &refusal.problems {
        let line = row_of(&problem.field).and_then(|it| rows.get(it)).copied().unwrap_or(line);
        say(format_args!("line {line}: {}: {}", problem.field, problem.message));
    }
    if refusal.problems_left_out > 0 {
        say(format_args!("line {line}: and {} more", refusal.problems_left_out));
    }
}

/// An error of the server in one line.
fn told(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}
