//! The operator's listener: is it alive, is it ready, and its metrics.
//!
//! Plain HTTP, so it is bound to loopback and nowhere else, and nothing but states and counts may ever be served here. `main` spawns
//! [`serve`] under the lifecycle.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Whether the broker takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Not yet.
    Starting,
    /// Yes.
    Ready,
    /// No more.
    Stopping,
    /// It doubts its log: it forwards nothing until an operator has looked.
    Doubted,
}

/// What the listener serves.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Whether the broker takes requests.
    pub readiness: watch::Receiver<Readiness>,
    /// The metrics; `None` when they are switched off.
    pub registry: Option<Registry>,
}

/// Binds the listener; an address that is not on loopback is refused.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the operator's listener must be on loopback"));
    }
    TcpListener::bind(address).await
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, operator: Operator, stop: CancellationToken) -> io::Result<()> {
    let routes = Router::new().route("/live", get(live)).route("/ready", get(ready)).route("/metrics", get(metrics));
    axum::serve(listener, routes.with_state(Arc::new(operator))).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn live() -> &'static str {
    "live\n"
}

async fn ready(State(operator): State<Arc<Operator>>) -> (StatusCode, &'static str) {
    match *operator.readiness.borrow() {
        Readiness::Ready => (StatusCode::OK, "ready\n"),
        Readiness::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Readiness::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        Readiness::Doubted => (StatusCode::SERVICE_UNAVAILABLE, "log doubted\n"),
    }
}

async fn metrics(State(operator): State<Arc<Operator>>) -> Response {
    let Some(registry) = &operator.registry else { return StatusCode::NOT_FOUND.into_response() };
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    match encoder.encode(&registry.gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "metrics can't be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_util::task::TaskTracker;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    async fn get(address: SocketAddr, path: &str) -> String {
        let asked = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        tokio::time::timeout(DEADLINE, asked).await.unwrap()
    }

    #[tokio::test]
    async fn it_tells_states_and_metrics_and_ends_when_told() {
        let registry = Registry::new();
        let counter = prometheus::IntCounter::new("made_up_total", "A count.").unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        counter.inc();
        let (state, readiness) = watch::channel(Readiness::Starting);
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let serving = tracker.spawn(serve(listener, Operator { readiness, registry: Some(registry) }, stop.clone()));

        assert!(get(address, "/live").await.starts_with("HTTP/1.1 200"));
        for (now, wanted) in [(Readiness::Starting, "503"), (Readiness::Ready, "200"), (Readiness::Stopping, "503"), (Readiness::Doubted, "503")] {
            state.send(now).unwrap();
            assert!(get(address, "/ready").await.starts_with(&format!("HTTP/1.1 {wanted}")), "{now:?}");
        }
        assert!(get(address, "/metrics").await.contains("made_up_total 1"));
        assert!(get(address, "/elsewhere").await.starts_with("HTTP/1.1 404"));
        stop.cancel();
        tokio::time::timeout(DEADLINE, serving).await.unwrap().unwrap().unwrap();
    }

    #[tokio::test]
    async fn it_is_bound_to_loopback_only() {
        assert!(bind("0.0.0.0:0".parse().unwrap()).await.is_err());
    }
}
