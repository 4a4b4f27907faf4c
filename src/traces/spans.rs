//! Spans: each lasts as long as its future, and is a child of the span in which that was begun.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::HeaderMap;
use tokio::sync::mpsc;

use crate::clock;
use crate::domain::Timestamp;

/// The header of W3C Trace Context.
const HEADER: &str = "traceparent";

/// Where spans go that have ended. None: nobody wants them.
pub(super) static QUEUE: RwLock<Option<mpsc::Sender<Ended>>> = RwLock::new(None);

tokio::task_local! {
    static CURRENT: Context;
}

/// Which span something happens in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) trace: u128,
    pub(super) span: u64,
    /// Whether it is recorded: its caller may not want that.
    is_sampled: bool,
}

/// Who asks whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Internal,
    Server,
    Client,
}

/// A span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ended {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) parent: Option<u64>,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) began: Timestamp,
    pub(super) took: Duration,
    pub(super) detail: Detail,
}

/// What is said of a span beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Nothing,
    Group {
        changes: usize,
    },
    Command {
        /// The group that it was decided in.
        group: Option<Context>,
        outcome: &'static str,
        /// Of a refusal.
        reason: Option<&'static str>,
    },
}

/// A span that is sent when it is dropped.
struct Open {
    context: Context,
    parent: Option<u64>,
    name: String,
    kind: Kind,
    began: Timestamp,
    since: Instant,
    detail: Detail,
}

/// The span of a call, before its request is handed on.
pub(crate) struct Traced(Option<Open>);

impl Traced {
    pub(crate) fn around<F: Future>(self, answering: F) -> impl Future<Output = F::Output> + use<F> {
        within(self.0, answering)
    }
}

/// A call, as part of the trace that its caller names.
pub(crate) fn call(method: &str, headers: &HeaderMap) -> Traced {
    let caller = headers.get(HEADER).and_then(|it| it.to_str().ok()).and_then(Context::read);
    Traced(Open::under(caller, || method.to_owned(), Kind::Server, Detail::Nothing))
}

/// The span in which something was asked for, for what is done about it elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin(Option<Context>);

impl Origin {
    pub(crate) fn current() -> Self {
        Self(CURRENT.try_with(|it| *it).ok())
    }
}

/// The span of a command that is being decided.
pub(crate) struct Deciding(Option<Open>);

/// The decision of a command, for who asked for it, in the group that it is called in.
pub(crate) fn command(name: &str, origin: Origin) -> Deciding {
    Deciding(Open::under(origin.0, || format!("command {name}"), Kind::Internal, Detail::Nothing))
}

impl Deciding {
    /// Ends it with its outcome and, of a refusal, the reason.
    pub(crate) fn ended(self, told: impl FnOnce() -> (&'static str, Option<&'static str>)) {
        if let Some(mut open) = self.0 {
            let (outcome, reason) = told();
            let group = CURRENT.try_with(|it| *it).ok();
            open.detail = Detail::Command { group, outcome, reason };
        }
    }
}

/// A transaction of the writer, which belongs to the calls of all its changes and so to none.
pub(crate) fn group<F: Future>(transacting: F, changes: usize) -> impl Future<Output = F::Output> + use<F> {
    let detail = Detail::Group { changes };
    within(Open::under(None, || "writer group".to_owned(), Kind::Internal, detail), transacting)
}

/// What is asked of the database at once. What nobody is waiting for, such as a look for jobs, is left out.
pub(crate) fn statements<F: Future>(asking: F) -> impl Future<Output = F::Output> + use<F> {
    let current = CURRENT.try_with(|it| *it).ok();
    let open = current
        .and_then(|it| Open::under(Some(it), || "statements".to_owned(), Kind::Client, Detail::Nothing));
    within(open, asking)
}

/// A call to a system outside.
pub(crate) fn outside<F: Future>(
    asking: F,
    target: &'static str,
) -> impl Future<Output = F::Output> + use<F> {
    let current = CURRENT.try_with(|it| *it).ok();
    within(Open::under(current, || format!("call {target}"), Kind::Client, Detail::Nothing), asking)
}

/// A task that goes on in the span that it is begun in.
pub(crate) fn carried<F: Future>(task: F) -> impl Future<Output = F::Output> + use<F> {
    let current = CURRENT.try_with(|it| *it).ok();
    async move {
        match current {
            Some(current) => CURRENT.scope(current, task).await,
            None => task.await,
        }
    }
}

/// The header for systems outside, so that they may go on with the trace.
pub(crate) fn traceparent() -> Option<String> {
    CURRENT.try_with(Context::written).ok()
}

async fn within<F: Future>(open: Option<Open>, future: F) -> F::Output {
    match open {
        None => future.await,
        Some(open) => {
            let context = open.context;
            let inside = async move {
                let _open = open;
                future.await
            };
            CURRENT.scope(context, inside).await
        }
    }
}

impl Context {
    /// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`; later versions may go on.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |it: &str, length: usize| {
            it.len() == length && it.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
        };
        let is_whole = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        if !is_whole || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|it| *it != 0)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|it| *it != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self { trace, span, is_sampled: flags & 1 == 1 })
    }

    fn written(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.is_sampled))
    }
}

impl Open {
    /// A child of that span; without one, the first of a trace. None: nobody wants it.
    fn under(
        parent: Option<Context>,
        name: impl FnOnce() -> String,
        kind: Kind,
        detail: Detail,
    ) -> Option<Self> {
        QUEUE.read().unwrap_or_else(PoisonError::into_inner).as_ref()?;
        let context = Context {
            trace: parent.map_or_else(|| fastrand::u128(1..), |it| it.trace),
            span: fastrand::u64(1..),
            is_sampled: parent.is_none_or(|it| it.is_sampled),
        };
        Some(Self {
            context,
            parent: parent.map(|it| it.span),
            name: name(),
            kind,
            began: clock::now(),
            since: Instant::now(),
            detail,
        })
    }
}

impl Drop for Open {
    /// One for which there is no room is left out.
    fn drop(&mut self) {
        let Context { trace, span, is_sampled } = self.context;
        if !is_sampled {
            return;
        }
        let ended = Ended {
            trace,
            span,
            parent: self.parent,
            name: std::mem::take(&mut self.name),
            kind: self.kind,
            began: self.began,
            took: self.since.elapsed(),
            detail: self.detail,
        };
        if let Some(queue) = QUEUE.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            let _ = queue.try_send(ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_read_as_it_is_written() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = Context::read(text).expect("a context");
        assert!(context.is_sampled);
        assert_eq!(context.written(), text);
        let later =
            Context::read("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more").expect("later");
        assert!(!later.is_sampled);
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Context::read(wrong), None, "{wrong}");
        }
    }
}
