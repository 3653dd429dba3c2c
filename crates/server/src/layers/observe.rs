//! Counts requests and puts each into a span.
//!
//! The method is a label only where it stands in the given list: a path that somebody made up becomes `other`. The message of a
//! request or an answer is never looked at.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::{Instrument, Span};

use crate::telemetry::metrics::{Metrics, code_name};

/// The label of a method that is not in the list.
const OTHER: &str = "other";

/// Counts and traces every request.
#[derive(Debug, Clone)]
pub struct ObserveLayer {
    metrics: Metrics,
    methods: &'static [&'static str],
}

impl ObserveLayer {
    /// `methods` are the paths that are served, `/package.Service/Method`.
    pub fn new(metrics: Metrics, methods: &'static [&'static str]) -> Self {
        Self { metrics, methods }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = ObserveService<S>;

    fn layer(&self, inner: S) -> ObserveService<S> {
        ObserveService { inner, layer: self.clone() }
    }
}

/// What [`ObserveLayer`] makes.
#[derive(Debug, Clone)]
pub struct ObserveService<S> {
    inner: S,
    layer: ObserveLayer,
}

impl<S> Service<Request<Body>> for ObserveService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let method = self.layer.methods.iter().copied().find(|known| *known == path).unwrap_or(OTHER);
        let span = tracing::info_span!("request", rpc.method = method, rpc.code = tracing::field::Empty);
        let metrics = self.layer.metrics.clone();
        let started = Instant::now();
        // The handler's future is made inside the span as well: it may start work before it is polled.
        let answering = span.in_scope(|| self.inner.call(request));
        let observed = async move {
            let answer = answering.await;
            let code = answer.as_ref().map_or(Code::Unknown, code_of);
            Span::current().record("rpc.code", code_name(code));
            metrics.request(method, code, started.elapsed());
            answer
        };
        Box::pin(observed.instrument(span))
    }
}

/// The code among the headers; an answer with content has it in its trailers and was well when it began.
fn code_of(response: &Response<Body>) -> Code {
    if response.headers().contains_key("grpc-status") {
        Status::from_header_map(response.headers()).map_or(Code::Unknown, |status| status.code())
    } else {
        Code::Ok
    }
}
