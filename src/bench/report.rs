//! The report: as text for people and as JSON with stable names for machines.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::cost::Reading;
use super::options::Scenario;
use super::switches::Switches;
use super::tally::{Found, Quantiles, median, ratio};
use super::work::Work;

/// Result of a run: one measurement, or two sides that were measured in turns.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum BenchReport {
    One(Box<Round>),
    Compared(Box<Comparison>),
}

/// One measurement. What is not known is left out.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    pub(super) scenario: Scenario,
    /// `sqlite` or `postgres`; `unknown` for a server that the bench did not start.
    pub(super) engine: &'static str,
    pub(super) clients: u64,
    pub(super) connections: u64,
    /// Orders stored before.
    pub(super) preload: u64,
    pub(super) seconds: f64,
    /// Operations that succeeded.
    pub(super) operations: u64,
    pub(super) operations_per_second: f64,
    /// By what was timed: the operation under the scenario's name, and each of its calls.
    pub(super) latency_ms: BTreeMap<&'static str, Quantiles>,
    /// How long the slowest but one of a hundred of anything that was timed may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) within_ms: Option<u64>,
    /// Operations that came to no good end, by code and reason.
    pub(super) refusals: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) server: Option<Cost>,
    /// All processes of the PostgreSQL cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) database: Option<Cost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) driver: Option<Cost>,
    #[serde(flatten)]
    pub(super) work: Work,
    /// The server's peak since its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peak_memory_mib: Option<f64>,
    /// Whether every letter to a customer was sent in the end; unknown for a server that the bench did not start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) letters_sent: Option<bool>,
    /// From the end of the measurement until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seconds_until_letters_sent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    pub(super) sale: Option<Sale>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    pub(super) followed: Option<Followed>,
    /// Orders placed beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) beside: Option<Beside>,
}

/// Processor time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Cost {
    /// While it was measured.
    pub(super) cpu_seconds: f64,
    /// The same, and until the last letter was sent.
    pub(super) cpu_seconds_until_letters_sent: f64,
    pub(super) cpu_ms_per_operation_during: f64,
    /// With everything that follows from an operation, its letters too.
    pub(super) cpu_ms_per_operation: f64,
}

/// How a flash sale went.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Sale {
    pub(super) stock: u64,
    pub(super) orders: u64,
    pub(super) accepted: u64,
    pub(super) refused: u64,
}

/// How far events arrived.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Followed {
    pub(super) subscribers: u64,
    pub(super) shipments: u64,
    pub(super) rate: u64,
    /// Events times those who follow.
    pub(super) expected: u64,
    pub(super) arrived: u64,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Beside {
    /// Orders begun each second.
    pub(super) rate: u64,
    pub(super) operations: u64,
    pub(super) latency_ms: BTreeMap<&'static str, Quantiles>,
    pub(super) refusals: BTreeMap<String, u64>,
}

/// Two sides that had their turns one after the other, so that what drifts meets both.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// What differs.
    pub(super) compared: &'static str,
    pub(super) a: Side,
    pub(super) b: Side,
    /// The median over the pairs of turns of A's rate by B's.
    pub(super) ratio: f64,
    /// The same of processor time per operation, of server and database together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu_ratio: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Side {
    pub(super) label: String,
    /// The median of its turns.
    pub(super) operations_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu_ms_per_operation: Option<f64>,
    #[serde(flatten)]
    pub(super) work: Work,
    pub(super) rounds: Vec<Round>,
}

impl Cost {
    /// From before and after the measurement, and after the last letter; of so many operations.
    pub(super) fn of(
        before: Option<f64>,
        after: Option<f64>,
        drained: Option<f64>,
        operations: u64,
    ) -> Option<Self> {
        let cpu_seconds = (after? - before?).max(0.0);
        let cpu_seconds_until_letters_sent = (drained? - before?).max(0.0);
        let per_operation = |seconds: f64| ratio(seconds * 1_000.0, operations as f64).unwrap_or(0.0);
        Some(Self {
            cpu_seconds,
            cpu_seconds_until_letters_sent,
            cpu_ms_per_operation_during: per_operation(cpu_seconds),
            cpu_ms_per_operation: per_operation(cpu_seconds_until_letters_sent),
        })
    }
}

/// What was read at the three moments that matter.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Readings {
    pub(super) before: Reading,
    pub(super) after: Reading,
    pub(super) drained: Reading,
}

impl Readings {
    pub(super) fn costs(&self, operations: u64) -> [Option<Cost>; 3] {
        let Self { before, after, drained } = self;
        [
            Cost::of(before.server, after.server, drained.server, operations),
            Cost::of(before.database, after.database, drained.database, operations),
            Cost::of(before.driver, after.driver, drained.driver, operations),
        ]
    }

    /// Until the last letter was sent.
    pub(super) fn switches(&self) -> Option<Switches> {
        Some(self.drained.switches? - self.before.switches?)
    }
}

pub(super) fn quantiles(found: &Found) -> BTreeMap<&'static str, Quantiles> {
    found.latencies.iter().map(|(what, it)| (*what, it.quantiles())).collect()
}

impl Round {
    /// Whether the figures mean what they say: something was done, and nothing went wrong but for overload.
    fn is_well(&self) -> bool {
        let overload_only =
            |it: &BTreeMap<String, u64>| it.keys().all(|it| it.starts_with("ResourceExhausted"));
        let rest = overload_only(&self.refusals)
            && self.beside.as_ref().is_none_or(|it| overload_only(&it.refusals));
        let is_quick = self.later_than_allowed().next().is_none();
        is_quick
            && match (&self.sale, &self.followed) {
                (Some(sale), _) => sale.accepted == sale.stock.min(sale.orders),
                (None, Some(followed)) => {
                    rest && followed.arrived == followed.expected && followed.expected > 0
                }
                (None, None) => rest && self.operations > 0,
            }
    }

    /// What took longer than it may, and its p99.
    fn later_than_allowed(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let within = self.within_ms.map(|it| it as f64);
        let p99s = self.latency_ms.iter().map(|(what, it)| (*what, it.p99));
        p99s.filter(move |(_, p99)| within.is_some_and(|it| *p99 > it))
    }

    /// The sum of server and database.
    fn cpu_ms_per_operation(&self) -> Option<f64> {
        let database = self.database.map(|it| it.cpu_ms_per_operation);
        match self.server {
            Some(server) => Some(server.cpu_ms_per_operation + database.unwrap_or(0.0)),
            None => database,
        }
    }
}

impl Side {
    pub(super) fn new(label: String, rounds: Vec<Round>) -> Self {
        let cpu: Option<Vec<f64>> = rounds.iter().map(Round::cpu_ms_per_operation).collect();
        Self {
            label,
            operations_per_second: median(rounds.iter().map(|it| it.operations_per_second)),
            cpu_ms_per_operation: cpu.filter(|it| !it.is_empty()).map(median),
            work: Work::medians(&rounds.iter().map(|it| it.work).collect::<Vec<_>>()),
            rounds,
        }
    }
}

impl Comparison {
    pub(super) fn new(compared: &'static str, a: Side, b: Side) -> Self {
        let pairs = || a.rounds.iter().zip(&b.rounds);
        let rates =
            pairs().filter_map(|(one, other)| ratio(one.operations_per_second, other.operations_per_second));
        let costs: Option<Vec<f64>> = pairs()
            .map(|(one, other)| ratio(one.cpu_ms_per_operation()?, other.cpu_ms_per_operation()?))
            .collect();
        let (ratio, cpu_ratio) = (median(rates), costs.filter(|it| !it.is_empty()).map(median));
        Self { compared, a, b, ratio, cpu_ratio }
    }
}

impl BenchReport {
    pub fn is_well(&self) -> bool {
        match self {
            Self::One(round) => round.is_well(),
            Self::Compared(it) => it.a.rounds.iter().chain(&it.b.rounds).all(Round::is_well),
        }
    }
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(round) => round.fmt(f),
            Self::Compared(comparison) => comparison.fmt(f),
        }
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, engine, clients, connections, preload, seconds, operations, .. } = self;
        let scenario = format!("{scenario:?}").to_lowercase();
        writeln!(
            f,
            "{scenario} on {engine}: {clients} clients over {connections} connections, {preload} orders before"
        )?;
        let rate = self.operations_per_second;
        writeln!(f, "  {operations} operations in {seconds:.1} s: {rate:.1} per second")?;
        latencies(f, &self.latency_ms)?;
        if let Some(within) = self.within_ms {
            let late: Vec<_> =
                self.later_than_allowed().map(|(what, p99)| format!("{what} ({p99:.2})")).collect();
            match late.is_empty() {
                true => writeln!(f, "  every p99 is within {within} ms")?,
                false => writeln!(f, "  later than {within} ms: {}", late.join("; "))?,
            }
        }
        refusals(f, &self.refusals)?;

        if let Some(Sale { stock, orders, accepted, refused }) = self.sale {
            writeln!(f, "  {orders} buyers of {stock} units: {accepted} accepted, {refused} refused")?;
        }
        if let Some(Followed { subscribers, shipments, rate, expected, arrived }) = self.followed {
            writeln!(
                f,
                "  {subscribers} subscribers of {shipments} shipments, {rate} events a second: {arrived} of {expected} arrived"
            )?;
        }
        if let Some(Beside { rate, operations, latency_ms, refusals: refused }) = &self.beside {
            writeln!(f, "  beside, {rate} orders a second: {operations} were placed")?;
            latencies(f, latency_ms)?;
            refusals(f, refused)?;
        }

        for (whose, cost) in [("server", self.server), ("database", self.database), ("driver", self.driver)] {
            let Some(cost) = cost else { continue };
            let Cost { cpu_seconds, cpu_ms_per_operation_during, .. } = cost;
            write!(
                f,
                "  CPU {whose:<9} {cpu_seconds:>8.2} s, {cpu_ms_per_operation_during:.3} ms per operation"
            )?;
            if self.letters_sent.is_some() {
                let Cost { cpu_seconds_until_letters_sent, cpu_ms_per_operation, .. } = cost;
                write!(
                    f,
                    "; with letters {cpu_seconds_until_letters_sent:.2} s, {cpu_ms_per_operation:.3} ms"
                )?;
            }
            writeln!(f)?;
        }
        if self.work != Work::default() {
            writeln!(f, "  an operation: {}", self.work)?;
        }
        if let Some(peak) = self.peak_memory_mib {
            writeln!(f, "  memory of the server: at most {peak:.0} MiB")?;
        }
        match (self.letters_sent, self.seconds_until_letters_sent) {
            (Some(true), Some(seconds)) => writeln!(f, "  the last letter was sent {seconds:.1} s later"),
            (Some(false), Some(seconds)) => {
                writeln!(f, "  letters were still to be sent {seconds:.1} s later")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, a, b, ratio, cpu_ratio } = self;
        for (turn, (one, other)) in (1..).zip(a.rounds.iter().zip(&b.rounds)) {
            writeln!(f, "turn {turn}, {compared} {}: {one}", a.label)?;
            writeln!(f, "turn {turn}, {compared} {}: {other}", b.label)?;
        }
        for side in [a, b] {
            write!(f, "{compared} {}: {:.1} per second", side.label, side.operations_per_second)?;
            match side.cpu_ms_per_operation {
                Some(cpu) => writeln!(f, ", {cpu:.3} ms CPU per operation of server and database")?,
                None => writeln!(f)?,
            }
            if side.work != Work::default() {
                writeln!(f, "  an operation: {}", side.work)?;
            }
        }
        write!(f, "{} by {}: {ratio:.2} times the rate", a.label, b.label)?;
        match cpu_ratio {
            Some(cpu) => writeln!(f, ", {cpu:.2} times the CPU per operation"),
            None => writeln!(f),
        }
    }
}

fn latencies(f: &mut fmt::Formatter<'_>, latencies: &BTreeMap<&'static str, Quantiles>) -> fmt::Result {
    if !latencies.is_empty() {
        let [name, count] = ["ms", "count"];
        writeln!(f, "  {name:<46} {count:>9} {:>9} {:>9} {:>9} {:>9}", "p50", "p95", "p99", "max")?;
    }
    for (what, Quantiles { count, p50, p95, p99, max }) in latencies {
        writeln!(f, "  {what:<46} {count:>9} {p50:>9.2} {p95:>9.2} {p99:>9.2} {max:>9.2}")?;
    }
    Ok(())
}

fn refusals(f: &mut fmt::Formatter<'_>, refusals: &BTreeMap<String, u64>) -> fmt::Result {
    for (reason, count) in refusals {
        writeln!(f, "  {count} times {reason}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(rate: f64, cpu_ms: f64) -> Round {
        let cost = Cost::of(Some(0.0), Some(cpu_ms / 1_000.0), Some(cpu_ms / 1_000.0), 1);
        Round {
            scenario: Scenario::Place,
            engine: "sqlite",
            clients: 1,
            connections: 1,
            preload: 0,
            seconds: 1.0,
            operations: 1,
            operations_per_second: rate,
            latency_ms: BTreeMap::new(),
            within_ms: None,
            refusals: BTreeMap::new(),
            server: cost,
            database: None,
            driver: None,
            work: Work::of(None, Some(Switches { voluntary: 3, involuntary: 1 }), 1),
            peak_memory_mib: None,
            letters_sent: None,
            seconds_until_letters_sent: None,
            sale: None,
            followed: None,
            beside: None,
        }
    }

    #[test]
    fn cost_is_told_during_the_measurement_and_with_what_follows() {
        let cost = Cost::of(Some(1.0), Some(3.0), Some(4.0), 1_000).unwrap();
        assert_eq!((cost.cpu_seconds, cost.cpu_seconds_until_letters_sent), (2.0, 3.0));
        assert_eq!((cost.cpu_ms_per_operation_during, cost.cpu_ms_per_operation), (2.0, 3.0));
        assert_eq!(Cost::of(Some(1.0), None, Some(4.0), 1_000), None);
        assert_eq!(Cost::of(Some(1.0), Some(2.0), Some(2.0), 0).unwrap().cpu_ms_per_operation, 0.0);
    }

    #[test]
    fn turns_are_compared_in_pairs_so_that_a_slow_minute_does_not_count() {
        // The machine was slow in the second pair.
        let a = Side::new("64".to_owned(), vec![round(400.0, 2.0), round(40.0, 2.0), round(420.0, 2.0)]);
        let b = Side::new("1".to_owned(), vec![round(100.0, 6.0), round(10.0, 6.0), round(100.0, 6.0)]);
        let compared = Comparison::new("group_max", a, b);
        assert_eq!((compared.ratio, compared.a.operations_per_second), (4.0, 400.0));
        assert!((compared.cpu_ratio.unwrap() - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_sale_is_well_when_exactly_what_is_there_was_sold() {
        let mut sale = round(1.0, 1.0);
        sale.sale = Some(Sale { stock: 5, orders: 20, accepted: 5, refused: 15 });
        assert!(sale.is_well());
        sale.sale = Some(Sale { stock: 5, orders: 20, accepted: 6, refused: 14 });
        assert!(!sale.is_well());
        sale.sale = Some(Sale { stock: 5, orders: 3, accepted: 3, refused: 0 });
        assert!(sale.is_well());
    }

    #[test]
    fn overload_is_a_finding_and_anything_else_is_a_fault() {
        let mut refused = round(1.0, 1.0);
        refused.refusals.insert("ResourceExhausted/OVERLOADED".to_owned(), 3);
        assert!(refused.is_well());
        refused.refusals.insert("Internal/INTERNAL".to_owned(), 1);
        assert!(!refused.is_well());
    }

    #[test]
    fn a_measurement_with_a_bound_fails_by_the_slowest_but_one_of_a_hundred() {
        let quantiles = |p99| Quantiles { count: 200, p50: 1.0, p95: 2.0, p99, max: 90.0 };
        let mut lists = round(1.0, 1.0);
        lists.latency_ms =
            BTreeMap::from([("ListOrders", quantiles(19.9)), ("ListRefunds", quantiles(20.1))]);
        assert!(lists.is_well(), "no bound was given");
        lists.within_ms = Some(20);
        assert!(!lists.is_well());
        assert!(lists.to_string().contains("later than 20 ms: ListRefunds (20.10)"), "{lists}");
        lists.within_ms = Some(21);
        assert!(lists.is_well());
        assert!(lists.to_string().contains("every p99 is within 21 ms"), "{lists}");
    }

    #[test]
    fn machines_find_the_names_they_look_for() {
        let mut sale = round(1.0, 1.0);
        sale.sale = Some(Sale { stock: 5, orders: 20, accepted: 5, refused: 15 });
        let json = serde_json::to_value(BenchReport::One(Box::new(sale))).unwrap();
        for name in ["operations_per_second", "latency_ms", "refusals", "stock", "accepted", "refused"] {
            assert!(json.get(name).is_some(), "{name} is missing");
        }
        assert!(json["server"].get("cpu_ms_per_operation").is_some());
        assert_eq!(json["voluntary_context_switches_per_operation"], 3.0);
        assert!(json.get("rows_written_per_operation").is_none());
        assert!(json.get("database").is_none());
    }
}
