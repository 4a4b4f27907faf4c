//! Reads the text that Prometheus is given, so that the same figures can be said in another form.

/// A metric with all of its series.
#[derive(Debug, PartialEq)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) series: Series,
}

#[derive(Debug, PartialEq)]
pub(super) enum Series {
    /// What rises and falls.
    Gauges(Vec<Point>),
    /// What only rises while the process lives.
    Counters(Vec<Point>),
    Histograms(Vec<Distribution>),
}

/// Names and values.
pub(super) type Labels = Vec<(String, String)>;

#[derive(Debug, PartialEq)]
pub(super) struct Point {
    pub(super) labels: Labels,
    pub(super) value: f64,
}

#[derive(Debug, PartialEq)]
pub(super) struct Distribution {
    pub(super) labels: Labels,
    pub(super) count: u64,
    pub(super) sum: f64,
    /// Upper bounds, which rise, each with how many values are not above it.
    pub(super) up_to: Vec<(f64, u64)>,
}

impl Distribution {
    /// How many values are between each bound and the one before it, and after the last bound.
    pub(super) fn counts(&self) -> Vec<u64> {
        let ends = self.up_to.iter().map(|it| it.1).chain([self.count]);
        let mut before = 0;
        let between = ends.map(|end| {
            let count = end.saturating_sub(before);
            before = end;
            count
        });
        between.collect()
    }
}

/// What cannot be read is left out.
pub(super) fn read(text: &str) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    let mut help = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map_or("", |it| it.1);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind)) = rest.split_once(' ') else { continue };
            let series = match kind {
                "counter" => Series::Counters(Vec::new()),
                "histogram" => Series::Histograms(Vec::new()),
                _ => Series::Gauges(Vec::new()),
            };
            families.push(Family { name: name.to_owned(), help: help.to_owned(), series });
        } else if let Some(family) = families.last_mut() {
            family.take(line);
        }
    }
    families
}

impl Family {
    fn take(&mut self, line: &str) {
        let Some((name, mut labels, value)) = sample(line) else { return };
        match &mut self.series {
            Series::Gauges(points) | Series::Counters(points) => points.push(Point { labels, value }),
            Series::Histograms(all) => {
                let bound = labels.iter().position(|it| it.0 == "le").map(|at| labels.remove(at).1);
                if all.last().is_none_or(|it| it.labels != labels) {
                    all.push(Distribution { labels, count: 0, sum: 0.0, up_to: Vec::new() });
                }
                let Some(it) = all.last_mut() else { return };
                match (name.strip_prefix(self.name.as_str()), bound.map(|it| it.parse::<f64>())) {
                    (Some("_sum"), None) => it.sum = value,
                    (Some("_count"), None) => it.count = value as u64,
                    // That of all values is the count.
                    (Some("_bucket"), Some(Ok(bound))) if bound.is_finite() => {
                        it.up_to.push((bound, value as u64));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// One line: the name, its labels, and the value.
fn sample(line: &str) -> Option<(&str, Labels, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    match series.split_once('{') {
        None => Some((series, Vec::new(), value)),
        Some((name, rest)) => Some((name, labels(rest.strip_suffix('}')?)?, value)),
    }
}

/// `method="a",code="OK"`; a backslash stands before one of its own and a quotation mark, and for a new line before an `n`.
fn labels(mut text: &str) -> Option<Labels> {
    let mut found = Vec::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = rest.char_indices();
        let end = loop {
            match letters.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match letters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        found.push((name.to_owned(), value));
        let rest = rest.get(end + 1..)?;
        text = rest.strip_prefix(',').unwrap_or(rest);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    use prometheus_client::encoding::prometheus_text::encode;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::registry::Registry;

    fn label(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn what_was_written_for_prometheus_is_read() {
        let mut registry = Registry::with_prefix("consign");
        let waiting = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
        waiting.set(-1.5);
        registry.register("waiting", "What waits", waiting);
        let calls = family::Family::<Vec<(String, String)>, Counter>::default();
        let odd = "a \"b\" \\ c\nd, e=\"f\"}";
        calls.get_or_create(&vec![label("method", odd), label("code", "")]).inc_by(3);
        registry.register("calls", "Calls that have ended", calls);
        let took = Histogram::new([0.5, 2.0]);
        for it in [0.1, 0.2, 1.0, 7.0] {
            took.observe(it);
        }
        registry.register("took", "How long", took);
        let mut text = String::new();
        encode(&mut text, &registry).expect("a text");

        let found = read(&text);
        assert_eq!(found.len(), 3, "{text}");
        let of = |name: &str| found.iter().find(|it| it.name == name).expect(name);
        assert!(of("consign_waiting").help.starts_with("What waits"), "{text}");
        let waiting = Point { labels: Vec::new(), value: -1.5 };
        assert_eq!(of("consign_waiting").series, Series::Gauges(vec![waiting]));
        let labels = vec![label("method", odd), label("code", "")];
        assert_eq!(of("consign_calls_total").series, Series::Counters(vec![Point { labels, value: 3.0 }]));
        let Series::Histograms(took) = &of("consign_took").series else { panic!("{text}") };
        assert_eq!((took.len(), took[0].count, took[0].up_to.len()), (1, 4, 2), "{text}");
        assert!((took[0].sum - 8.3).abs() < 1e-9, "{text}");
        assert_eq!(took[0].counts(), [2, 1, 1]);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let text = "# TYPE a gauge\na 1\na{b=\"c} 2\na{b} 3\na four\n\na{b=\"c\\\"} 5\n# TYPE\nno_family";
        let one = Point { labels: Vec::new(), value: 1.0 };
        let family = Family { name: "a".to_owned(), help: String::new(), series: Series::Gauges(vec![one]) };
        assert_eq!(read(text), [family]);
        assert!(read("before 1").is_empty());
    }
}
