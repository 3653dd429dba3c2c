//! What a broker tells its operator really arrives: over OTLP at a collector, and at the Prometheus endpoint; switched off, nothing does.

use std::time::Duration;

use brygga_client::v1;
use brygga_tests::harness::Broker;
use brygga_tests::otlp::{Collector, Received, attribute, get};
use brygga_tests::requests::{BOARD, POLICE, submission};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

const SUBMIT: &str = "/brygga.v1.ReferralService/SubmitReferral";
const OPEN: &str = "/brygga.v1.InboxService/OpenReferral";
const ACCEPT: &str = "/brygga.v1.InboxService/AcceptReferral";
/// The instruments that both ways must show after the requests of [`play`].
const INSTRUMENTS: [&str; 7] =
    ["brygga.requests", "brygga.request.duration", "brygga.commit.batch_size", "brygga.commits", "brygga.commit.duration", "brygga.events", "brygga.refusals"];

/// One request that succeeds of each of two methods, and one that is refused.
async fn play(broker: &Broker) {
    let referral = broker.client(POLICE, "klara").submit_referral(submission()).await.unwrap().response.referral.unwrap().id;
    let board = broker.client(BOARD, "sara");
    let early = v1::AcceptReferralRequest { referral: referral.clone(), ..Default::default() };
    assert!(board.accept_referral(early).await.is_err(), "accepted unread");
    board.open_referral(v1::OpenReferralRequest { referral, ..Default::default() }).await.unwrap();
}

fn has_span(received: &Received, method: &str, code: &str) -> bool {
    let of = |span: &opentelemetry_proto::tonic::trace::v1::Span, key, value| attribute(&span.attributes, key) == Some(value);
    received.spans().any(|span| span.name == "request" && of(span, "rpc.method", method) && of(span, "rpc.code", code))
}

/// Commands in all commits, and how many commits, by the newest histogram that came.
fn batches(received: &Received) -> Option<(f64, u64)> {
    let newest = received.metrics().filter(|metric| metric.name == "brygga.commit.batch_size").last()?;
    let Some(Data::Histogram(histogram)) = &newest.data else { return None };
    let point = histogram.data_points.first()?;
    assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
    Some((point.sum?, point.count))
}

fn switched_on(collector: &Collector) -> String {
    format!("\n[telemetry]\nlog_format = \"json\"\notlp_endpoint = \"{}\"\ntraces = true\nmetrics = true\nprometheus = true\n", collector.endpoint())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_and_metrics_arrive_at_the_collector_and_at_the_endpoint() {
    let home = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let broker = Broker::start(&home.path().join("world"), &switched_on(&collector)).await;
    play(&broker).await;
    let address = broker.ready()["operator"].as_str().unwrap();
    let text = get(address, "/metrics").await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    for name in INSTRUMENTS {
        let name = name.replace('.', "_");
        assert!(text.lines().any(|line| line.starts_with(&name)), "{name} is missing at the endpoint:\n{text}");
    }
    let line = |parts: &[&str]| text.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(line(&["brygga_requests_total{", SUBMIT, "rpc_code=\"OK\"", "} 1"]), "{text}");
    assert!(line(&["brygga_requests_total{", ACCEPT, "rpc_code=\"FAILED_PRECONDITION\"", "} 1"]), "{text}");
    assert!(line(&["brygga_refusals_total{", "reason=\"NOT_OPENED\""]) || line(&["brygga_refusals_total{", "reason=\"WRONG_STAGE\""]), "{text}");
    assert_eq!(broker.stop().await, Some(0));
    // An orderly stop has sent everything; what is on its way is waited for.
    let all = |received: &Received| {
        has_span(received, SUBMIT, "OK") && has_span(received, OPEN, "OK") && has_span(received, ACCEPT, "FAILED_PRECONDITION") && batches(received).is_some()
    };
    let received = collector.wait_until("spans of three requests and the sizes of batches", all).await;
    for name in INSTRUMENTS {
        assert!(received.metrics().any(|metric| metric.name == name), "{name} did not arrive");
    }
    let requests = received.spans().filter(|span| span.name == "request" && attribute(&span.attributes, "rpc.method") == Some(SUBMIT)).count();
    assert_eq!(requests, 1, "a span for each request");
    let (commands, commits) = batches(&received).unwrap();
    assert!(commands >= 2.0 && commits >= 2, "{commands} commands in {commits} commits");
    assert!(received.spans().all(|span| span.end_time_unix_nano >= span.start_time_unix_nano));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switched_off_nothing_is_sent_and_nothing_is_served() {
    let home = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let off = format!("\n[telemetry]\notlp_endpoint = \"{}\"\ntraces = false\nmetrics = false\nprometheus = false\n", collector.endpoint());
    let broker = Broker::start(&home.path().join("world"), &off).await;
    play(&broker).await;
    assert!(get(broker.ready()["operator"].as_str().unwrap(), "/metrics").await.starts_with("HTTP/1.1 404"));
    // A stop would send what is left, so after it nothing can come any more.
    assert_eq!(broker.stop().await, Some(0));
    let received = collector.received();
    assert_eq!((received.traces.len(), received.metrics.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_not_there_holds_nobody_up() {
    let home = tempfile::tempdir().unwrap();
    let gone = Collector::start().await;
    let more = switched_on(&gone);
    drop(gone);
    let broker = Broker::start(&home.path().join("world"), &more).await;
    play(&broker).await;
    assert_eq!(broker.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_turns_when_the_broker_stops() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(&home.path().join("world"), "").await;
    let address = broker.ready()["operator"].as_str().unwrap().to_owned();
    assert!(get(&address, "/ready").await.starts_with("HTTP/1.1 200"));
    assert!(get(&address, "/live").await.starts_with("HTTP/1.1 200"));
    assert!(broker.client(POLICE, "klara").is_serving("").await.unwrap());
    let stopping = tokio::spawn(broker.stop());
    let seen = async {
        // Until the listener is gone, what it says may be `ready` first and then `stopping`, and never `ready` again.
        let mut said = Vec::new();
        while let Ok(answer) = brygga_tests::otlp::try_get(&address, "/ready").await {
            if !answer.is_empty() {
                said.push(answer.starts_with("HTTP/1.1 200"));
            }
        }
        said
    };
    let said = tokio::time::timeout(Duration::from_secs(60), seen).await.expect("the listener does not end");
    assert_eq!(stopping.await.unwrap(), Some(0));
    assert!(said.is_sorted_by(|before, after| before >= after), "it said ready again after it had said that it stops: {said:?}");
}
