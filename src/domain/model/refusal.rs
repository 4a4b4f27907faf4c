//! Refusals: bad values, all at once, or a good request at the wrong moment.

use crate::domain::model::action::Action;
use crate::domain::model::in_use::{IfInUse, Uses};
use crate::domain::model::scalars::{Invalid, JobId, Sku, string_enum};
use crate::domain::model::time::Timestamp;

/// One bad field, named as the caller wrote it: `lines[2].quantity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub field: String,
    pub message: String,
    /// Set where the value is good, but not now or not for this caller.
    pub reason: Option<Reason>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Invalid(Problems(vec![problem]))
    }
}

/// Every bad field of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { field: field.into(), message: message.into(), reason: None });
    }

    /// The value, or a note of what is wrong with it.
    pub fn take<T>(&mut self, field: &str, value: Result<T, Invalid>) -> Option<T> {
        value.map_err(|it| self.add(field, it.0)).ok()
    }

    pub fn into_result(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self)) }
    }
}

string_enum! {
    /// Why a decision says that a good request cannot be done now; part of the API, documented in `common.proto`.
    pub enum Reason {
        InsufficientStock = "INSUFFICIENT_STOCK",
        IllegalTransition = "ILLEGAL_TRANSITION",
        HoldActive = "HOLD_ACTIVE",
        SelfApproval = "SELF_APPROVAL",
        ApprovalDecided = "APPROVAL_DECIDED",
        RefundExceedsCapture = "REFUND_EXCEEDS_CAPTURE",
        PaymentExceedsDue = "PAYMENT_EXCEEDS_DUE",
        PaymentPending = "PAYMENT_PENDING",
        ReservationExpired = "RESERVATION_EXPIRED",
        QuantityMismatch = "QUANTITY_MISMATCH",
        StockInUse = "STOCK_IN_USE",
        NoCourier = "NO_COURIER",
        OrderNotClosable = "ORDER_NOT_CLOSABLE",
        NotArchivable = "NOT_ARCHIVABLE",
        FeedbackNotOpen = "FEEDBACK_NOT_OPEN",
        LimitReached = "LIMIT_REACHED",
        Inactive = "INACTIVE",
        NotSendable = "NOT_SENDABLE",
        DiscountCodeUnknown = "DISCOUNT_CODE_UNKNOWN",
        DiscountCodeInactive = "DISCOUNT_CODE_INACTIVE",
        DiscountCodeNotBegun = "DISCOUNT_CODE_NOT_BEGUN",
        DiscountCodeOver = "DISCOUNT_CODE_OVER",
        DiscountCodeUsedUp = "DISCOUNT_CODE_USED_UP",
        DiscountCodeUsedByCustomer = "DISCOUNT_CODE_USED_BY_CUSTOMER",
        DiscountCodeBelowMinimum = "DISCOUNT_CODE_BELOW_MINIMUM",
        DiscountCodeOtherCurrency = "DISCOUNT_CODE_OTHER_CURRENCY",
        DiscountCodeOtherCustomer = "DISCOUNT_CODE_OTHER_CUSTOMER",
        OrderChangeOpen = "ORDER_CHANGE_OPEN",
        OrderChangeOutdated = "ORDER_CHANGE_OUTDATED",
        LotExpired = "LOT_EXPIRED",
        NotErasable = "NOT_ERASABLE",
        DataErased = "DATA_ERASED",
        ArchiveKeyMissing = "ARCHIVE_KEY_MISSING",
    }
}

/// Missing units of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    pub sku: Sku,
    pub wanted: i64,
    pub available: i64,
}

/// A decision's "no". Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{} of the request's fields are not valid", .0.0.len())]
    Invalid(Problems),
    #[error("{kind} {id} does not exist")]
    NotFound { kind: &'static str, id: String },
    #[error("{kind} {id} exists already")]
    Exists { kind: &'static str, id: String },
    #[error("the etag is not {current}, that of the current version; read the resource again")]
    StaleEtag { current: String },
    /// A good request at the wrong moment. `state` is where the resource stands, `legal` the calls that may be made
    /// instead: about the resource itself or, where it is done with, about its order.
    #[error("{message}")]
    Unmet { reason: Reason, message: String, state: Option<&'static str>, legal: Vec<Action> },
    #[error("{}", shortage_text(.0))]
    Short(Vec<Shortage>),
    /// Something is still open about what was to be taken out of use.
    #[error("{}", in_use_text(.what, .uses))]
    InUse { what: String, uses: Uses },
    /// The requested date cannot be met, and the order does not want another one.
    #[error("{}", infeasible_text(.earliest, .why))]
    Infeasible { earliest: Option<Timestamp>, why: String },
    /// The worker's lease on this job is gone: another worker has it.
    #[error("the lease on job {0} is lost")]
    LeaseLost(JobId),
}

/// How many rows one refusal names: many clients read 8 KiB of headers and trailers.
const ROWS_NAMED_MAX: usize = 25;

/// Rows of a call that cannot be done, those at the front by name.
pub(in crate::domain) fn rows_named(mut rows: Vec<String>) -> String {
    let more = rows.len().saturating_sub(ROWS_NAMED_MAX);
    rows.truncate(ROWS_NAMED_MAX);
    if more > 0 {
        rows.push(format!("and {more} more"));
    }
    rows.join("; ")
}

impl Refusal {
    pub fn unmet(reason: Reason, message: impl Into<String>) -> Self {
        Self::Unmet { reason, message: message.into(), state: None, legal: Vec::new() }
    }

    /// The same, with the calls that may be made instead if it does not name any yet.
    #[must_use]
    pub fn instead(mut self, calls: impl FnOnce() -> Vec<Action>) -> Self {
        if let Self::Unmet { legal, .. } = &mut self
            && legal.is_empty()
        {
            *legal = calls();
        }
        self
    }

    /// The same, without calls that would be refused for the same reason.
    #[must_use]
    pub fn without(mut self, calls: &[Action]) -> Self {
        if let Self::Unmet { legal, .. } = &mut self {
            legal.retain(|it| !calls.contains(it));
        }
        self
    }

    /// The word of its reason in the API.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Invalid(problems) => {
                problems.0.iter().find_map(|it| it.reason).map_or("INVALID_FIELD", Reason::as_str)
            }
            Self::NotFound { .. } => "NOT_FOUND",
            Self::Exists { .. } => "DUPLICATE",
            Self::StaleEtag { .. } => "ETAG_MISMATCH",
            Self::Unmet { reason, .. } => reason.as_str(),
            Self::Short(_) => Reason::InsufficientStock.as_str(),
            Self::InUse { .. } => "IN_USE",
            Self::Infeasible { .. } => "PROMISE_INFEASIBLE",
            Self::LeaseLost(_) => "LOST_RACE",
        }
    }

    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// What is open stands in the way, unless the caller goes on all the same.
    pub fn in_use(what: impl ToString, uses: &Uses, if_in_use: IfInUse) -> Result<(), Self> {
        match if_in_use {
            IfInUse::Refuse if !uses.told.is_empty() => {
                Err(Self::InUse { what: what.to_string(), uses: uses.clone() })
            }
            IfInUse::Refuse | IfInUse::GoOn => Ok(()),
        }
    }

    pub fn exists(kind: &'static str, id: impl ToString) -> Self {
        Self::Exists { kind, id: id.to_string() }
    }

    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut problems = Problems::default();
        problems.add(field, message);
        Self::Invalid(problems)
    }

    /// A bad field beside those of another refusal; one that is about something else is told once the field is good.
    pub fn beside(problem: Problem, other: Option<Self>) -> Self {
        let mut problems = match other {
            Some(Self::Invalid(problems)) => problems,
            Some(_) | None => Problems::default(),
        };
        problems.0.push(problem);
        Self::Invalid(problems)
    }

    /// The same, with the paths of bad fields below that of the message that held them.
    #[must_use]
    pub fn under(mut self, path: &str) -> Self {
        if let Self::Invalid(problems) = &mut self {
            for problem in &mut problems.0 {
                problem.field = format!("{path}.{}", problem.field);
            }
        }
        self
    }
}

/// How many uses a refusal names in its text; its value has more.
const USES_TOLD: usize = 3;

fn in_use_text(what: &str, uses: &Uses) -> String {
    let told: Vec<String> = uses.told.iter().take(USES_TOLD).map(ToString::to_string).collect();
    let left = uses.told.len() - told.len();
    let more = match (left, uses.more) {
        (0, false) => String::new(),
        (left, false) => format!("; and {left} more"),
        (left, true) => format!("; and more than {left} more"),
    };
    format!("{what} is in use: {}{more}; set even_if_in_use to go on all the same", told.join("; "))
}

/// How many products a refusal names in its text; all of them are in its value.
const SHORTAGES_TOLD: usize = 3;

fn infeasible_text(earliest: &Option<Timestamp>, why: &str) -> String {
    match earliest {
        Some(at) => {
            format!("the requested date cannot be met; the earliest possible delivery is {at}: {why}")
        }
        None => format!("the requested date cannot be met, and no other can be promised: {why}"),
    }
}

fn shortage_text(short: &[Shortage]) -> String {
    let parts: Vec<String> = short
        .iter()
        .map(|it| format!("only {} of {} available, {} wanted", it.available, it.sku, it.wanted))
        .collect();
    match parts.len().saturating_sub(SHORTAGES_TOLD) {
        0 => parts.join("; "),
        more => format!("{}; and {more} more", parts[..SHORTAGES_TOLD].join("; ")),
    }
}
