//! What is measured, in words: the help of `/metrics`, and docs/metrics.md.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of this process, since its start.
    Counter,
    /// Of this process, since its start.
    Histogram,
    /// Of the database, so the same in every process.
    Gauge,
}

#[derive(Debug, Clone, Copy)]
struct Measure {
    name: &'static str,
    kind: Kind,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the page"))]
    labels: &'static [&'static str],
    help: &'static str,
}

type Labels = &'static [&'static str];

const fn measure(kind: Kind, name: &'static str, labels: Labels, help: &'static str) -> Measure {
    Measure {
        name,
        kind,
        labels,
        help,
    }
}

const fn counter(name: &'static str, labels: Labels, help: &'static str) -> Measure {
    measure(Kind::Counter, name, labels, help)
}

const fn seconds(name: &'static str, labels: Labels, help: &'static str) -> Measure {
    measure(Kind::Histogram, name, labels, help)
}

const fn gauge(name: &'static str, labels: Labels, help: &'static str) -> Measure {
    measure(Kind::Gauge, name, labels, help)
}

const MEASURES: [Measure; 17] = [
    gauge(
        "bindery_database_up",
        &[],
        "Whether the database answered this scrape within 2 s: 1 or 0.",
    ),
    counter(
        "bindery_deliveries_received_total",
        &["event"],
        "Deliveries that were stored and acknowledged, repeated ones included; events that are not used count as `other`.",
    ),
    counter(
        "bindery_deliveries_refused_total",
        &["reason"],
        "Deliveries that were answered 4xx or 503, by a stable reason such as `signature_mismatch` or `not_stored`.",
    ),
    counter(
        "bindery_deliveries_processed_total",
        &["event", "state"],
        "Deliveries that were processed, by what became of them.",
    ),
    gauge(
        "bindery_inbox_waiting",
        &[],
        "Deliveries that wait to be processed.",
    ),
    gauge(
        "bindery_inbox_oldest_seconds",
        &[],
        "How long the oldest of them has waited; 0 when none does.",
    ),
    counter(
        "bindery_jobs_total",
        &["kind", "state"],
        "Attempts at jobs, by the state that they left the job in.",
    ),
    seconds(
        "bindery_job_seconds",
        &["kind"],
        "How long an attempt at a job took.",
    ),
    gauge(
        "bindery_queue_jobs",
        &["state"],
        "Jobs that are not finished, by their state.",
    ),
    gauge(
        "bindery_queue_oldest_due_seconds",
        &[],
        "How long the longest due job has waited for a worker; 0 when none does.",
    ),
    seconds(
        "bindery_push_to_published_seconds",
        &[],
        "From GitHub's sending of a push until its commit was published, for each binding that it moved.",
    ),
    counter(
        "bindery_github_requests_total",
        &["route", "status"],
        "Requests to GitHub's API and, as `codeload`, for its archives; `none` is no answer. Where a status could tell whether a private repository exists, it is `answered`.",
    ),
    counter(
        "bindery_healed_total",
        &["by"],
        "What was found without being told, by what found it.",
    ),
    gauge(
        "bindery_healing_last_success_timestamp_seconds",
        &["name"],
        "When it last went well, in seconds since 1970, where that is longest ago; 0 where it never did.",
    ),
    counter(
        "bindery_http_requests_total",
        &["method", "route", "status"],
        "Requests that were answered; `none` is a route that there is not.",
    ),
    seconds(
        "bindery_http_request_seconds",
        &["route"],
        "From the head of a request to the head of its answer.",
    ),
    counter(
        "bindery_audit_refusals_left_out_total",
        &[],
        "Refusals beyond those of one token that the audit log takes in a minute.",
    ),
];

/// Tells the recorder of this process what its measures are.
pub(super) fn describe_recorded() {
    for measure in MEASURES {
        match measure.kind {
            Kind::Counter => describe_counter!(measure.name, measure.help),
            Kind::Histogram => describe_histogram!(measure.name, Unit::Seconds, measure.help),
            Kind::Gauge => {}
        }
    }
}

/// The same of those that are the database's.
pub(super) fn describe_stored() {
    for measure in MEASURES {
        if measure.kind == Kind::Gauge {
            describe_gauge!(measure.name, measure.help);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};

    use super::*;

    /// docs/metrics.md.
    fn page() -> String {
        let mut page = "# Measures\n\n\
            `GET /metrics` has these, in Prometheus' text format. Counters and histograms are of the process that is\n\
            asked, since its start: sum them over all. Gauges are the database's: every process says the same, take the\n\
            greatest. No label names a tenant or a repository. Alert rules are in\n\
            [deploy/prometheus/rules.yaml](../deploy/prometheus/rules.yaml), a dashboard for Grafana in\n\
            [deploy/grafana/bindery.json](../deploy/grafana/bindery.json).\n\n\
            | measure | kind | labels | |\n|---|---|---|---|\n"
            .to_owned();
        for measure in MEASURES {
            let kind = match measure.kind {
                Kind::Counter => "counter",
                Kind::Histogram => "histogram, s",
                Kind::Gauge => "gauge",
            };
            let labels: Vec<String> = measure.labels.iter().map(|it| format!("`{it}`")).collect();
            let (name, labels, help) = (measure.name, labels.join(", "), measure.help);
            writeln!(page, "| `{name}` | {kind} | {labels} | {help} |").expect("a String takes it");
        }
        page
    }

    fn root() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
    }

    fn read(path: impl AsRef<Path>) -> String {
        std::fs::read_to_string(path).expect("a file")
    }

    fn known() -> BTreeSet<&'static str> {
        MEASURES.iter().map(|measure| measure.name).collect()
    }

    /// `BINDERY_WRITE_DOCS=1` writes it instead: that is what `./dev metrics` does.
    #[test]
    fn the_committed_page_is_up_to_date() {
        let path = root().join("docs/metrics.md");
        if std::env::var_os("BINDERY_WRITE_DOCS").is_some() {
            std::fs::write(&path, page()).expect("docs/ is writable");
        }
        assert!(
            read(path) == page(),
            "docs/metrics.md is old: run `./dev metrics`"
        );
    }

    /// The names that the macros of `metrics` are given.
    fn measured(source: &str) -> BTreeSet<&str> {
        let macros = ["counter!(", "gauge!(", "histogram!("];
        let begins = macros.iter().flat_map(|name| source.match_indices(name));
        let names = begins.filter_map(|(at, name)| {
            let arguments = source[at + name.len()..].trim_start().strip_prefix('"')?;
            arguments.split('"').next()
        });
        names.filter(|name| name.starts_with("bindery_")).collect()
    }

    fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|it| it == "rs") {
                all.push(path);
            }
        }
    }

    #[test]
    fn all_that_is_measured_is_described_and_the_other_way_round() {
        let mut files = Vec::new();
        sources(&root().join("src"), &mut files);
        let texts: Vec<String> = files.iter().map(read).collect();
        let measured: BTreeSet<&str> = texts.iter().flat_map(|text| measured(text)).collect();
        assert_eq!(measured, known());
    }

    #[test]
    fn rules_and_dashboard_name_only_what_there_is_and_the_dashboard_all_of_it() {
        let named = |text: &str| -> BTreeSet<String> {
            let is_of_a_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
            text.match_indices("bindery_")
                .map(|(at, _)| {
                    text[at..]
                        .chars()
                        .take_while(|it| is_of_a_name(*it))
                        .collect()
                })
                .map(|name: String| name.trim_end_matches("_bucket").to_owned())
                .collect()
        };
        let known: BTreeSet<String> = known().into_iter().map(ToOwned::to_owned).collect();
        let rules = named(&read(root().join("deploy/prometheus/rules.yaml")));
        assert!(rules.is_subset(&known), "{:?}", rules.difference(&known));
        let panels = named(&read(root().join("deploy/grafana/bindery.json")));
        assert_eq!(panels, known);
    }
}
