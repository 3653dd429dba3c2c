//! A real OTLP receiver: what a broker sends to its collector ends here and can be looked at.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{MetricsService, MetricsServiceServer};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// Longest wait for something to arrive.
pub const ARRIVAL_DEADLINE: Duration = Duration::from_secs(60);

/// Everything that has arrived.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Exports of traces.
    pub traces: Vec<ExportTraceServiceRequest>,
    /// Exports of metrics.
    pub metrics: Vec<ExportMetricsServiceRequest>,
}

impl Received {
    /// Every span.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.traces.iter().flat_map(|export| &export.resource_spans).flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans)
    }

    /// Every metric, of every export.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter().flat_map(|export| &export.resource_metrics).flat_map(|resource| &resource.scope_metrics).flat_map(|scope| &scope.metrics)
    }

    /// All of it as it came over the wire, for a scan.
    pub fn bytes(&self) -> Vec<u8> {
        let traces = self.traces.iter().flat_map(prost::Message::encode_to_vec);
        traces.chain(self.metrics.iter().flat_map(|export| export.encode_to_vec())).collect()
    }
}

/// The text of an attribute.
pub fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()?;
    if let Value::StringValue(text) = value { Some(text) } else { None }
}

#[derive(Clone)]
struct Sink {
    received: Arc<Mutex<Received>>,
    count: watch::Sender<usize>,
}

impl Sink {
    fn take(&self, take: impl FnOnce(&mut Received)) {
        take(&mut self.received.lock().unwrap_or_else(PoisonError::into_inner));
        self.count.send_modify(|count| *count += 1);
    }
}

#[tonic::async_trait]
impl TraceService for Sink {
    async fn export(&self, request: Request<ExportTraceServiceRequest>) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.take(|received| received.traces.push(request.into_inner()));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Sink {
    async fn export(&self, request: Request<ExportMetricsServiceRequest>) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.take(|received| received.metrics.push(request.into_inner()));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// A collector that listens on a port of its own.
pub struct Collector {
    sink: Sink,
    endpoint: String,
    serving: JoinHandle<()>,
}

impl Collector {
    /// Starts it.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let sink = Sink { received: Arc::default(), count: watch::Sender::new(0) };
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(sink.clone()))
            .add_service(MetricsServiceServer::new(sink.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let serving = tokio::spawn(async move { server.await.unwrap() });
        Self { sink, endpoint, serving }
    }

    /// What to configure as `telemetry.otlp_endpoint`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What has arrived so far.
    pub fn received(&self) -> Received {
        self.sink.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until what has arrived is enough.
    ///
    /// # Panics
    /// When it does not come in time.
    pub async fn wait_until(&self, what: &str, enough: impl Fn(&Received) -> bool) -> Received {
        let mut count = self.sink.count.subscribe();
        let arrived = async {
            loop {
                let received = self.received();
                if enough(&received) {
                    return received;
                }
                count.changed().await.unwrap();
            }
        };
        tokio::time::timeout(ARRIVAL_DEADLINE, arrived).await.unwrap_or_else(|_| panic!("{what} did not arrive"))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Asks an operator's listener over plain HTTP and gives the whole answer.
///
/// # Panics
/// When it does not answer in time.
pub async fn get(address: &str, path: &str) -> String {
    tokio::time::timeout(ARRIVAL_DEADLINE, try_get(address, path)).await.expect("the operator's listener does not answer").unwrap()
}

/// Asks an operator's listener that may be gone.
///
/// # Errors
/// When nobody listens, or the connection is cut.
pub async fn try_get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
