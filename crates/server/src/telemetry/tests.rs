//! What leaves the process, and what does not.

use std::io;
use std::sync::{Arc, Mutex};

use brygga_engine::lanes::QueueDepth;
use brygga_engine::observe::CommitOutcome;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{MetricsService, MetricsServiceServer};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prometheus::{Encoder, TextEncoder};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::task::TaskTracker;
use tonic::{Code, Request, Response, Status};

use super::*;
use crate::config::LogFormat;

/// Marks what must never come out.
const PLANTED: &str = "Anna Påhittad 19900101-0000";

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn written(section: &TelemetrySection, act: impl FnOnce()) -> String {
    let written = Written::default();
    let writer = written.clone();
    let (_telemetry, subscriber) = Telemetry::start(section, move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, act);
    written.text()
}

fn speak() {
    let span = tracing::info_span!("request", rpc.method = "Open", subject = PLANTED, rpc.code = tracing::field::Empty);
    span.record("rpc.code", "OK");
    span.in_scope(|| tracing::info!(referral.id = %"r-1", name = PLANTED, note = ?PLANTED, log.position = 7_u64, "released {} sections", 4));
}

#[test]
fn a_planted_field_is_dropped_and_the_rest_stays() {
    for log_format in [LogFormat::Json, LogFormat::Text] {
        let text = written(&TelemetrySection { log_format, ..TelemetrySection::default() }, speak);
        assert!(!text.contains("Anna") && !text.contains("1990"), "{text}");
        for kept in ["released 4 sections", "referral.id", "r-1", "log.position", "7", "rpc.method", "Open", "rpc.code", "OK"] {
            assert!(text.contains(kept), "{kept} is missing in {text}");
        }
    }
}

#[test]
fn a_line_of_json_is_json() {
    let text = written(&TelemetrySection::default(), speak);
    let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
    assert_eq!(line["message"], "released 4 sections");
    assert_eq!(line["fields"], serde_json::json!({"referral.id": "r-1", "log.position": 7}));
    assert_eq!(line["spans"], serde_json::json!([{"name": "request", "rpc.method": "Open", "rpc.code": "OK"}]));
    assert!(line["time"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn no_value_can_forge_a_line() {
    for log_format in [LogFormat::Json, LogFormat::Text] {
        let section = TelemetrySection { log_format, ..TelemetrySection::default() };
        let text = written(&section, || tracing::info!(reason = "x\n2026 INFO forged", error = %"\u{1b}[2J", "line\r\nbreak"));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\r'));
    }
}

#[test]
fn libraries_are_heard_from_warnings_on() {
    let text = written(&TelemetrySection { log_level: LogLevel::Debug, ..TelemetrySection::default() }, || {
        tracing::info!(target: "h2::proto", "library chatter");
        tracing::warn!(target: "tonic::transport", "library warning");
        tracing::debug!(target: "brygga_engine::committer", "own detail");
    });
    assert!(!text.contains("library chatter"));
    assert!(text.contains("library warning") && text.contains("own detail"));
}

#[tokio::test]
async fn prometheus_serves_the_instruments() {
    let (telemetry, _subscriber) = Telemetry::start(&TelemetrySection::default(), io::sink).unwrap();
    let metrics = telemetry.metrics();
    metrics.request("/brygga.v1.InboxService/OpenReferral", Code::FailedPrecondition, Duration::from_millis(3));
    metrics.commit(5, CommitOutcome::Committed, Duration::from_millis(2));
    metrics.watch_queue(|| QueueDepth { prompt: 2, ordinary: 0 });
    metrics.event("SectionsReleased");
    metrics.released(4);
    metrics.refused("CONSENT_MISSING");
    metrics.watch_connections(|| 3);
    let mut text = Vec::new();
    TextEncoder::new().encode(&telemetry.registry().unwrap().gather(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let series = [
        ("brygga_requests_total{", "rpc_code=\"FAILED_PRECONDITION\""),
        ("brygga_request_duration_seconds_count{", "rpc_method=\"/brygga.v1.InboxService/OpenReferral\""),
        ("brygga_commit_batch_size_sum", " 5"),
        ("brygga_commits_total{", "outcome=\"committed\""),
        ("brygga_queue_depth{", "lane=\"prompt\""),
        ("brygga_events_total{", "event_name=\"SectionsReleased\""),
        ("brygga_releases_total", " 4"),
        ("brygga_refusals_total{", "reason=\"CONSENT_MISSING\""),
        ("brygga_connections_open", " 3"),
    ];
    for (name, part) in series {
        assert!(text.lines().any(|line| line.starts_with(name) && line.contains(part)), "{name} {part} is missing in\n{text}");
    }
    telemetry.shutdown().await;
}

/// A collector that hands on what it receives, as text.
#[derive(Clone)]
struct Collector(mpsc::Sender<String>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(&self, request: Request<ExportTraceServiceRequest>) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.send(format!("{:?}", request.into_inner())).await.unwrap();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(&self, request: Request<ExportMetricsServiceRequest>) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.0.send(format!("{:?}", request.into_inner())).await.unwrap();
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_collector_receives_spans_and_metrics_without_the_planted_field() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (received, mut arrived) = mpsc::channel(64);
    let collector = Collector(received);
    let tracker = TaskTracker::new();
    let serving = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(collector.clone()))
        .add_service(MetricsServiceServer::new(collector))
        .serve_with_incoming(TcpListenerStream::new(listener));
    let serving = tracker.spawn(serving);

    let section = TelemetrySection { otlp_endpoint: Some(endpoint), traces: true, metrics: true, ..TelemetrySection::default() };
    let (telemetry, subscriber) = Telemetry::start(&section, io::sink).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        speak();
        tracing::info_span!(target: "hyper", "library span").in_scope(|| {});
    });
    telemetry.metrics().refused("CONSENT_MISSING");
    tokio::time::timeout(Duration::from_secs(20), telemetry.shutdown()).await.unwrap();

    // Everything has been sent before the shutdown returned.
    let mut all = String::new();
    while let Ok(text) = arrived.try_recv() {
        all.push_str(&text);
    }
    for kept in ["\"request\"", "rpc.method", "released 4 sections", "r-1", "bryggad", "brygga.refusals", "CONSENT_MISSING"] {
        assert!(all.contains(kept), "{kept} is missing in {all}");
    }
    assert!(!all.contains("Anna") && !all.contains("1990"), "{all}");
    assert!(!all.contains("library span"));
    serving.abort();
}
