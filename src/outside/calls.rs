//! What is counted of calls to systems outside since the process began. Labels have few values, none of them a caller's.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of how long calls take, in seconds.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    Payments,
    Couriers,
    Mail,
    Subscribers,
}

/// Outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// It did what was asked.
    Done,
    /// It answered that it does not.
    Refused,
    /// It is not known, so that it is asked again.
    Unanswered,
}

impl Called {
    fn word(self) -> &'static str {
        match self {
            Self::Payments => "payments",
            Self::Couriers => "couriers",
            Self::Mail => "mail",
            Self::Subscribers => "subscribers",
        }
    }
}

impl CallOutcome {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
        }
    }
}

#[derive(Debug, Clone)]
pub struct OutsideCalls {
    ended: Family<Ended, Counter>,
    seconds: Family<To, Histogram, fn() -> Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    target: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct To {
    target: &'static str,
}

impl Default for OutsideCalls {
    /// All series are there from the start, at zero: that nothing was called is told too.
    fn default() -> Self {
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let counts = Self { ended: Family::default(), seconds: Family::new_with_constructor(seconds) };
        for target in
            [Called::Payments, Called::Couriers, Called::Mail, Called::Subscribers].map(Called::word)
        {
            drop(counts.seconds.get_or_create(&To { target }));
            for outcome in [CallOutcome::Done, CallOutcome::Refused, CallOutcome::Unanswered] {
                drop(counts.ended.get_or_create(&Ended { target, outcome: outcome.word() }));
            }
        }
        counts
    }
}

impl OutsideCalls {
    pub fn ended(&self, target: Called, outcome: CallOutcome, took: Duration) {
        let target = target.word();
        self.ended.get_or_create(&Ended { target, outcome: outcome.word() }).inc();
        self.seconds.get_or_create(&To { target }).observe(took.as_secs_f64());
    }

    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "outside_calls",
            "Calls to systems outside that have ended, by what was called and the outcome",
            self.ended.clone(),
        );
        registry.register(
            "outside_call_duration_seconds",
            "How long calls to systems outside took",
            self.seconds.clone(),
        );
    }
}
