//! Every instrument of the broker, named in one place.
//!
//! Labels come from closed lists: methods, codes and reasons are `&'static str`, so that no value of a request can become a label.

use std::time::Duration;

use brygga_engine::lanes::QueueDepth;
use brygga_engine::observe::CommitOutcome;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, MeterProvider};
use opentelemetry_sdk::metrics::{MeterProviderBuilder, SdkMeterProvider};
use tonic::Code;

/// Bounds of the durations, in seconds.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds of the sizes of a batch.
const SIZES: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
/// Most series of one instrument; methods times codes stays below.
const SERIES_MAX: usize = 2000;

/// The instruments; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    meter: Meter,
    requests: Counter<u64>,
    request_seconds: Histogram<f64>,
    batch_size: Histogram<u64>,
    commits: Counter<u64>,
    commit_seconds: Histogram<f64>,
    facts: Counter<u64>,
    releases: Counter<u64>,
    cuts: Counter<u64>,
    refusals: Counter<u64>,
}

/// Bounds the number of series of every instrument.
pub(super) fn with_views(builder: MeterProviderBuilder) -> MeterProviderBuilder {
    builder
        .with_view(|_: &opentelemetry_sdk::metrics::Instrument| opentelemetry_sdk::metrics::Stream::builder().with_cardinality_limit(SERIES_MAX).build().ok())
}

impl Metrics {
    /// Makes the instruments.
    pub fn new(provider: &SdkMeterProvider) -> Self {
        let meter = provider.meter("brygga");
        Self {
            requests: meter.u64_counter("brygga.requests").with_description("Requests by method and code.").build(),
            request_seconds: meter
                .f64_histogram("brygga.request.duration")
                .with_unit("s")
                .with_boundaries(SECONDS.to_vec())
                .with_description("From the request's headers to the answer, by method.")
                .build(),
            batch_size: meter.u64_histogram("brygga.commit.batch_size").with_boundaries(SIZES.to_vec()).with_description("Commands in one commit.").build(),
            commits: meter.u64_counter("brygga.commits").with_description("Commits by outcome.").build(),
            commit_seconds: meter
                .f64_histogram("brygga.commit.duration")
                .with_unit("s")
                .with_boundaries(SECONDS.to_vec())
                .with_description("From handing a batch to the store to its outcome.")
                .build(),
            facts: meter.u64_counter("brygga.events").with_description("Events committed, by name.").build(),
            releases: meter.u64_counter("brygga.releases").with_description("Sections released.").build(),
            cuts: meter.u64_counter("brygga.releases.cut").with_description("Releases whose connection ended before their last byte had left.").build(),
            refusals: meter.u64_counter("brygga.refusals").with_description("Commands refused, by reason.").build(),
            meter,
        }
    }

    /// Watches how many commands wait for the committer; asked whenever metrics are collected.
    pub fn watch_queue(&self, waiting: impl Fn() -> QueueDepth + Send + Sync + 'static) {
        let depth = self.meter.u64_observable_gauge("brygga.queue.depth").with_description("Commands that wait for the committer, by lane.");
        // The provider holds the callback; the handle is of no use to anybody.
        let _gauge = depth
            .with_callback(move |depth| {
                let QueueDepth { prompt, ordinary } = waiting();
                for (lane, count) in [("prompt", prompt), ("ordinary", ordinary)] {
                    depth.observe(u64::try_from(count).unwrap_or(u64::MAX), &[KeyValue::new("lane", lane)]);
                }
            })
            .build();
    }

    /// Watches how many connections are open; asked whenever metrics are collected.
    pub fn watch_connections(&self, open: impl Fn() -> usize + Send + Sync + 'static) {
        let connections = self.meter.u64_observable_gauge("brygga.connections.open").with_description("Open connections of agencies.");
        let _gauge = connections.with_callback(move |connections| connections.observe(u64::try_from(open()).unwrap_or(u64::MAX), &[])).build();
    }

    /// A request was answered.
    pub fn request(&self, method: &'static str, code: Code, took: Duration) {
        self.requests.add(1, &[KeyValue::new("rpc.method", method), KeyValue::new("rpc.code", code_name(code))]);
        self.request_seconds.record(took.as_secs_f64(), &[KeyValue::new("rpc.method", method)]);
    }

    /// A batch was handed to the store and the outcome is known.
    pub fn commit(&self, commands: u64, outcome: CommitOutcome, took: Duration) {
        let outcome = match outcome {
            CommitOutcome::Committed => "committed",
            CommitOutcome::NotCommitted => "not_committed",
            CommitOutcome::OutcomeUnknown => "outcome_unknown",
        };
        self.batch_size.record(commands, &[]);
        self.commits.add(1, &[KeyValue::new("outcome", outcome)]);
        self.commit_seconds.record(took.as_secs_f64(), &[]);
    }

    /// An event of this name was committed.
    pub fn event(&self, name: &'static str) {
        self.facts.add(1, &[KeyValue::new("event.name", name)]);
    }

    /// Sections were released.
    pub fn released(&self, sections: u64) {
        self.releases.add(sections, &[]);
    }

    /// A release's connection ended before its last byte had left.
    pub fn cut(&self) {
        self.cuts.add(1, &[]);
    }

    /// A command was refused.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.add(1, &[KeyValue::new("reason", reason)]);
    }
}

/// A code as gRPC names it.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
